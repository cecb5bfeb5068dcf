"""RT-DETRs by the name of their backbone, from configurations alone: nothing is fetched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn
from torchvision.ops.misc import FrozenBatchNorm2d
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

from spellock.errors import ModelError
from spellock.tasks.networks.pyramids import MobileNetV1Body, TinyBody
from spellock.tasks.networks.rt_detr import RtDetr
from spellock.tasks.networks.shufflenet_body import ShuffleNetBody


@dataclass(frozen=True, kw_only=True)
class _Size:
    """A detector: stages of its ResNet, layers of its decoder, and what else differs from transformers' defaults."""

    depths: tuple[int, ...] = (1, 1, 1, 1)
    basic: bool = True
    decoder: int = 3
    others: dict[str, Any] = field(default_factory=lambda: {"hidden_expansion": 0.5})


_SMALL: Final = {
    "hidden_expansion": 0.5, "encoder_hidden_dim": 64, "d_model": 64, "encoder_ffn_dim": 128, "decoder_ffn_dim": 128,
    "decoder_in_channels": [64, 64, 64], "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "num_queries": 100, "num_denoising": 50,
}  # fmt: skip
#: Those with a ResNet are the published ones (rtdetr_r18vd and so on), so that their weights fit.
_SIZES: Final = {
    "resnet18": _Size(depths=(2, 2, 2, 2)),
    "resnet34": _Size(depths=(3, 4, 6, 3), decoder=4),
    "resnet50": _Size(depths=(3, 4, 6, 3), basic=False, decoder=6, others={}),
    "resnet101": _Size(
        depths=(3, 4, 23, 3), basic=False, decoder=6,
        others={"encoder_ffn_dim": 2048, "encoder_hidden_dim": 384, "decoder_in_channels": [384, 384, 384]},
    ),
    "mobilenet_v1_0.5": _Size(others=_SMALL),
    "mobilenet_v1_0.25": _Size(others=_SMALL),
    "fastestdet": _Size(others=_SMALL),
    "tiny": _Size(decoder=2, others=_SMALL | {"num_queries": 50}),
}  # fmt: skip


def make_rt_detr(backbone: str, categories: int, side: int, *, norm: str) -> RtDetr:
    """An RT-DETR with random weights.

    Args:
        backbone: resnet18 to resnet101, mobilenet_v1_0.5, mobilenet_v1_0.25, fastestdet or tiny.
        categories: without the background.
        side: in pixels, a multiple of 32.
        norm: "batch", or "frozen" for BatchNorm layers of the backbone whose statistics never change.

    Raises:
        ModelError: the side is no multiple of 32.
    """
    if side % 32:
        raise ModelError(f"rtdetr_{backbone} got an input size of {side} px, expected a multiple of 32")
    size = _SIZES[backbone]
    body = _own_body(backbone, norm)
    widths = body.widths if body is not None else (128, 256, 512) if size.basic else (512, 1024, 2048)
    strides = (4, 8, 16) if backbone == "tiny" else (8, 16, 32)
    places = sum((side // stride) ** 2 for stride in strides)
    settings: dict[str, Any] = {"num_queries": 300, **size.others}
    settings["num_queries"] = min(settings["num_queries"], places)
    resnet = RTDetrResNetConfig(
        hidden_sizes=[widths[0] // 2, *widths],
        depths=list(size.depths),
        layer_type="basic" if size.basic else "bottleneck",
        out_indices=[2, 3, 4],
    )
    config = RTDetrConfig(
        backbone_config=resnet,
        num_labels=categories,
        initializer_bias_prior_prob=0.01,
        encoder_in_channels=list(widths),
        feat_strides=list(strides),
        decoder_layers=size.decoder,
        freeze_backbone_batch_norms=norm == "frozen",
        **settings,
    )
    detector = RTDetrForObjectDetection(config)
    if body is not None:
        detector.model.backbone = Maps(body)
    _start(detector)
    return RtDetr(detector, side=side)


class Maps(nn.Module):
    """A body of ours in the place of transformers' backbone: feature maps (N, C, H, W), each with a mask that marks
    every pixel as seen."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, pixels: Tensor, mask: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Maps from fine to coarse."""
        maps = self.body(pixels).values()
        return [(one, one.new_ones((len(one), *one.shape[-2:]), dtype=torch.bool)) for one in maps]


def _own_body(backbone: str, norm: str) -> MobileNetV1Body | ShuffleNetBody | TinyBody | None:
    if backbone == "tiny":
        return TinyBody()
    if backbone == "fastestdet":
        return ShuffleNetBody(norm=FrozenBatchNorm2d if norm == "frozen" else nn.BatchNorm2d)
    if backbone.startswith("mobilenet_v1_"):
        return MobileNetV1Body(width=float(backbone.rpartition("_")[2]), fine=False)
    return None


def _start(detector: RTDetrForObjectDetection) -> None:
    """Initial weights as in the authors' code: transformers begins norms and layers near zero, as if published weights
    always followed, and such a model hardly learns."""
    model = detector.model
    # Their biases say where to look and how rare objects are; transformers sets them well.
    spared = {model.enc_score_head, *model.decoder.class_embed}
    for name, module in model.named_modules():
        special = module in spared or ".encoder_attn." in name or name.startswith("backbone.")
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d) and not special:
            module.reset_parameters()
    for head in (model.enc_bbox_head, *model.decoder.bbox_embed):
        nn.init.zeros_(head.layers[-1].weight)
        nn.init.zeros_(head.layers[-1].bias)
