"""The backbone of FastestDet (xuehao.ma 2022): a ShuffleNetV2 (Ma et al. 2018) of 0.15 M parameters.

Parameters are named as in the published weights: ``first_conv``, then ``stage2`` to ``stage4`` of blocks with
``branch_main`` and, where the stride is 2, ``branch_proj``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn

Norm = Callable[[int], nn.Module]
_FIRST = 24
_REPEATS = (4, 8, 4)


class ShuffleNetBody(nn.Module):
    """Takes RGB images, of which its author's weights want plain [0, 1]; gives maps of strides 8, 16 and 32.

    Args:
        norm: makes a norm for so many channels.
    """

    widths = (48, 96, 192)

    def __init__(self, *, norm: Norm = nn.BatchNorm2d) -> None:
        super().__init__()
        first = nn.Conv2d(3, _FIRST, 3, 2, 1, bias=False)
        self.first_conv = nn.Sequential(first, norm(_FIRST), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, 1)
        before = _FIRST
        for number, (repeats, width) in enumerate(zip(_REPEATS, self.widths, strict=True), 2):
            blocks = [_Down(before, width, norm), *(_Block(width, norm) for _ in range(repeats - 1))]
            self.add_module(f"stage{number}", nn.Sequential(*blocks))
            before = width

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """Feature maps by stride."""
        maps: OrderedDict[str, Tensor] = OrderedDict()
        # The weights were trained on pictures as OpenCV reads them, blue first.
        x = self.pool(self.first_conv(x.flip(1)))
        for number, stride in enumerate(("8", "16", "32"), 2):
            x = self.get_submodule(f"stage{number}")(x)
            maps[stride] = x
        return maps


class _Block(nn.Module):
    """Every second channel passes unchanged; the others go through a depthwise convolution."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.branch_main = _branch(width // 2, width // 2, width // 2, 1, norm)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x[:, ::2], self.branch_main(x[:, 1::2])], 1)


class _Down(nn.Module):
    """Half the size, two branches from all channels."""

    def __init__(self, before: int, width: int, norm: Norm) -> None:
        super().__init__()
        self.branch_main = _branch(before, width // 2, width - before, 2, norm)
        self.branch_proj = nn.Sequential(
            *_depthwise(before, 2, norm), nn.Conv2d(before, before, 1, bias=False), norm(before), nn.ReLU(inplace=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch_proj(x), self.branch_main(x)], 1)


def _branch(before: int, middle: int, after: int, stride: int, norm: Norm) -> nn.Sequential:
    first = (nn.Conv2d(before, middle, 1, bias=False), norm(middle), nn.ReLU(inplace=True))
    last = (nn.Conv2d(middle, after, 1, bias=False), norm(after), nn.ReLU(inplace=True))
    return nn.Sequential(*first, *_depthwise(middle, stride, norm), *last)


def _depthwise(width: int, stride: int, norm: Norm) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(width, width, 3, stride, 1, groups=width, bias=False), norm(width)
