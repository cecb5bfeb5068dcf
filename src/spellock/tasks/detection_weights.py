"""Weights for detectors from a local file: a whole detector's, or those of its backbone alone."""

from __future__ import annotations

import logging
from pathlib import Path

from torch import Tensor

from spellock.errors import ModelError
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.weights import WeightsReport, read_weights

_log = logging.getLogger(__name__)
#: Parts whose width depends on the categories.
_HEADS = (
    *("cls_score", "bbox_pred", "mask_fcn_logits", "cls_logits"),
    *("class_embed", "enc_score_head", "denoising_class_embed"),
)
_BODY = "backbone.body."


def load_detector_weights(model: DetectionModel, path: Path, *, strict_head: bool = False) -> WeightsReport:
    """Copy the weights of a file into ``model``.

    Either all of a detector's, in torchvision's layout, or an RT-DETR's in that of any version of transformers, where
    the parts that name categories may have another width and then start from random values; or all of a backbone's, as
    trained for classification: pyramid and heads then start from random values.

    Args:
        strict_head: refuse another number of categories instead.

    Raises:
        ModelError: the file is unreadable, or of another architecture.
    """
    return load_detector_state(model, read_weights(Path(path)), str(path), strict_head=strict_head)


def load_detector_state(
    model: DetectionModel, source: dict[str, Tensor], path: str, *, strict_head: bool = False
) -> WeightsReport:
    """The same with weights that are read already; ``path`` is what messages call them.

    Raises:
        ModelError: they are of another architecture.
    """
    target = model.network.state_dict()
    translate = getattr(model.network, "renamed", None)
    if callable(translate):
        source = translate(source)
    body = {name.partition(_BODY)[2]: name for name in target if _BODY in name}
    # Some detectors call theirs so, in which case their other parts are left alone.
    bare = {name.removeprefix("backbone."): tensor for name, tensor in source.items()}
    if sum(name in target for name in source) < len(target) // 2 and any(name in body for name in bare):
        return _backbone(model, bare, body, path)
    fitting: dict[str, Tensor] = {}
    fresh: list[str] = []
    for name, tensor in target.items():
        own = source.get(name)
        if own is not None and own.shape == tensor.shape:
            fitting[name] = own
        elif any(f".{part}." in name for part in _HEADS):
            fresh.append(name)
        elif not name.endswith("num_batches_tracked"):
            found = "none" if own is None else f"one of shape {tuple(own.shape)}"
            raise ModelError(
                f"{path} has for {name} {found}, expected shape {tuple(tensor.shape)}; these weights are of another "
                "detector or input size"
            )
    if fresh and strict_head:
        raise ModelError(f"{path} is of a detector with other categories; use weights that fit")
    if fresh:
        _log.warning("%s is of a detector with other categories: %s start from random values", path, ", ".join(fresh))
    model.network.load_state_dict(target | fitting)
    unexpected = tuple(name for name in source if name not in target)
    return WeightsReport(missing=tuple(fresh), unexpected=unexpected, file_classes=None, head_reinitialised=bool(fresh))


def _backbone(model: DetectionModel, source: dict[str, Tensor], body: dict[str, str], path: str) -> WeightsReport:
    target = model.network.state_dict()
    lost = [
        bare
        for bare, name in body.items()
        if not bare.endswith("num_batches_tracked") and (bare not in source or source[bare].shape != target[name].shape)
    ]
    if lost:
        raise ModelError(
            f"{path} lacks {len(lost)} of {len(body)} entries of the backbone of {model.architecture}, {lost[0]} among "
            "them; these weights are of another architecture"
        )
    fitting = {body[name]: tensor.to(target[body[name]].dtype) for name, tensor in source.items() if name in body}
    model.network.load_state_dict(target | fitting)
    missing = tuple(name for name in target if name not in fitting)
    unexpected = tuple(name for name in source if name not in body)
    return WeightsReport(missing=missing, unexpected=unexpected, file_classes=None, head_reinitialised=True)
