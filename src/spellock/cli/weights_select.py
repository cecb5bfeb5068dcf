"""`spellock weights select`: which weights would be the key."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from spellock.cli.usage import given
from spellock.errors import ConfigError, StorageError
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.presets import PRESETS
from spellock.weightlocks.select_config import SelectConfig


@dataclass(frozen=True, kw_only=True)
class WeightsSelectArgs:
    """Show which weights would be the key, without writing a model.

    A preset gives the other options their defaults: ``default``, ``delta`` (differences to a public model), ``adaloc``
    (the paper's, for vision), ``adaloc-text`` (for language) or ``corelocker``.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """A .safetensors file, or a folder with model.safetensors or its shards."""
    preset: str = "default"
    """Where the defaults of the options below come from."""
    coding: str = "int8"
    """How the key would hold weights, which says how large it is: exact, int8 or int4, or deltas of those sizes,
    int8-delta and int4-delta."""
    at_most: float | None = None
    """The largest key whose file is at most this share of the model's bytes, say 0.1; in place of --fraction."""
    plot: Path | None = None
    """Picture (PNG) of where in the network the key lies."""
    json: bool = False
    """Print one JSON object."""
    select: tyro.conf.OmitArgPrefixes[SelectConfig] = field(default_factory=SelectConfig)


def select_defaults(words: Sequence[str]) -> WeightsSelectArgs:
    """The preset's settings for what is not said in ``words``.

    Raises:
        ConfigError: there is no such preset.
    """
    name, lock = preset_named(words)
    return WeightsSelectArgs(model=tyro.MISSING, preset=name, coding=lock.coding, select=lock.select)


def run_select(args: WeightsSelectArgs) -> int:
    """Select and print; returns 0.

    Raises:
        SpellockError: the model cannot be read, or settings do not fit it.
    """
    from spellock.derived import Secret
    from spellock.weightlocks.selection import select
    from spellock.weightlocks.sizing import at_most, file_bytes
    from spellock.weightlocks.states import FileState
    from spellock.weightlocks.summary import plot_summary, summarise
    from spellock.weightlocks.value_coding import check_coding

    check_coding(args.coding)
    if args.plot is not None:
        check_picture(args.plot)
    state = FileState(args.model)
    # Only a random selection depends on the secret, and what is shown of that one is how large it is.
    secret = Secret(bytes(32))
    config = (
        args.select if args.at_most is None else at_most(state, args.select, args.at_most, secret, coding=args.coding)
    )
    summary = summarise(places := select(state, config, secret), state.infos, coding=args.coding)
    size = file_bytes(places, state.infos, coding=args.coding)
    if args.plot is not None:
        plot_summary(summary, args.plot)
    if args.json:
        print(json_format.dumps({"fraction": config.fraction, "file_bytes": size, **summary.to_dict()}))
    else:
        print(
            f"fraction {config.fraction:g}, key file of about {size:,} bytes, {size / summary.of_bytes:.2%} of it all"
        )
        print(summary.text())
    return 0


def check_picture(path: Path) -> None:
    """Refuse a place where a picture cannot be written, before anything else is.

    Raises:
        StorageError: it is a folder, or in none.
    """
    if path.is_dir() or not path.parent.is_dir():
        what = (
            "is a folder, expected a file" if path.is_dir() else f"cannot be written: there is no folder {path.parent}"
        )
        raise StorageError(f"the picture {path} {what}; give another path")


def preset_named(words: Sequence[str]) -> tuple[str, WeightLockConfig]:
    """Name and settings of the preset that ``words`` ask for, or of the default.

    Raises:
        ConfigError: there is no such preset.
    """
    name = given(words, "--preset") or "default"
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}, expected one of {', '.join(PRESETS)}")
    return name, PRESETS[name]
