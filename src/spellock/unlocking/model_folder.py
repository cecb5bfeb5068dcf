"""What a customer gets: a model's folder, plain or with encrypted weights, and a key of either kind."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from spellock.errors import ConfigError, ModelError
from spellock.key import Key
from spellock.keyfile import load_key
from spellock.tasks.checkpoint import LoadedModel, load_model
from spellock.weightlocks.encrypted_model import load_encrypted
from spellock.weightlocks.file_key import FileKey
from spellock.weightlocks.weight_header import is_weight_key
from spellock.weightlocks.weight_key import WeightKey
from spellock.weightlocks.weight_keyfile import load_weight_key


def open_model(folder: Path, *, decrypt: FileKey | None = None) -> LoadedModel:
    """Read a model folder; encrypted weights are decrypted into memory only.

    Args:
        decrypt: what the weights were encrypted under; None for plain ones.

    Raises:
        ModelError: the folder is missing, damaged, no model, encrypted without a key being given, or the reverse.
        KeyFileError: ``decrypt`` is another model's.
    """
    if decrypt is not None and (folder / "model.safetensors").is_file():
        raise ModelError(f"{folder} holds plain weights; leave the key of encrypted weights out (--decrypt-key)")
    return load_model(folder, fill=None if decrypt is None else partial(load_encrypted, key=decrypt))


def open_with_key(
    folder: str | Path, key: Key | WeightKey | str | Path | None, passphrase: str | None, decrypt: FileKey | None
) -> tuple[LoadedModel, Key | WeightKey | None]:
    """A model folder and the key that opens it, which is not used yet.

    Raises:
        ConfigError: there is neither ``key`` nor ``decrypt``.
        ModelError, KeyFileError: see `open_model` and `open_any_key`.
    """
    if key is None and decrypt is None:
        raise ConfigError("got no key, expected that of the locked model, or decrypt= for encrypted weights")
    opened = None if key is None else open_any_key(key, passphrase)
    return open_model(Path(folder), decrypt=decrypt), opened


def open_any_key(key: Key | WeightKey | str | Path, passphrase: str | None) -> Key | WeightKey:
    """``key``, or what the key file of that name holds.

    Raises:
        KeyFileError: the file does not open.
    """
    if isinstance(key, Key | WeightKey):
        return key
    load = load_weight_key if is_weight_key(Path(key)) else load_key
    return load(Path(key), passphrase=passphrase)
