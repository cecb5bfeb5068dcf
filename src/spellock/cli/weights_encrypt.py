"""`spellock weights encrypt` and `decrypt`: a model's weights under a key file."""

from __future__ import annotations

import json as json_format
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from spellock.cli.key_words import refuse_both
from spellock.cli.new_key_file import check_apart
from spellock.errors import ConfigError, ModelError, StorageError
from spellock.passphrase import new_passphrase

if TYPE_CHECKING:
    from spellock.weightlocks.encrypted_file import Written
    from spellock.weightlocks.file_key import FileKey


@dataclass(frozen=True, kw_only=True)
class WeightsEncryptArgs:
    """Encrypt a safetensors file, or the weights in a model folder, so that they are of no use without the key file.

    Where there is no key file yet, one is made, encrypted under a passphrase that is asked for twice.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """File, or folder with model.safetensors, config.json and a card."""
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """File or folder to write; an existing one is never replaced."""
    key: Path
    """Key file: used where it is there, made where it is not."""
    passphrase_file: Path | None = None
    """File with the key file's passphrase (mode 600) instead of asking."""
    plain: bool = False
    """Make the new key file without encryption: whoever reads it has the key."""
    hide_names: bool = False
    """Encrypt the names and shapes of the tensors too."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True, kw_only=True)
class WeightsDecryptArgs:
    """Decrypt weights to disk, byte for byte as they were; `load_encrypted` in Python uses them without that."""

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Encrypted model: a file or a folder."""
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """File or folder to write, weights readable by you alone; an existing one is never replaced."""
    key: Path
    """Key file."""
    passphrase_file: Path | None = None
    """File with its passphrase (mode 600) instead of asking."""
    json: bool = False
    """Print one JSON object."""


def run_encrypt(args: WeightsEncryptArgs) -> int:
    """Encrypt and report; returns 0. A new key file is complete before the weights are begun, and stays.

    Raises:
        SpellockError: the model cannot be read, the output exists or cannot be written, or the key does not open.
    """
    _check_places(args.model, args.out)
    from spellock.weightlocks.encrypted_model import encrypt_model

    key, made = _key_for(args)
    written = encrypt_model(args.model, args.out, key, hide_names=args.hide_names)
    if args.json:
        _print_json(args.out, args.key, written, key_made=made, names_hidden=args.hide_names)
        return 0
    if made:
        how = ", NOT encrypted" if args.plain else ""
        print(f"{args.key} written{how}; without it these weights are lost for good, so keep a copy")
    print(f"{args.out} written, {_amount(written)} encrypted; {args.model} is still there as it was")
    return 0


def run_decrypt(args: WeightsDecryptArgs) -> int:
    """Decrypt and report; returns 0.

    Raises:
        SpellockError: the weights were altered or cannot be read, the output exists or cannot be written, or the key is
            another one or does not open.
    """
    _check_places(args.model, args.out)
    from spellock.weightlocks.encrypted_model import decrypt_model
    from spellock.weightlocks.file_key import open_file_key

    written = decrypt_model(args.model, args.out, open_file_key(args.key, passphrase_file=args.passphrase_file))
    if args.json:
        _print_json(args.out, args.key, written)
    else:
        print(f"{args.out} written, {_amount(written)} decrypted; whoever reads it has the weights")
    return 0


def _check_places(model: Path, out: Path) -> None:
    # Before a passphrase is asked for, not after.
    if not model.exists():
        raise ModelError(f"there is no model at {model}; check the path")
    if os.path.lexists(out):
        raise StorageError(f"{out} exists already; choose another name or remove it first")
    if not out.parent.is_dir():
        raise StorageError(f"there is no folder {out.parent} for the output; make it first")


def _key_for(args: WeightsEncryptArgs) -> tuple[FileKey, bool]:
    """The key, and whether its file was made now."""
    from spellock.weightlocks.file_key import FileKey, open_file_key, save_file_key

    if os.path.lexists(args.key):
        if args.plain:
            raise ConfigError(f"got --plain, but {args.key} is there already and stays as it is; leave --plain out")
        return open_file_key(args.key, passphrase_file=args.passphrase_file), False
    refuse_both("--plain", args.plain, "--passphrase-file", args.passphrase_file is not None)
    if not args.key.parent.is_dir():
        raise StorageError(f"there is no folder {args.key.parent} for the key file; make it first")
    check_apart(args.key, args.model)
    passphrase = None if args.plain else new_passphrase(args.key, passphrase_file=args.passphrase_file)
    key = FileKey.new()
    save_file_key(key, args.key, passphrase=passphrase, plain=args.plain)
    return key, True


def _print_json(out: Path, key: Path, written: Sequence[Written], **more: object) -> None:
    files = [{"path": str(each.path), "tensors": each.tensors, "bytes": each.nbytes} for each in written]
    print(json_format.dumps({"path": str(out), "key": str(key), "files": files, **more}))


def _amount(written: Sequence[Written]) -> str:
    tensors, size = sum(each.tensors for each in written), sum(each.nbytes for each in written)
    return f"{tensors} tensors, {size / 1e6:.1f} MB"
