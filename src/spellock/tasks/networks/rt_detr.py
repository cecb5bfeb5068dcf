"""RT-DETR of transformers (Zhao et al. 2024, "DETRs Beat YOLOs on Real-time Object Detection") in the manner of
torchvision's detectors: lists of images in, losses or boxes out. It finds boxes only, and has no overlaps to remove.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import RTDetrForObjectDetection

from spellock.tasks.networks.rt_detr_names import renamed

#: At most so many objects an image, as torchvision's detectors give.
_MOST = 100


class RtDetr(nn.Module):
    """Takes N normalised images (3, H, W) of one size; gives in training losses by name, else for each image ``boxes``
    (M, 4) in pixels of the square of ``side``, ``labels`` (M,) from 1 and ``scores`` (M,), the surest first.

    Weights may be loaded under the names of any version of transformers.

    Args:
        detector: the model, whose decoder refines boxes layer by layer.
        side: in pixels, that images are scaled to.
    """

    def __init__(self, detector: RTDetrForObjectDetection, *, side: int) -> None:
        super().__init__()
        self.detector = detector
        self.side = side
        self.score_thresh = 0.05

    def forward(
        self, images: Sequence[Tensor], targets: Sequence[Mapping[str, Tensor]] | None = None
    ) -> dict[str, Tensor] | list[dict[str, Tensor]]:
        """Losses where ``targets`` are given (``boxes`` in pixels of the images, ``labels`` from 1), else objects."""
        pixels = torch.stack(list(images))
        height, width = pixels.shape[-2:]
        if (height, width) != (self.side, self.side):
            pixels = F.interpolate(pixels, (self.side, self.side), mode="bilinear", antialias=True)
        # Places are parts of the image's side, and bfloat16 knows those to two pixels of 640 only.
        with torch.autocast(pixels.device.type, enabled=False):
            if targets is None:
                return self._objects(self.detector(pixels.float()))
            scale = pixels.new_tensor([width, height, width, height])
            labels = [
                {"class_labels": one["labels"] - 1, "boxes": _centred(one["boxes"].float() / scale)} for one in targets
            ]
            if not any(len(one["class_labels"]) for one in labels):
                return self._nothing(pixels.float())
            losses: dict[str, Tensor] = self.detector(pixels.float(), labels=labels).loss_dict
            return losses

    def class_layers(self) -> list[nn.Linear]:
        """The layers that name categories: those that choose what is looked at, and those that say what it is."""
        model: Any = self.detector.model
        return [model.enc_score_head, *model.decoder.class_embed]

    def renamed(self, source: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a file under the names that this network has for them."""
        return renamed(source, self.state_dict())

    def _objects(self, output: Any) -> list[dict[str, Tensor]]:
        """Every pair of a place and a category is a candidate, as in the published model."""
        categories = output.logits.shape[-1]
        scores = output.logits.sigmoid().flatten(1)
        scores, order = scores.topk(min(_MOST, scores.shape[1]), dim=1)
        found = []
        for boxes, score, place in zip(output.pred_boxes, scores, order, strict=True):
            kept = score >= self.score_thresh
            place = place[kept]
            corners = _corners(boxes[place // categories]).clamp(0, 1) * self.side
            found.append({"boxes": corners, "labels": place % categories + 1, "scores": score[kept]})
        return found

    def _nothing(self, pixels: Tensor) -> dict[str, Tensor]:
        """The losses of images without any object, which transformers cannot match: its varifocal loss, where all is
        background."""
        output, config = self.detector(pixels), self.detector.config
        logits = [*output.intermediate_logits.unbind(1), output.enc_topk_logits]
        parts = [
            config.focal_loss_alpha * one.sigmoid().detach() ** config.focal_loss_gamma * F.softplus(one)
            for one in logits
        ]
        # Several processes need a gradient, if only of zero, for every weight in every step.
        idle = torch.stack([one.sum() for one in self.parameters() if one.requires_grad]).sum() * 0
        return {"loss_vfl": config.weight_loss_vfl * torch.stack([one.sum() for one in parts]).sum() + idle}

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        own = {name.removeprefix(prefix): state_dict.pop(name) for name in [*state_dict] if name.startswith(prefix)}
        state_dict.update({prefix + name: tensor for name, tensor in self.renamed(own).items()})
        super()._load_from_state_dict(state_dict, prefix, *others)


def _centred(boxes: Tensor) -> Tensor:
    """Corners (M, 4) as centre, width and height."""
    low, high = boxes[:, :2], boxes[:, 2:]
    return torch.cat([(low + high) / 2, high - low], 1)


def _corners(boxes: Tensor) -> Tensor:
    """The inverse of `_centred`."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    return torch.cat([centre - half, centre + half], 1)
