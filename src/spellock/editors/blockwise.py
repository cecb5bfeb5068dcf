"""The blockwise editor: keyed block transforms (AprilPyone and Kiya, arXiv 2008.02450, 2105.14756, 2010.00801).

An image is cut into blocks of M x M pixels, each a row of n = 3 M M values (row, column, channel), and one keyed
transform is applied to all blocks alike.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from spellock.editors.device import pick_device
from spellock.editors.format_preserving import encrypt_number
from spellock.editors.permutation import keyed_permutation
from spellock.editors.registry import register_editor
from spellock.editors.settings import parse_settings
from spellock.editors.trigger import TriggerEditor
from spellock.errors import ConfigError
from spellock.key import RESOLUTIONS, Key
from spellock.pixels import to_uint8

METHODS: Final = ("shuffle", "negative-positive", "ffx", "scramble")
#: Methods after which content is no longer where it was.
_MOVING: Final = ("shuffle", "scramble")
_FFX_DIGITS: Final = 3


@dataclass(frozen=True, kw_only=True, repr=False)
class BlockwiseSettings:
    """What a key says to the blockwise editor.

    Attributes:
        method: ``shuffle`` permutes the n values of each block, ``negative-positive`` inverts about half of them,
            ``ffx`` encrypts that half, ``scramble`` permutes the blocks as wholes.
        block: M, side of a block in pixels, 1 to 256; it must divide the key's resolution. Blocks of 1 or 2 pixels
            have so few transforms that all can be tried.

    Raises:
        ConfigError: a value is out of range.
    """

    method: str = "shuffle"
    block: int = 4

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ConfigError(f"the key's setting method is unknown, expected one of {', '.join(METHODS)}")
        if not 1 <= self.block <= 256:
            raise ConfigError("the key's setting block is out of range, expected a side of 1 to 256 pixels, such as 4")


@register_editor("blockwise", BlockwiseSettings)
class BlockwiseEditor(TriggerEditor):
    """G(x) of one of `METHODS`. Exact in bytes, hence the same on all devices.

    Attributes:
        settings: the key's `BlockwiseSettings`.
        order: int64 permutation: of a block's n values, or of the blocks with ``scramble``. New value i is old value
            ``order[i]``. With ``negative-positive`` and ``ffx`` the values i with ``order[i] > n/2`` are changed.
        chosen: bool (n,), those values; all False with the other methods.

    Args:
        key: its settings must be `BlockwiseSettings`; order and encryption come from its secret.
        device: PyTorch device.
        batch_size: see `Editor`.

    Raises:
        ConfigError: a setting is not valid, or blocks do not divide the key's resolution.
        EditorError: the device cannot be used.
    """

    canonical_batch = 8

    @classmethod
    def near_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """The same secret with every other method and block side that fits, in an order drawn from ``seed``."""
        own = parse_settings(BlockwiseSettings, key.settings, editor="blockwise")
        sides = {side for side in (own.block, 2, 4, 8, 16) if key.resolution % side == 0 and side < key.resolution}
        others = sorted((method, side) for method in METHODS for side in sides)
        random.Random(seed).shuffle(others)
        for method, side in others:
            if (method, side) != (own.method, own.block):
                yield key.with_settings(method=method, block=side)

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        super().__init__(key, batch_size=batch_size)
        self.settings = parse_settings(BlockwiseSettings, key.settings, editor="blockwise")
        self.moves_pixels = self.settings.method in _MOVING
        block, side = self.settings.block, key.resolution
        _check_sides(self.settings, side)
        method = self.settings.method
        count = (side // block) ** 2 if method == "scramble" else 3 * block**2
        purpose = "blockwise block order" if method == "scramble" else f"blockwise {method} of {count} values"
        self.order = keyed_permutation(key, purpose, count)
        chosen = self.order > count / 2 if method in ("negative-positive", "ffx") else torch.zeros(count).bool()
        self.chosen = chosen
        self._device = pick_device(device)
        self._order, self._chosen = self.order.to(self._device), chosen.to(self._device)
        self._table = ffx_table(key.derive("blockwise ffx password")).to(self._device) if method == "ffx" else None

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x): float32 (B, 3, R, R) in [0, 1]."""
        blocks = to_blocks(images.to(self._device), self.settings.block)
        match self.settings.method:
            case "shuffle":
                blocks = blocks[..., self._order]
            case "scramble":
                blocks = blocks.flatten(1, 2)[:, self._order].view_as(blocks)
            case "negative-positive":
                blocks = torch.where(self._chosen, 1 - blocks, blocks)
            case _:
                blocks = self._encrypted(blocks)
        return from_blocks(blocks, self.settings.block).cpu()

    def _encrypted(self, blocks: Tensor) -> Tensor:
        """Chosen values 0..255 become those of the table in 0..999; all are then divided by the table's largest."""
        assert self._table is not None
        levels = to_uint8(blocks).long()
        # float64: a quotient that ends on half a level must not depend on how a device divides.
        return (torch.where(self._chosen, self._table[levels], levels).double() / self._table.max()).float()


def _check_sides(settings: BlockwiseSettings, side: int) -> None:
    block = settings.block
    if side % block:
        raise ConfigError(
            f"the key's resolution {side} is not a multiple of its block {block}; make the key with resolution "
            f"{_multiple(block, side)} or with another block"
        )
    if settings.method == "scramble" and side == block:
        raise ConfigError(f"a block of {block} is the whole image, so there is nothing to scramble; use smaller blocks")


def _multiple(block: int, side: int) -> int:
    """The multiple of ``block`` nearest to ``side`` that a key can have as its resolution."""
    return min(max(round(side / block), -(-RESOLUTIONS[0] // block)), RESOLUTIONS[1] // block) * block


def ffx_table(password: bytes) -> Tensor:
    """int64 (256,) of different numbers in 0..999: each byte as a number of three digits, encrypted."""
    return torch.tensor([encrypt_number(password, level, length=_FFX_DIGITS) for level in range(256)])


def to_blocks(images: Tensor, block: int) -> Tensor:
    """(B, 3, R, R) to (B, R/M, R/M, 3 M M), values of a block by row, column, channel."""
    count, channels, rows, columns = images.shape
    cut = images.view(count, channels, rows // block, block, columns // block, block)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(count, rows // block, columns // block, block * block * channels)


def from_blocks(blocks: Tensor, block: int) -> Tensor:
    """The inverse of `to_blocks`."""
    count, down, across, values = blocks.shape
    whole = blocks.view(count, down, across, block, block, values // block**2).permute(0, 5, 1, 3, 2, 4)
    return whole.reshape(count, values // block**2, down * block, across * block)
