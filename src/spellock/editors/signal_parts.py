"""Parts of a picture's signal: brightness, colour, channels, what is coarse and what is fine.

Each is a linear map P of differences of pictures; the other part of the same picture is what P leaves, 1 - P.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import torch
from torch import Tensor

#: float32 (B, 3, R, R) to the same shape, linear.
SignalPart: TypeAlias = Callable[[Tensor], Tensor]

#: Widths of the blur that parts coarse from fine, as shares of the picture's side.
_WIDTHS: Final = (1 / 24, 1 / 12, 1 / 6)
#: Shares of a whole difference.
_SHARES: Final = (0.3, 0.4, 0.5, 0.6)


@dataclass(frozen=True)
class Share:
    """The same share of everything."""

    share: float

    def __call__(self, images: Tensor) -> Tensor:
        """See `SignalPart`."""
        return self.share * images


@dataclass(frozen=True)
class Brightness:
    """What all three channels have in common; what it leaves is colour."""

    def __call__(self, images: Tensor) -> Tensor:
        """See `SignalPart`."""
        return images.mean(1, keepdim=True).expand_as(images)


@dataclass(frozen=True)
class Channels:
    """Some of red, green and blue."""

    kept: tuple[bool, bool, bool]

    def __call__(self, images: Tensor) -> Tensor:
        """See `SignalPart`."""
        return images * images.new_tensor([float(one) for one in self.kept]).view(3, 1, 1)


@dataclass(frozen=True)
class Coarse:
    """What a Gaussian blur leaves, of ``width`` pixels, the picture wrapped around its edges."""

    width: float

    def __call__(self, images: Tensor) -> Tensor:
        """See `SignalPart`."""
        side = images.shape[-1]
        rows, columns = torch.fft.fftfreq(side), torch.fft.rfftfreq(side)
        squares = rows[:, None].square() + columns[None, :].square()
        kept = (-2 * (torch.pi * self.width) ** 2 * squares).exp()
        blurred: Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * kept, s=(side, side))
        return blurred


@dataclass(frozen=True)
class Rest:
    """What another part leaves."""

    part: SignalPart

    def __call__(self, images: Tensor) -> Tensor:
        """See `SignalPart`."""
        return images - self.part(images)


def draw_part(draw: random.Random, *, side: int) -> SignalPart:
    """One part of pictures of ``side`` pixels, each kind and either side of it as likely."""
    first = draw.randrange(3)
    kinds: tuple[SignalPart, ...] = (
        Brightness(),
        Channels((first == 0, first == 1, first == 2)),
        Coarse(side * draw.choice(_WIDTHS)),
        Share(draw.choice(_SHARES)),
    )
    part = draw.choice(kinds)
    return Rest(part) if draw.random() < 0.5 else part
