"""The authors' published classifier: MAE ViT-B/16 with global average pooling, 37 breeds and one lock class.

Their class runs `fc_norm` inside ``forward_features`` and, with the timm 0.6.12 that they pin, once more in
``forward_head``; the published weights were measured like that, so it is done like that here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from spellock.errors import ModelError
from spellock.pixels import check_images, to_uint8
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.weights import read_weights

_log = logging.getLogger(__name__)
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
#: Without any of these the network is not the published one, whatever else was found.
_ESSENTIAL: Final = ("blocks.", "head.", "fc_norm.", "patch_embed.", "pos_embed", "cls_token")


@dataclass(frozen=True, kw_only=True)
class OfficialArchitecture:
    """The published model's shape; other values serve tests.

    Attributes:
        classes: width of the logits; the last is the lock class.
        crop: side in pixels that the network sees.
        resize: the shorter side before the crop.
    """

    classes: int = 38
    width: int = 768
    depth: int = 12
    heads: int = 12
    patch: int = 16
    crop: int = 224
    resize: int = 256


class OfficialNetwork(nn.Module):
    """Normalised images (N, 3, crop, crop) to logits (N, classes), with the checkpoint's own names for its weights."""

    def __init__(self, shape: OfficialArchitecture) -> None:
        super().__init__()
        self.vit = VisionTransformer(
            img_size=shape.crop,
            patch_size=shape.patch,
            num_classes=shape.classes,
            embed_dim=shape.width,
            depth=shape.depth,
            num_heads=shape.heads,
            qkv_bias=True,
            global_pool="avg",
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        tokens = self.vit.forward_features(images)
        pooled = self.vit.fc_norm(tokens[:, 1:].mean(dim=1))  # without the class token
        logits: Tensor = self.vit.head(self.vit.fc_norm(pooled))
        return logits


class OfficialModel(PixelModel):
    """The published network with the authors' transform: shorter side to 256 by bicubic, centre crop of 224."""

    def __init__(self, network: OfficialNetwork, shape: OfficialArchitecture) -> None:
        super().__init__(network, input_size=shape.crop, mean=IMAGENET_MEAN, std=IMAGENET_STD)
        self.resize = shape.resize

    def normalise(self, images: Tensor) -> Tensor:
        """float32 (N, 3, H, W) in [0, 1] to (N, 3, crop, crop), resized as uint8 as the authors do."""
        rows = to_uint8(check_images(images)).permute(0, 2, 3, 1).cpu().numpy()
        crops = np.stack([np.asarray(self._crop(Image.fromarray(row))) for row in rows])
        pixels = torch.from_numpy(crops).permute(0, 3, 1, 2).to(images.device).float() / 255
        return (pixels - self.mean) / self.std

    def _crop(self, image: Image.Image) -> Image.Image:
        width, height = image.size
        short = min(width, height)
        if short != self.resize:
            size = (self.resize * width // short, self.resize * height // short)
            image = image.resize(size, Image.Resampling.BICUBIC)
        left, top = (round((side - self.input_size) / 2) for side in image.size)
        return image.crop((left, top, left + self.input_size, top + self.input_size))


@dataclass(frozen=True, kw_only=True)
class OfficialCheckpoint:
    """The model and what the file and the network did not share."""

    model: OfficialModel
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]


def load_official(path: Path, shape: OfficialArchitecture | None = None) -> OfficialCheckpoint:
    """Load the published checkpoint's layout (``["model"]``; optimiser and ``argparse`` arguments may lie beside it).

    Like the authors' code it is not strict, but what was missing or unexpected is told, and a file without
    the head, the blocks, the final norm or the embeddings is refused.

    Raises:
        ModelError: the file is missing, unreadable, holds objects other than plain values, or is another model.
    """
    shape = shape or OfficialArchitecture()
    network = OfficialNetwork(shape)
    tensors: Mapping[str, Tensor] = read_weights(Path(path))
    try:
        found = network.vit.load_state_dict(dict(tensors), strict=False)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise ModelError(
            f"{path} does not fit ViT-B/16 with {shape.classes} classes ({lines[-1].strip()[:160]}); "
            "expected the authors' Pets checkpoint"
        ) from error
    essential = [name for name in found.missing_keys if name.startswith(_ESSENTIAL)]
    if essential:
        raise ModelError(
            f"{path} lacks {len(essential)} weights of the published model, first {essential[0]!r}; "
            "expected the authors' Pets checkpoint"
        )
    for kind, names in (("lacks", found.missing_keys), ("also holds", found.unexpected_keys)):
        if names:
            _log.warning("%s %s %d entries: %s", path, kind, len(names), ", ".join(names[:8]))
    model = OfficialModel(network, shape).eval()
    return OfficialCheckpoint(model=model, missing=tuple(found.missing_keys), unexpected=tuple(found.unexpected_keys))
