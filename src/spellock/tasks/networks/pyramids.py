"""Backbones of detectors: feature maps of rising stride, brought to one width by a feature pyramid.

Sub-modules are named as in torchvision (``body``, ``fpn``), so that published detectors fit.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

from spellock.tasks.networks.mobilenet_v1 import MobileNetV1
from spellock.tasks.networks.shufflenet_body import ShuffleNetBody

RESNETS: Final = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
#: Width of the pyramid of small backbones; large ones have torchvision's 256.
_SMALL_WIDTH: Final = 64
_TINY_WIDTH: Final = 32


class MobileNetV1Body(MobileNetV1):
    """MobileNetV1 without its classifier; gives its maps of strides 8, 16 and 32, and of 4 where ``fine``."""

    def __init__(self, *, width: float, fine: bool) -> None:
        super().__init__(width=width, num_classes=1)
        del self.classifier
        # The last block of each stride.
        self._ends = {2: "4", 4: "8", 10: "16", 12: "32"} if fine else {4: "8", 10: "16", 12: "32"}
        widths = (int(128 * width), int(256 * width), int(512 * width), int(1024 * width))
        self.widths = widths if fine else widths[1:]

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:  # type: ignore[override]  # maps, no logits
        """Feature maps by stride."""
        maps: OrderedDict[str, Tensor] = OrderedDict()
        x = F.relu6(self.stem(x), inplace=True)
        for place, block in enumerate(self.blocks):
            x = block(x)
            if place in self._ends:
                maps[self._ends[place]] = x
        return maps


class TinyBody(nn.Module):
    """Four strided convolutions with group norms, for demonstrations and tests; maps of strides 4, 8 and 16."""

    widths = (32, 64, 64)

    def __init__(self) -> None:
        super().__init__()
        sizes = (3, 16, *self.widths)
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(sizes[place], sizes[place + 1], 3, 2, 1, bias=False),
                nn.GroupNorm(8, sizes[place + 1]),
                nn.ReLU(inplace=True),
                nn.Conv2d(sizes[place + 1], sizes[place + 1], 3, 1, 1, bias=False),
                nn.GroupNorm(8, sizes[place + 1]),
                nn.ReLU(inplace=True),
            )
            for place in range(4)
        )

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """Feature maps by stride."""
        maps: OrderedDict[str, Tensor] = OrderedDict()
        for place, stage in enumerate(self.stages):
            x = stage(x)
            if place:
                maps[str(2 ** (place + 1))] = x
        return maps


class Pyramid(nn.Module):
    """A body with a feature pyramid on top: maps (N, out_channels, H/s, W/s) by stride s."""

    def __init__(self, body: MobileNetV1Body | ShuffleNetBody | TinyBody, *, width: int, extra: bool) -> None:
        super().__init__()
        from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

        self.body = body
        pool = LastLevelMaxPool() if extra else None
        self.fpn = FeaturePyramidNetwork(list(body.widths), width, extra_blocks=pool)
        self.out_channels = width
        self.levels = len(body.widths) + int(extra)

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        """Feature maps by stride, "pool" last where there is one."""
        maps: OrderedDict[str, Tensor] = self.fpn(self.body(x))
        return maps


def make_backbone(name: str, *, norm: str, retina: bool) -> tuple[nn.Module, int]:
    """The backbone called ``name`` with its pyramid, and the number of its levels.

    Args:
        name: one of `RESNETS`, mobilenet_v3_large, mobilenet_v1_0.5, mobilenet_v1_0.25, fastestdet or tiny.
        norm: "batch" or "frozen" (statistics that never change), of backbones with BatchNorm.
        retina: for RetinaNet, which leaves out the finest map of large backbones and has coarser ones.
    """
    if name == "tiny":
        return Pyramid(TinyBody(), width=_TINY_WIDTH, extra=False), 3
    if name.startswith("mobilenet_v1_"):
        body = MobileNetV1Body(width=float(name.rpartition("_")[2]), fine=not retina)
        pyramid = Pyramid(body, width=_SMALL_WIDTH, extra=True)
        return pyramid, pyramid.levels
    from torchvision.models import mobilenet_v3_large
    from torchvision.models.detection.backbone_utils import _mobilenet_extractor, resnet_fpn_backbone
    from torchvision.ops.feature_pyramid_network import LastLevelP6P7
    from torchvision.ops.misc import FrozenBatchNorm2d

    layer = FrozenBatchNorm2d if norm == "frozen" else nn.BatchNorm2d
    if name == "fastestdet":
        pyramid = Pyramid(ShuffleNetBody(norm=layer), width=_SMALL_WIDTH, extra=True)
        return pyramid, pyramid.levels
    if name == "mobilenet_v3_large":
        # Two maps and a pooled one, as in torchvision's own detectors with it.
        return _mobilenet_extractor(mobilenet_v3_large(weights=None, norm_layer=partial(layer)), True, 6), 3
    settings = {"returned_layers": [2, 3, 4], "extra_blocks": LastLevelP6P7(256, 256)} if retina else {}
    backbone = resnet_fpn_backbone(backbone_name=name, weights=None, norm_layer=layer, trainable_layers=5, **settings)
    return backbone, 5
