"""A small ResNet that trains from scratch in minutes on two CPU cores, for images of 28 to 64 px.

Few wide layers instead of many narrow ones: a CPU does 32 to 128 channels at several times the speed of the 16
channels of a CIFAR ResNet, so that 8 layers here cost no more than its 20.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

_WIDTHS = (32, 64, 128)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.AvgPool2d(stride, ceil_mode=True), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        return F.relu(self.norm2(self.conv2(y)) + self.shortcut(x), inplace=True)


class SmallResNet(nn.Module):
    """A 3x3 stem and three stages of ``blocks`` residual blocks with 32, 64 and 128 channels.

    Takes normalised float images (N, 3, H, W) of 8 px and more; gives logits (N, num_classes).
    """

    def __init__(self, *, blocks: int, num_classes: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, _WIDTHS[0], 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(_WIDTHS[0])
        stages: list[nn.Module] = []
        for i, width in enumerate(_WIDTHS):
            first = _Block(_WIDTHS[max(i - 1, 0)], width, 1 if i == 0 else 2)
            stages += [first, *(_Block(width, width, 1) for _ in range(blocks - 1))]
        self.blocks = nn.Sequential(*stages)
        self.head = nn.Linear(_WIDTHS[-1], num_classes)
        # Blocks do not start as their shortcuts (a last norm of 0): in runs of a few hundred steps that costs points.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward_features(self, x: Tensor) -> Tensor:
        """Feature map (N, 128, H/4, W/4)."""
        features: Tensor = self.blocks(F.relu(self.norm(self.stem(x)), inplace=True))
        return features

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Pool a feature map to (N, 128); classify it unless ``pre_logits``."""
        pooled = x.mean((2, 3))
        return pooled if pre_logits else self.head(pooled)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))
