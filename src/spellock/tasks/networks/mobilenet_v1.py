"""MobileNetV1 (Howard et al. 2017) in the batch-norm-folded layout: every convolution has a bias and no norm follows.

Parameters: ``stem``, then ``blocks.0..12`` of ``dw`` (3x3 depthwise) and ``pw`` (1x1), each followed by ReLU6, and
``classifier``. Padding is TensorFlow's SAME, which at stride 2 and an even size pads right and bottom only.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

# (stride of the depthwise convolution, output channels at width 1.0)
_BLOCKS = (
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (2, 1024),
    (1, 1024),
)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Pixels added before and after an axis of ``size`` pixels, so that the output has ceil(size / stride)."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding for whatever size comes in."""

    def forward(self, input: Tensor) -> Tensor:
        height, width = input.shape[-2:]
        top, bottom = same_padding(height, self.kernel_size[0], self.stride[0])
        left, right = same_padding(width, self.kernel_size[1], self.stride[1])
        if top == bottom and left == right:
            return F.conv2d(input, self.weight, self.bias, self.stride, (top, left), self.dilation, self.groups)
        padded = F.pad(input, (left, right, top, bottom))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.dw = SameConv2d(inputs, inputs, 3, stride, groups=inputs)
        self.pw = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(self.pw(F.relu6(self.dw(x), inplace=True)), inplace=True)


class MobileNetV1(nn.Module):
    """MobileNetV1 of width ``width`` (0.25, 0.5, ...).

    Takes images normalised to [-1, 1], (N, 3, H, W), from 32 px on; gives logits (N, num_classes).
    """

    def __init__(self, *, width: float, num_classes: int) -> None:
        super().__init__()
        channels = [int(32 * width), *(int(outputs * width) for _, outputs in _BLOCKS)]
        self.stem = SameConv2d(3, channels[0], 3, 2)
        self.blocks = nn.Sequential(
            *(_Block(channels[i], channels[i + 1], stride) for i, (stride, _) in enumerate(_BLOCKS))
        )
        self.classifier = nn.Linear(channels[-1], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # Without norms the signal must keep its size by itself; a depthwise filter sees one channel only.
                fan = module.weight[0].numel()
                nn.init.normal_(module.weight, std=(2.0 / fan) ** 0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """Feature map (N, 1024 width, H/32, W/32)."""
        features: Tensor = self.blocks(F.relu6(self.stem(x), inplace=True))
        return features

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Pool a feature map to (N, 1024 width); classify it unless ``pre_logits``."""
        pooled = x.mean((2, 3))
        return pooled if pre_logits else self.classifier(pooled)

    def forward(self, x: Tensor) -> Tensor:
        return self.forward_head(self.forward_features(x))
