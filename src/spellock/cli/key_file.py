"""`spellock key show` and `rekey`: look at key files of images and of weights, and re-encrypt them."""

from __future__ import annotations

import json as json_format
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from spellock.cli.key_words import refuse_both, report
from spellock.keyfile import load_key, read_header, rekey
from spellock.passphrase import ask_passphrase, new_passphrase, open_key, read_passphrase_file
from spellock.weightlocks.weight_header import is_weight_key, read_weight_header
from spellock.weightlocks.weight_keyfile import load_weight_key, open_weight_key, rekey_weight_key


@dataclass(frozen=True, kw_only=True)
class KeyShowArgs:
    """Show the public header of a key file; with --reveal, the whole key."""

    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="KEY")]
    """Key file."""
    reveal: bool = False
    """Print the key itself, prompt and secret included."""
    passphrase_file: Path | None = None
    """File with the passphrase (mode 600) instead of asking; used with --reveal."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True, kw_only=True)
class KeyRekeyArgs:
    """Encrypt a key file under a new passphrase; the old file stays until the new one is complete."""

    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="KEY")]
    """Key file."""
    passphrase_file: Path | None = None
    """File with the present passphrase (mode 600) instead of asking."""
    new_passphrase_file: Path | None = None
    """File with the new passphrase (mode 600) instead of asking."""
    plain: bool = False
    """Take the encryption off: whoever reads the file has the key."""
    json: bool = False
    """Print one JSON object."""


def run_show(args: KeyShowArgs) -> int:
    """Print what a key file says; returns 0.

    Raises:
        KeyFileError: it does not open.
    """
    of_weights = is_weight_key(args.path)
    header = read_weight_header(args.path) if of_weights else read_header(args.path)
    found: dict[str, object] = {"path": str(args.path), "header": header}
    if args.reveal:
        open_any = open_weight_key if of_weights else open_key
        found["key"] = open_any(args.path, passphrase_file=args.passphrase_file).to_dict()
    if args.json:
        print(json_format.dumps(found))
        return 0
    for name, value in _flat(found):
        # repr: a key file from elsewhere may hold control characters, which the terminal must not obey.
        print(f"{name:<28} {value!r}")
    if not args.reveal:
        print("The key itself is shown with --reveal.", file=sys.stderr)
    return 0


def run_rekey(args: KeyRekeyArgs) -> int:
    """Re-encrypt a key file; returns 0.

    Raises:
        SpellockError: the file does not open, or the new one cannot be written; the old file is then as it was.
    """
    refuse_both("--plain", args.plain, "--new-passphrase-file", args.new_passphrase_file is not None)
    of_weights = is_weight_key(args.path)
    old = None
    if args.passphrase_file is not None:
        old = read_passphrase_file(args.passphrase_file)
    elif (read_weight_header if of_weights else read_header)(args.path)["cipher"] != "none":
        old = ask_passphrase(args.path)
    # A wrong passphrase is told before a new one is asked for.
    (load_weight_key if of_weights else load_key)(args.path, passphrase=old)
    new = (
        None
        if args.plain
        else new_passphrase(args.path, passphrase_file=args.new_passphrase_file, flag="--new-passphrase-file")
    )
    again = rekey_weight_key if of_weights else rekey
    again(args.path, passphrase=old, new_passphrase=new, plain=args.plain)
    report(args.path, "re-encrypted" if new is not None else "rewritten", encrypted=not args.plain, as_json=args.json)
    return 0


def _flat(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Nested objects as dotted names."""
    lines: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, dict) and value:
            lines += _flat(value, f"{prefix}{name}.")
        else:
            lines.append((f"{prefix}{name}", value))
    return lines
