"""Digests of a keyed model: they tell one model from another and a whole file from an altered one, tensor by tensor.

The keyed model is public, so its digest is no secret.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from spellock.errors import ModelError
from spellock.weightlocks.dtypes import bytes_of
from spellock.weightlocks.states import State, TensorInfo

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

Digests = dict[str, str]


def digest_of(info: TensorInfo, tensor: Tensor) -> str:
    """SHA-256 of dtype, shape and bytes, in hexadecimal digits."""
    found = start_digest(info)
    found.update(bytes_of(tensor))
    return found.hexdigest()


def start_digest(info: TensorInfo) -> Hash:
    """`digest_of` before the bytes, for a tensor that comes in pieces."""
    return hashlib.sha256(described(info))


def described(info: TensorInfo) -> bytes:
    """dtype and shape, which every digest of a tensor begins with."""
    return f"{info.dtype} {list(info.shape)}\n".encode()


def model_digest(digests: Mapping[str, str]) -> str:
    """One digest of a model's digests, whatever the order of the tensors."""
    return hashlib.sha256("".join(f"{name}\n{digests[name]}\n" for name in sorted(digests)).encode()).hexdigest()


def check_digests(state: State, digests: Mapping[str, str], names: Iterable[str] | None = None, *, what: str) -> None:
    """Refuse a model that is not, byte for byte, the one that ``digests`` were taken of.

    Args:
        names: tensors to look at; all by default, and then there may be no others.
        what: names the model in the message.

    Raises:
        ModelError: a tensor is missing, too many, or altered.
    """
    infos = state.infos
    for wrong, has in ((digests.keys() - infos.keys(), "lacks"), (infos.keys() - digests.keys(), "has also")):
        if wrong and names is None:
            raise ModelError(f"{what} is not the keyed model of this key: it {has} {_few(wrong)}; get the right one")
    altered = [
        name for name in (digests if names is None else names) if digest_of(infos[name], state[name]) != digests[name]
    ]
    if altered:
        raise ModelError(
            f"{what} is not the keyed model of this key, or was altered: {_few(altered)} differ(s); get the model that "
            "came with the key, or the key that came with the model"
        )


def _few(names: Iterable[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
