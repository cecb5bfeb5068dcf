"""`spellock weights select`, `lock`, `unlock` and `part`: keys made of a model's own weights."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from spellock.artefacts import write_json
from spellock.cli.key_words import refuse_both
from spellock.cli.usage import given
from spellock.errors import ConfigError
from spellock.weightlocks.selection import PRESETS, SelectConfig

if TYPE_CHECKING:
    from spellock.weightlocks.summary import Summary


@dataclass(frozen=True, kw_only=True)
class WeightsSelectArgs:
    """Show which weights would be the key, without writing a model.

    A preset gives the other options their defaults: ``default``, ``adaloc`` (the paper's, for vision), ``adaloc-text``
    (for language) or ``corelocker``.
    """

    model: tyro.conf.Positional[Path]
    """A .safetensors file, or a folder with model.safetensors or its shards."""
    preset: str = "default"
    """Where the defaults of the options below come from."""
    plot: Path | None = None
    """Picture (PNG) of where in the network the key lies."""
    json: bool = False
    """Print one JSON object."""
    select: tyro.conf.OmitArgPrefixes[SelectConfig] = field(default_factory=SelectConfig)


@dataclass(frozen=True, kw_only=True)
class WeightsLockArgs:
    """Take a key out of a model: writes the keyed model, to give to everyone, and the key, to keep secret.

    Presets as in `spellock weights select`.
    """

    model: tyro.conf.Positional[Path]
    """A .safetensors file, or a folder with model.safetensors or its shards."""
    out: tyro.conf.Positional[Path]
    """New folder for the keyed model."""
    key: Path
    """Weight key file to write; an existing file is never replaced."""
    preset: str = "default"
    """Where the defaults of the options below come from."""
    fill: str = "gaussian"
    """What stands in the key's place: zero, gaussian, shuffled or public."""
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


@dataclass(frozen=True, kw_only=True)
class WeightsUnlockArgs:
    """Write the whole model, IN THE CLEAR. To use it only, `spellock predict` puts the key in place in memory."""

    model: tyro.conf.Positional[Path]
    """The keyed model: a .safetensors file or a folder."""
    out: tyro.conf.Positional[Path]
    """OUT, a new folder for the whole model."""
    key: Path
    """Weight key file."""
    no_check: bool = False
    """Use the key on a model that is not the one it was made with; the result predicts badly."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True, kw_only=True)
class WeightsPartArgs:
    """Make a smaller key that opens a part of the performance."""

    key: tyro.conf.Positional[Path]
    """Weight key file."""
    out: tyro.conf.Positional[Path]
    """OUT, the key file to write; an existing file is never replaced."""
    share: float
    """Share of each tensor's units that stay, the strongest first; more than 0, at most 1."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    new_passphrase_file: Path | None = None
    """The same for the new key."""
    plain: bool = False
    """Write the new key unencrypted."""
    json: bool = False
    """Print one JSON object."""


def select_defaults(words: Sequence[str]) -> WeightsSelectArgs:
    """The preset's settings for what is not said in ``words``.

    Raises:
        ConfigError: there is no such preset.
    """
    name, select = _preset(words)
    return WeightsSelectArgs(model=tyro.MISSING, preset=name, select=select)


def lock_defaults(words: Sequence[str]) -> WeightsLockArgs:
    """As `select_defaults`."""
    name, select = _preset(words)
    return WeightsLockArgs(
        model=tyro.MISSING, out=tyro.MISSING, key=tyro.MISSING, preset=name, fill=_FILLS.get(name, "gaussian"),
        select=select,
    )  # fmt: skip


#: Of presets that follow a paper: what CoreLocker leaves is nothing, and AdaLoc's code builds on it.
_FILLS = {"adaloc": "zero", "adaloc-text": "zero", "corelocker": "zero"}


def run_select(args: WeightsSelectArgs) -> int:
    """Select and print; returns 0.

    Raises:
        SpellockError: the model cannot be read, or settings do not fit it.
    """
    from spellock.derived import Secret
    from spellock.weightlocks.selection import select
    from spellock.weightlocks.states import FileState
    from spellock.weightlocks.summary import plot_summary, summarise

    state = FileState(args.model)
    # Only a random selection depends on the secret, and what is shown of that one is how large it is.
    summary = summarise(select(state, args.select, Secret(bytes(32))), state.infos)
    if args.plot is not None:
        plot_summary(summary, args.plot)
    print(json_format.dumps(summary.to_dict()) if args.json else summary.text())
    return 0


def run_lock(args: WeightsLockArgs) -> int:
    """Lock, and say where everything is; returns 0.

    Raises:
        SpellockError: an input does not fit; nothing is left half-written.
    """
    from spellock.keyfile import refuse_existing
    from spellock.passphrase import new_passphrase, open_key
    from spellock.weightlocks.locking import WeightLockConfig
    from spellock.weightlocks.model_files import lock_files
    from spellock.weightlocks.states import FileState
    from spellock.weightlocks.summary import plot_summary, summarise
    from spellock.weightlocks.weight_keyfile import open_weight_key, save_weight_key

    config = WeightLockConfig(select=args.select, fill=args.fill, customer=args.customer)
    refuse_existing(args.key)
    refuse_both("--plain", args.plain, "--passphrase-file", args.passphrase_file is not None)
    image_key = secret = None
    if args.image_key is not None:
        image_key = open_key(args.image_key, passphrase_file=args.image_passphrase_file)
    if args.secret_from is not None:
        secret = bytes(open_weight_key(args.secret_from, passphrase_file=args.image_passphrase_file).secret)
    passphrase = None if args.plain else new_passphrase(args.key, passphrase_file=args.passphrase_file)
    key = lock_files(args.model, args.out, config, secret=secret, public=args.public, image_key=image_key)
    save_weight_key(key, args.key, passphrase=passphrase, plain=args.plain)
    summary = summarise(key.places, FileState(args.out).infos)
    # Beside the key and not beside the model: where the key lies is the owner's to know.
    write_json(args.key.with_name(f"{args.key.name}.settings.json"), _without_customer(asdict(config)))
    if args.plot is not None:
        plot_summary(summary, args.plot)
    _report({"model": str(args.out), "key": str(args.key), "digest": key.model_digest}, summary, as_json=args.json)
    return 0


def run_unlock(args: WeightsUnlockArgs) -> int:
    """Write the whole model; returns 0.

    Raises:
        SpellockError: key and model do not belong together, or nothing can be written; nothing is left half-written.
    """
    from spellock.weightlocks.model_files import unlock_files
    from spellock.weightlocks.weight_keyfile import open_weight_key

    key = open_weight_key(args.key, passphrase_file=args.passphrase_file)
    unlock_files(args.model, args.out, key, check=not args.no_check)
    if args.json:
        print(json_format.dumps({"model": str(args.out), "version": key.version}))
    else:
        print(f"{args.out} holds the whole model, version {key.version}, in the clear")
    return 0


def run_part(args: WeightsPartArgs) -> int:
    """Write a part of a key; returns 0.

    Raises:
        SpellockError: the key does not open, or the new one cannot be written.
    """
    from spellock.keyfile import refuse_existing
    from spellock.passphrase import new_passphrase
    from spellock.weightlocks.parts import part_of
    from spellock.weightlocks.weight_keyfile import open_weight_key, save_weight_key

    refuse_both("--plain", args.plain, "--new-passphrase-file", args.new_passphrase_file is not None)
    refuse_existing(args.out)
    part = part_of(open_weight_key(args.key, passphrase_file=args.passphrase_file), args.share)
    passphrase = None if args.plain else new_passphrase(args.out, passphrase_file=args.new_passphrase_file)
    save_weight_key(part, args.out, passphrase=passphrase, plain=args.plain)
    if args.json:
        print(json_format.dumps({"key": str(args.out), "bytes": part.value_bytes}))
    else:
        print(f"{args.out} opens a part of the performance, with {part.value_bytes:,} bytes of weights")
    return 0


def _preset(words: Sequence[str]) -> tuple[str, SelectConfig]:
    name = given(words, "--preset") or "default"
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}, expected one of {', '.join(PRESETS)}")
    return name, PRESETS[name]


def _report(said: dict[str, Any], summary: Summary, *, as_json: bool) -> None:
    if as_json:
        print(json_format.dumps({**said, **summary.to_dict()}))
        return
    print(f"keyed model  {said['model']}, for everyone")
    print(f"key          {said['key']}, secret: without it the model predicts badly, and it cannot be made again")
    print(f"             {summary.key_bytes:,} bytes, {summary.key_bytes / summary.of_bytes:.1%} of the model")


def _without_customer(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != "customer"}
