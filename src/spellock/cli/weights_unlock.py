"""`spellock weights unlock` and `part`: what a weight key opens, and a smaller key."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from spellock.cli.key_words import refuse_both


@dataclass(frozen=True, kw_only=True)
class WeightsUnlockArgs:
    """Write the whole model, IN THE CLEAR. To use it only, `spellock predict` puts the key in place in memory."""

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """The keyed model: a .safetensors file or a folder."""
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """A new folder for the whole model."""
    key: Path
    """Weight key file."""
    no_check: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Use the key on a model that is not the one it was made with; the result predicts badly."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True, kw_only=True)
class WeightsPartArgs:
    """Make a smaller key. How much it opens differs between models, from next to nothing to nearly all: measure it."""

    key: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="KEY")]
    """Weight key file."""
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """The key file to write; an existing file is never replaced."""
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
    from spellock.cli.new_key_file import check_new_key
    from spellock.passphrase import new_passphrase
    from spellock.weightlocks.parts import part_of
    from spellock.weightlocks.weight_keyfile import open_weight_key, save_weight_key

    refuse_both("--plain", args.plain, "--new-passphrase-file", args.new_passphrase_file is not None)
    check_new_key(args.out)
    part = part_of(open_weight_key(args.key, passphrase_file=args.passphrase_file), args.share)
    passphrase = (
        None
        if args.plain
        else new_passphrase(args.out, passphrase_file=args.new_passphrase_file, flag="--new-passphrase-file")
    )
    save_weight_key(part, args.out, passphrase=passphrase, plain=args.plain)
    if args.json:
        print(json_format.dumps({"key": str(args.out), "bytes": part.value_bytes}))
    else:
        print(f"{args.out} has {part.value_bytes:,} bytes of weights; measure how much of the performance it opens")
    return 0
