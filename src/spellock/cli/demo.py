"""`spellock demo`: the whole way on scikit-learn's digits, without a network."""

from __future__ import annotations

import json as json_format
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from spellock.artefacts import storage_errors
from spellock.cli.options import check_device, record_run, same_run
from spellock.errors import ConfigError

if TYPE_CHECKING:
    from spellock.data.image_set import ImageSet
    from spellock.recipes.demo import DemoConfig, DemoResult

_COMMAND = "command.json"
_ROWS = (
    ("baseline", "baseline, no lock"),
    ("up", "UP, with the key"),
    ("lp", "LP, without the key"),
    ("lp_suppressed", "  lock class dropped"),
    ("lp_suppressed_mirrored", "  and turned round"),
    ("lp_centred", "  and logits centred"),
    ("lp_same_path", "  resized as for the edit"),
    ("wrong_key_mean", "wrong keys, mean"),
    ("wrong_key_max", "wrong keys, best"),
    ("hardened_lp", "hardened LP, best of all"),
    ("chance", "chance"),
)


@dataclass(frozen=True, kw_only=True)
class DemoArgs:
    """Lock, unlock and evaluate a model on scikit-learn's digits (two a picture with ``--task multilabel``), or on your
    own images.

    Makes a fresh key for the editor inside the package, trains a baseline and a locked model, and writes a report.
    Needs no network; a few minutes on two cores. Interrupted work is resumed by the same command.
    """

    task: str = "classification"
    """What to lock: a classification of digits, a multilabel one of two digits a picture, or a detection of digits on
    made-up ground (extra ``detection``)."""
    out: Path | None = None
    """Folder for everything that is made. None: spellock-demo, or the next free name."""
    data: str | None = None
    """Your own images instead of the digits: a folder with one sub-folder a class, a parquet file, or a data set id;
    with ``--task detection`` COCO json or a Pascal VOC or Cityscapes folder."""
    test: str | None = None
    """Images to evaluate on. None: the data's test split, or else a quarter of the data."""
    model: str | None = None
    """Your own model: a name of ours, of timm or torchvision, or a folder. None: a small ResNet."""
    weights: Path | None = None
    """Weights for --model: a local .safetensors, .pth, .pt or .th file."""
    resolution: int | None = None
    """Side of the edited images in pixels. None: 32."""
    epochs: int | None = None
    """Epochs of training. None: the demo's own."""
    device: str = "cpu"
    """Device for everything, for example cuda."""
    seed: int = 0
    """Seed of split, training and evaluation."""
    json: bool = False
    """Print one JSON object, all figures in percent."""


def run(args: DemoArgs) -> int:
    """Run the demonstration and print its figures; returns 0.

    Raises:
        SpellockError: an input does not fit.
    """
    if args.weights is not None and args.model is None:
        raise ConfigError("--weights needs --model, the architecture that they belong to")
    if args.test is not None and args.data is None:
        raise ConfigError("--test needs --data, the images to lock")
    out = args.out or _free_folder(args)
    from spellock.recipes.demo import run_demo

    device = check_device(args.device)
    config = _config(args)
    train, test = _images(args)
    with storage_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    record_run(out / _COMMAND, "demo", args)
    result = run_demo(config, out, train=train, test=test, device=device, say=_say)
    print(json_format.dumps(result.to_dict()) if args.json else _table(result))
    return 0


def _config(args: DemoArgs) -> DemoConfig:
    from dataclasses import replace

    from spellock.recipes.demo import demo_config
    from spellock.recipes.detection_demo import detection_demo
    from spellock.recipes.model_choice import ModelChoice

    config = detection_demo(args.seed) if args.task == "detection" else demo_config(args.task, seed=args.seed)
    training = replace(config.training, seed=args.seed)
    if args.epochs is not None:
        training = replace(training, epochs=args.epochs, warmup_epochs=min(training.warmup_epochs, args.epochs))
    choice = config.choice if args.model is None else ModelChoice(name=args.model, weights=args.weights)
    return replace(
        config,
        training=training,
        choice=choice,
        lock=replace(config.lock, seed=args.seed),
        resolution=config.resolution if args.resolution is None else args.resolution,
    )


def _images(args: DemoArgs) -> tuple[ImageSet | None, ImageSet | None]:
    from spellock.data.split_patients import check_patients
    from spellock.errors import DataError, MissingSplitError
    from spellock.tasks.registry import make_task

    if args.data is None:
        return None, None
    task = make_task(args.task)
    train = task.open_images(args.data, split=None, on_error="fail")
    if args.test is not None:
        test = task.open_images(args.test, split=None, on_error="fail")
        check_patients([train, test])
        return train, test
    try:
        test = task.open_images(args.data, split="test", on_error="fail")
    except MissingSplitError:
        return train, None
    except DataError as error:
        _say(f"a quarter of the data is held out, because its test split cannot be read: {error}")
        return train, None
    # A file of boxes whose name says no split is the same one by any: nothing may be measured on what was learnt.
    return train, None if test.ids == train.ids else test


def _free_folder(args: DemoArgs) -> Path:
    """The first free name, or the folder in which the same command was interrupted."""
    for number in count(1):
        path = Path("spellock-demo" if number == 1 else f"spellock-demo-{number}")
        if not path.exists():
            return path
        if not (path / "report" / "demo.json").exists() and same_run(path / _COMMAND, "demo", args):
            return path
    raise AssertionError("unreachable: count() never ends")


def _say(stage: str) -> None:
    print(stage, file=sys.stderr, flush=True)


def _table(result: DemoResult) -> str:
    figures = result.report.figures
    lines = [""]
    for name, title in _ROWS:
        if name in figures:
            one = figures[name]
            # Average precision has no interval, as the chance level has none.
            interval = "" if one.low == one.high else f"   [{100 * one.low:5.1f}, {100 * one.high:5.1f}]"
            lines.append(f"{title:<28}{100 * one.value:6.1f} %{interval}")
    return "\n".join([*lines, "", f"report: {result.page}   ({result.seconds:.0f} s)"])
