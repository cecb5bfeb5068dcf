"""A detector that carries its own resize and normalisation: plain pixels in, boxes and masks out."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from spellock.errors import ModelError
from spellock.tasks.class_layers import class_layers
from spellock.tasks.detections import Detections
from spellock.tasks.pixel_model import PixelModel

#: Score from which on detections count at all when a thief looks at everything that the model says.
EVERY_SCORE = 0.001


class DetectionModel(PixelModel):
    """float32 RGB images in [0, 1] in, `Detections` out; in training, with targets, losses by name.

    As every model here it squashes images to its ``input_size`` squared, as the editor does, and brings what it found
    back to their own pixels. The network is one of torchvision's detectors, or takes and gives
    what they do (categories from 1, 0 the background), and does not normalise.

    Args:
        network: such a detector.
        num_classes: categories, without the background.

    Others as of `PixelModel`.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        num_classes: int,
        input_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        architecture: str | None = None,
        options: Mapping[str, str | int | float | bool] | None = None,
    ) -> None:
        super().__init__(
            network,
            input_size=input_size,
            mean=mean,
            std=std,
            interpolation="bilinear",
            architecture=architecture,
            options=options,
        )
        self._categories = num_classes

    @property
    def num_classes(self) -> int:
        """Categories that the detector tells apart, the lock category included."""
        return self._categories

    @property
    def has_masks(self) -> bool:
        """Whether it finds masks."""
        return getattr(getattr(self.network, "roi_heads", None), "mask_predictor", None) is not None

    def forward(self, images: Tensor | Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None) -> Any:
        """A list of `Detections`, one an image; or in training the losses, scalars by name.

        Args:
            images: float32 (N, 3, H, W), or N of (3, H, W) of any sizes.
            targets: in training, for each image ``boxes`` (M, 4), ``labels`` (M,) from 0 and perhaps ``masks``.

        Raises:
            PixelError: the images break the pixel contract.
            ModelError: no targets in training.
        """
        # In training as in detection: the network's own resize does not smooth where it shrinks.
        pixels = [self.normalise(image[None] if image.ndim == 3 else image)[0] for image in images]
        if not self.training:
            square = (self.input_size, self.input_size)
            return [
                Detections.of(one, square).scaled((image.shape[-2], image.shape[-1]))
                for one, image in zip(self.network(pixels), images, strict=True)
            ]
        if targets is None:
            raise ModelError("a detector in training mode got no targets; call eval() to detect")
        sides = [(image.shape[-2], image.shape[-1]) for image in images]
        squashed = [self._squashed(target, size) for target, size in zip(targets, sides, strict=True)]
        losses: dict[str, Tensor] = self.network(
            pixels, [{**target, "labels": target["labels"] + 1} for target in squashed]
        )
        return losses

    def features(self, images: Tensor) -> Tensor:
        """Detectors have no single vector of features; raises `ModelError`."""
        raise ModelError("a detector has no features of whole images; use a classifier")

    def _squashed(self, target: Mapping[str, Tensor], size: tuple[int, int]) -> dict[str, Tensor]:
        """The objects of an image of ``size`` (height, width) in the square that the network sees."""
        side = self.input_size
        if size == (side, side):
            return dict(target)
        factor = target["boxes"].new_tensor([side / size[1], side / size[0]] * 2)
        scaled = {**target, "boxes": target["boxes"] * factor}
        if "masks" in target and len(target["masks"]):
            masks = F.interpolate(target["masks"][:, None].float(), (side, side), mode="nearest-exact")
            scaled["masks"] = masks[:, 0].to(target["masks"].dtype)
        elif "masks" in target:
            scaled["masks"] = target["masks"].new_zeros((0, side, side))
        return scaled

    def without(self, categories: Iterable[int], *, least_score: float | None = None) -> DetectionModel:
        """A copy that never says ``categories``: they are dropped before scores are compared, overlaps removed and the
        best kept, so that all else comes through.

        Args:
            least_score: score from which on a detection is given; as before where None.
        """
        copied, dropped = copy.deepcopy(self), tuple(categories)
        for layer in class_layers(copied.network, self._categories):
            layer.silence(dropped)
        if least_score is not None:
            place = getattr(copied.network, "roi_heads", copied.network)
            place.score_thresh = least_score
        return copied

    def take_network(self, network: nn.Module, num_classes: int) -> None:
        """Put another network of the same architecture, for ``num_classes`` categories, in the place of the old one."""
        self.network, self._categories = network, num_classes
