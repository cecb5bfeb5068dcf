"""Keys, small encrypted files, and how a refusal must read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spellock.errors import SpellockError
from spellock.weightlocks.encrypted_file import encrypt_file
from spellock.weightlocks.encrypted_tensors import read_encrypted
from spellock.weightlocks.file_key import FileKey

from .safetensors_samples import a_file

KEY = FileKey(secret=bytes(range(32)))
OTHER_KEY = FileKey(secret=bytes(range(1, 33)))
SMALL = {
    "alpha": torch.arange(40, dtype=torch.uint8),
    "beta": torch.arange(40, 80, dtype=torch.uint8),
    "empty": torch.zeros(0, dtype=torch.uint8),
}


def a_small_one(folder: Path, name: str = "small", *, hide_names: bool = False, key: FileKey = KEY) -> Path:
    """An encrypted file with two tensors of three chunks of 16 bytes and one without elements."""
    plain = a_file(folder / f"{name}.safetensors", SMALL)
    encrypt_file(plain, folder / f"{name}.enc", key, hide_names=hide_names, chunk_bytes=16)
    return folder / f"{name}.enc"


def refusal(path: Path, key: FileKey = KEY, *, kind: type[SpellockError] = SpellockError) -> str:
    """The sentence with which a file is refused when it is opened, or when all of its tensors are read."""

    def read_all() -> None:
        with read_encrypted(path, key) as tensors:
            for name in tensors:
                tensors[name]

    with pytest.raises(kind) as caught:
        read_all()
    message = str(caught.value)
    assert message
    assert "\n" not in message
    assert bytes(key.secret).hex() not in message
    return message
