"""`spellock weights adapt`: fine-tune a keyed model inside its key, and write the key of the next version."""

from __future__ import annotations

import contextlib
import json as json_format
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import tyro

from spellock.cli.options import check_device, record_run
from spellock.cli.usage import UsageError
from spellock.data.image_set import OnError
from spellock.errors import ModelError
from spellock.training.config import FinetuneConfig


@dataclass(frozen=True, kw_only=True)
class WeightsAdaptArgs:
    """Fine-tune on new images with every update confined to the key.

    The keyed model that everyone has stays as it is, to the byte; customers get the new key. OUT holds logs and
    checkpoints, which are the whole model: keep it secret. Interrupted work is resumed by the same command.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Folder of the keyed model."""
    data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
    """What the model's task takes: an image folder with one sub-folder a class, parquet file or folder, or the id of a
    Hugging Face data set; a table of labels with the images beside it; or boxes and masks (COCO, Pascal VOC)."""
    key: Path
    """Weight key file."""
    new_key: Path
    """Key file to write; an existing file is never replaced."""
    out: Path
    """Folder for logs and checkpoints."""
    validation: float = 0.1
    """Share of every class held out for choosing the best epoch; 0 takes the last."""
    rounded_from: float = 0.0
    """After which share of the steps a key of 4 bits learns on what it can hold. With 0.67 some networks learn more,
    some less: see which the held-out images favour."""
    split: str | None = None
    """Split of the data, where it has several. None: the training split."""
    on_error: OnError = "fail"
    """What to do at an image or label that cannot be used: fail, or skip it."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    new_passphrase_file: Path | None = None
    """The same for the new key."""
    plain: bool = False
    """Write the new key unencrypted."""
    device: str = "cpu"
    """Device to train on, for example cuda."""
    json: bool = False
    """Print one JSON object."""
    training: tyro.conf.OmitArgPrefixes[FinetuneConfig] = field(default_factory=FinetuneConfig)


def defaults(words: Sequence[str]) -> WeightsAdaptArgs:
    """What is not said in ``words``: as many images a step as the model's task takes."""
    from spellock.tasks.model_task import task_of_model

    usual = FinetuneConfig()
    folder = next((Path(word) for word in words if (Path(word) / "config.json").is_file()), None)
    with contextlib.suppress(ModelError):  # said when the command runs
        if folder is not None and (batch := task_of_model(folder).default_batch) is not None:
            usual = replace(usual, batch_size=batch)
    return WeightsAdaptArgs(
        model=tyro.MISSING, data=tyro.MISSING, key=tyro.MISSING, new_key=tyro.MISSING, out=tyro.MISSING, training=usual
    )


def run(args: WeightsAdaptArgs) -> int:
    """Adapt, and say how well; returns 0.

    Raises:
        SpellockError: an input does not fit; the old key and the keyed model stay as they are.
    """
    from spellock.cli.new_key_file import check_apart, check_new_key
    from spellock.passphrase import new_passphrase
    from spellock.recipes.adapt import adapt
    from spellock.tasks.model_task import task_of_model
    from spellock.weightlocks.weight_keyfile import open_weight_key, save_weight_key

    if args.plain and args.new_passphrase_file is not None:
        raise UsageError("got both --plain and --new-passphrase-file, which exclude each other; drop one")
    if args.training.unauthorised_share is not None or args.training.alone_share:
        raise UsageError("--unauthorised-share and --alone-share are for locks of images; leave them out")
    device = check_device(args.device)
    check_new_key(args.new_key)
    check_apart(args.new_key, args.model)
    key = open_weight_key(args.key, passphrase_file=args.passphrase_file)
    passphrase = (
        None
        if args.plain
        else new_passphrase(args.new_key, passphrase_file=args.new_passphrase_file, flag="--new-passphrase-file")
    )
    images = task_of_model(args.model).open_images(args.data, split=args.split, on_error=args.on_error)
    adapted = adapt(
        args.model, key, images, args.out, args.training,
        validation=args.validation, rounded_from=args.rounded_from, device=device,
    )  # fmt: skip
    save_weight_key(adapted.key, args.new_key, passphrase=passphrase, plain=args.plain)
    record_run(args.out / "run.json", "weights adapt", args)
    if args.json:
        said = {"key": str(args.new_key), "version": adapted.key.version, "bytes": adapted.key.value_bytes}
        print(json_format.dumps(said | {"validation_score": adapted.score, "measure": adapted.measure}))
        return 0
    print(f"{args.new_key} is version {adapted.key.version}, for the same keyed model")
    if adapted.score is not None:
        print(f"held-out {adapted.measure} {100 * adapted.score:.1f} %")
    return 0
