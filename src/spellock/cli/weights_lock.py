"""`spellock weights lock`: a key taken out of a model's own weights."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from spellock.artefacts import write_json
from spellock.cli.key_words import refuse_both
from spellock.cli.weights_select import check_picture, preset_named
from spellock.errors import ConfigError
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.value_coding import EXACT

if TYPE_CHECKING:
    from spellock.weightlocks.summary import Summary


@dataclass(frozen=True, kw_only=True)
class WeightsLockArgs:
    """Take a key out of a model: writes the keyed model, to give to everyone, and the key, to keep secret.

    Presets as in `spellock weights select`.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """A .safetensors file, or a folder with model.safetensors or its shards."""
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """New folder for the keyed model."""
    key: Path
    """Weight key file to write; an existing file is never replaced."""
    preset: str = "default"
    """Where the defaults of the options below come from."""
    fill: str = "gaussian"
    """What stands in the key's place: zero, gaussian, shuffled or public."""
    coding: str = "int8"
    """How the key holds weights: exact, or rounded to int8 or int4, which makes it smaller and changes the opened model
    a little; or with --fill public what they differ by from the public model's, int8-delta or int4-delta. Gains, biases
    and statistics stay exact."""
    at_most: float | None = None
    """The largest key whose file is at most this share of the model's bytes, say 0.1; in place of --fraction."""
    public: Path | None = None
    """The public pretrained model, for --fill public."""
    customer: str = ""
    """Whom this keyed model is for: every name gives a fill of its own, which tells whose copy was leaked."""
    secret_from: Path | None = None
    """Another weight key of the same model, whose secret is taken: for the keyed models of several customers."""
    image_key: Path | None = None
    """A key file of `spellock key new` to put into the same file, for models locked with it."""
    passphrase_file: Path | None = None
    """File with the new key's passphrase (mode 600) instead of asking."""
    image_passphrase_file: Path | None = None
    """The same for --image-key and --secret-from."""
    plain: bool = False
    """Write the key unencrypted: whoever reads the file has it."""
    plot: Path | None = None
    """Picture (PNG) of where in the network the key lies. It is secret."""
    json: bool = False
    """Print one JSON object."""
    select: tyro.conf.OmitArgPrefixes[SelectConfig] = field(default_factory=SelectConfig)


def lock_defaults(words: Sequence[str]) -> WeightsLockArgs:
    """As `select_defaults`."""
    name, lock = preset_named(words)
    return WeightsLockArgs(
        model=tyro.MISSING, out=tyro.MISSING, key=tyro.MISSING, preset=name, fill=lock.fill, coding=lock.coding,
        select=lock.select,
    )  # fmt: skip


def run_lock(args: WeightsLockArgs) -> int:
    """Lock, and say where everything is; returns 0.

    Raises:
        SpellockError: an input does not fit; nothing is left half-written.
    """
    import shutil

    from spellock.cli.new_key_file import check_apart, check_new_key
    from spellock.passphrase import new_passphrase, open_key
    from spellock.weightlocks.lock_config import WeightLockConfig
    from spellock.weightlocks.model_files import SETTINGS, lock_files
    from spellock.weightlocks.states import FileState
    from spellock.weightlocks.summary import plot_summary, summarise
    from spellock.weightlocks.weight_keyfile import open_weight_key, save_weight_key

    config = WeightLockConfig(select=args.select, fill=args.fill, customer=args.customer, coding=args.coding)
    if args.at_most is not None:
        config = replace(config, select=_sized(args))
    check_new_key(args.key)
    check_apart(args.key, args.model)
    if args.plot is not None:
        check_picture(args.plot)
    refuse_both("--plain", args.plain, "--passphrase-file", args.passphrase_file is not None)
    image_key = secret = None
    if args.image_key is not None:
        image_key = open_key(args.image_key, passphrase_file=args.image_passphrase_file, flag="--image-passphrase-file")
    if args.secret_from is not None:
        other = open_weight_key(args.secret_from, passphrase_file=args.image_passphrase_file)
        if other.is_part:
            raise ConfigError(f"{args.secret_from} is a part of a key and has not its secret; give the whole key")
        secret = bytes(other.secret)
    passphrase = None if args.plain else new_passphrase(args.key, passphrase_file=args.passphrase_file)
    key = lock_files(args.model, args.out, config, secret=secret, public=args.public, image_key=image_key)
    try:
        save_weight_key(key, args.key, passphrase=passphrase, plain=args.plain)
    except BaseException:
        shutil.rmtree(args.out)  # a keyed model without its key is of no use, and would be in the way of the next try
        raise
    summary = summarise(key.places, FileState(args.out).infos, coding=key.coding)
    # Beside the key and not beside the model: where the key lies is the owner's to know.
    write_json(args.key.with_name(args.key.name + SETTINGS), _without_customer(asdict(config)))
    if args.plot is not None:
        plot_summary(summary, args.plot)
    said = {"model": str(args.out), "key": str(args.key), "digest": key.model_digest, "coding": key.coding}
    _report(said, summary, args.key.stat().st_size, as_json=args.json)
    return 0


def _sized(args: WeightsLockArgs) -> SelectConfig:
    """The same for all secrets: customers' keyed models have their keys in the same places."""
    from spellock.derived import Secret
    from spellock.weightlocks.sizing import at_most
    from spellock.weightlocks.states import FileState

    assert args.at_most is not None
    return at_most(FileState(args.model), args.select, args.at_most, Secret(bytes(32)), coding=args.coding)


def _report(said: dict[str, Any], summary: Summary, file_bytes: int, *, as_json: bool) -> None:
    if as_json:
        print(json_format.dumps({**said, "file_bytes": file_bytes, **summary.to_dict()}))
        return
    print(f"keyed model  {said['model']}, for everyone")
    print(f"key          {said['key']}, secret: without it the model predicts badly, and it cannot be made again")
    share = f"{file_bytes / summary.of_bytes:.1%} of the model"
    print(f"             {file_bytes:,} bytes with what says which model it opens, {share}")
    if said["coding"] != EXACT:
        bits = str(said["coding"]).removesuffix("-delta")
        what = "weights in it" if bits == said["coding"] else "differences to the public model in it"
        print(f"             {what} are rounded to {bits}; --coding {EXACT} keeps weights as they are")


def _without_customer(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "customer"}
