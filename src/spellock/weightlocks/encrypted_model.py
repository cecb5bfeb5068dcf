"""Encrypted models: single files or whole folders, and the way back into a network.

In a folder every ``*.safetensors`` is encrypted and gets ``.enc`` behind its name; ``config.json``, the card and other
small texts go along as they are. A folder that holds anything else is refused, since other files may be weights too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from torch import nn

from spellock.artefacts import new_folder, write_bytes
from spellock.errors import ModelError
from spellock.weightlocks.encrypted_file import Written, decrypt_file, encrypt_file
from spellock.weightlocks.encrypted_tensors import EncryptedTensors
from spellock.weightlocks.file_key import FileKey

SUFFIX: Final = ".enc"
_WEIGHTS: Final = ".safetensors"
_TEXTS: Final = (".json", ".md", ".txt")
_CARD: Final = "README.md"
_MAX_TEXT_BYTES: Final = 64 * 2**20
#: Put behind the card of an encrypted folder, and taken off again.
NOTE: Final = (
    "\n\nThe weights in this folder are encrypted; whoever has the key file reads them with spellock "
    "(`spellock weights decrypt`, or `load_encrypted` in Python). This text and the configuration are not "
    "encrypted, and nothing guards them against changes.\n"
)


def encrypt_model(source: Path, target: Path, key: FileKey, *, hide_names: bool = False) -> tuple[Written, ...]:
    """Encrypt a safetensors file, or a model folder into a new folder; complete or not at all.

    Hidden files (whose names begin with a dot) of a folder are left out. Other arguments and errors are those of
    `encrypt_file`.

    Raises:
        ModelError: besides, a folder holds no safetensors file, or something that is neither that nor a text; or names
            are to be hidden that an index beside the weights shows.
    """
    source, target = Path(source), Path(target)
    if not source.is_dir():
        return (encrypt_file(source, target, key, hide_names=hide_names),)
    weights, texts = _contents(source, _WEIGHTS)
    shown = [path for path in texts if path.name.endswith(f"{_WEIGHTS}.index.json")]
    if hide_names and shown:
        raise ModelError(f"got names to hide, which {shown[0]} shows; remove that index or leave the names readable")
    written = []
    with new_folder(target) as temporary:
        for path in weights:
            done = encrypt_file(path, temporary / (path.name + SUFFIX), key, hide_names=hide_names)
            written.append(Written(path=target / done.path.name, tensors=done.tensors, nbytes=done.nbytes))
        for path in texts:
            write_bytes(temporary / path.name, _read(path) + (NOTE.encode() if path.name == _CARD else b""))
    return tuple(written)


def decrypt_model(source: Path, target: Path, key: FileKey) -> tuple[Written, ...]:
    """The inverse of `encrypt_model`: the plain file, or a folder with the files that were encrypted, byte for byte.

    Errors are those of `decrypt_file`.

    Raises:
        ModelError: besides, a folder holds no encrypted weights, or something that is neither those nor a text.
    """
    source, target = Path(source), Path(target)
    if not source.is_dir():
        return (decrypt_file(source, target, key),)
    weights, texts = _contents(source, _WEIGHTS + SUFFIX)
    written = []
    with new_folder(target) as temporary:
        for path in weights:
            done = decrypt_file(path, temporary / path.name.removesuffix(SUFFIX), key)
            written.append(Written(path=target / done.path.name, tensors=done.tensors, nbytes=done.nbytes))
        for path in texts:
            write_bytes(temporary / path.name, _read(path).removesuffix(NOTE.encode()))
    return tuple(written)


def load_encrypted(model: nn.Module, path: Path, key: FileKey) -> nn.Module:
    """Fill ``model`` from encrypted weights, tensor by tensor in memory, and return it.

    Names and shapes must be exactly those of its ``state_dict``, and are checked before anything is changed; of tensors
    that share their memory one is enough. Element types are converted, as `load_state_dict` does.

    Args:
        model: a network on real devices. Where a tensor's bytes turn out to be altered, those before it are replaced
            already: do not use the model then.
        path: an encrypted file, or a folder with ``model.safetensors.enc``.
        key: the key that it was made with.

    Raises:
        KeyFileError: the key is not that of the file.
        ModelError: the file is missing, damaged, of a newer version, or does not fit the model.
    """
    path = Path(path)
    if path.is_dir():
        path = path / f"model{_WEIGHTS}{SUFFIX}"
    with EncryptedTensors(path, key) as tensors:
        _check_fit(model, tensors)
        state = model.state_dict()
        with torch.no_grad():
            for name in tensors:
                state[name].copy_(tensors[name])
    return model


def _check_fit(model: nn.Module, tensors: EncryptedTensors) -> None:
    state = model.state_dict()
    for name, value in state.items():
        if not isinstance(value, torch.Tensor) or value.is_meta:
            raise ModelError(f"entry {name!r} of the model is no tensor in memory; make the model on a real device")
    unknown = sorted(tensors.keys() - state.keys())
    here = {(state[name].data_ptr(), state[name].shape) for name in tensors.keys() & state.keys()}
    missing = [
        name for name in state if name not in tensors and (state[name].data_ptr(), state[name].shape) not in here
    ]
    if missing or unknown:
        what = f"lacks {missing[0]!r}" if missing else f"holds {unknown[0]!r}, which the model has no place for"
        raise ModelError(
            f"{tensors.path} does not fit {type(model).__name__}: it {what} "
            f"({len(missing)} missing, {len(unknown)} unknown); use the model that it was saved from"
        )
    for entry in tensors.header.entries:
        if entry.shape != tuple(state[entry.name].shape):
            raise ModelError(
                f"{tensors.path} does not fit {type(model).__name__}: {entry.name!r} is {list(entry.shape)}, "
                f"expected {list(state[entry.name].shape)}"
            )


def _contents(folder: Path, suffix: str) -> tuple[list[Path], list[Path]]:
    """The weights and the texts of a folder."""
    weights, texts = [], []
    for path in _listed(folder):
        if path.is_file() and path.name.endswith(suffix):
            weights.append(path)
        elif path.is_file() and (path.suffix.lower() in _TEXTS or path.name == "LICENSE"):
            texts.append(path)
        else:
            raise ModelError(
                f"{folder} holds {path.name!r}, expected *{suffix} and {', '.join(_TEXTS)} files only: it would be "
                "left as it is, and may be weights; move it elsewhere"
            )
    if not weights:
        raise ModelError(f"{folder} holds no *{suffix} file; check the path")
    return weights, texts


def _listed(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ModelError(f"cannot read {folder}: {error.strerror}; check the path") from error


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_TEXT_BYTES:
            raise ModelError(f"{path} is larger than {_MAX_TEXT_BYTES} bytes, too large for a text; move it elsewhere")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}; check the path") from error
