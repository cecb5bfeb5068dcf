"""Detectors by name: torchvision's Mask R-CNN, Faster R-CNN and RetinaNet, and transformers' RT-DETR, on backbones
large and small.

``maskrcnn_resnet50`` is a kind and a backbone. Kind and backbone fit the library's published weights where it has such.
Nothing is read from disk or fetched.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from torch import nn

from spellock.errors import ModelError
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.networks.pyramids import RESNETS, make_backbone
from spellock.tasks.own_seed import own_seed

TRANSFORMER: Final = "rtdetr"
KINDS: Final = ("maskrcnn", "fasterrcnn", "retinanet", TRANSFORMER)
_SMALL: Final = ("mobilenet_v1_0.5", "mobilenet_v1_0.25", "fastestdet", "tiny")
_BACKBONES: Final = (*RESNETS, "mobilenet_v3_large", *_SMALL)
#: Of RT-DETR: there is no published one with others, and its three maps suit these.
_TRANSFORMER_BACKBONES: Final = (*RESNETS[:4], *_SMALL)
_IMAGENET: Final = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF: Final = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_PLAIN: Final = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
#: Side in pixels that images are squashed to.
_SIZES: Final = {
    **{"tiny": 96, "mobilenet_v1_0.5": 256, "mobilenet_v1_0.25": 256, "fastestdet": 352},
    "mobilenet_v3_large": 512,
}
_NORMS: Final = ("batch", "frozen")


def list_detectors() -> list[str]:
    """Names of all detectors."""
    return [
        f"{kind}_{backbone}"
        for kind in KINDS
        for backbone in (_TRANSFORMER_BACKBONES if kind == TRANSFORMER else _BACKBONES)
    ]


def is_detector(name: object) -> bool:
    """Whether ``name`` is a detector's, or begins like one."""
    return isinstance(name, str) and name.removesuffix("_fpn").partition("_")[0] in KINDS


def create_detector(
    name: str,
    *,
    num_classes: int,
    input_size: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    options: Mapping[str, str | int | float | bool] | None = None,
    seed: int = 0,
) -> DetectionModel:
    """The detector called ``name`` with random weights.

    Args:
        num_classes: categories, without the background.
        input_size: side in pixels that images are squashed to.
        mean, std: normalisation; the backbone's usual one by default.
        options: ``norm``, "batch" or "frozen" for BatchNorm layers whose statistics never change (usual with weights
            that were trained before).
        seed: of the initial weights; torch's global state is left as it was.

    Raises:
        ModelError: the name (near ones are listed), an option or a size does not exist.
    """
    bare = name.removesuffix("_fpn")
    if bare not in list_detectors():
        near = difflib.get_close_matches(bare, list_detectors(), n=3, cutoff=0.5)
        raise ModelError(f"unknown detector {name!r}, expected for example {', '.join(near or list_detectors()[:3])}")
    settings = {"norm": "batch", **(options or {})}
    if set(settings) != {"norm"} or settings["norm"] not in _NORMS:
        raise ModelError(f"{name} got options {settings}, expected norm to be one of {', '.join(_NORMS)} and no other")
    if num_classes < 1 or (input_size is not None and input_size < 32):
        raise ModelError(
            f"got {num_classes} categories and an input size of {input_size} px, expected at least 1 and 32"
        )
    kind, _, backbone = bare.partition("_")
    side = input_size or _SIZES.get(backbone, 640 if kind == TRANSFORMER else 800)
    usual = _usual(kind, backbone)
    with own_seed(seed):
        network = _build(kind, backbone, num_classes, side, norm=str(settings["norm"]))
    return DetectionModel(
        network,
        num_classes=num_classes,
        input_size=side,
        mean=mean or usual[0],
        std=std or usual[1],
        architecture=bare,
        options=settings,
    )


def replace_heads(model: DetectionModel, num_classes: int, *, seed: int) -> None:
    """Fresh predictors for ``num_classes`` categories; all that does not name categories stays.

    Raises:
        ModelError: the detector was not made by name.
    """
    if model.architecture is None:
        raise ModelError("a detector from elsewhere cannot change its categories; make one by name")
    fresh = create_detector(
        model.architecture, num_classes=num_classes, input_size=model.input_size, options=model.options, seed=seed
    ).network
    own, wanted = model.network.state_dict(), fresh.state_dict()
    fresh.load_state_dict(wanted | {name: one for name, one in own.items() if one.shape == wanted[name].shape})
    model.take_network(fresh, num_classes)


def _usual(kind: str, backbone: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std that published weights were trained with."""
    if backbone == "fastestdet" or (kind == TRANSFORMER and backbone not in _SMALL):
        return _PLAIN
    return _HALF if backbone in _SMALL else _IMAGENET


def _build(kind: str, name: str, categories: int, side: int, *, norm: str) -> nn.Module:
    if kind == TRANSFORMER:
        # transformers takes long to import, and no other detector needs it.
        from spellock.tasks.networks.make_rt_detr import make_rt_detr

        return make_rt_detr(name, categories, side, norm=norm)
    from torchvision.models import detection
    from torchvision.models.detection.anchor_utils import AnchorGenerator

    small = name in _SMALL
    backbone, levels = make_backbone(name, norm=norm, retina=kind == "retinanet")
    # Small networks see small images, whose objects are smaller than the 32 px that are usual at 800.
    first = max(8, side // 32) if small else 32
    common: dict[str, Any] = {
        "num_classes": categories + 1,
        "min_size": side,
        "max_size": side,
        # The model around it normalises, with whatever mean it was given.
        "image_mean": [0.0, 0.0, 0.0],
        "image_std": [1.0, 1.0, 1.0],
    }
    if kind == "retinanet":
        sizes = tuple(tuple(int(first * 2**level * 2 ** (part / 3)) for part in range(3)) for level in range(levels))
        anchors = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * levels)
        model: nn.Module = detection.RetinaNet(backbone, anchor_generator=anchors, **common)
        return model
    if name == "mobilenet_v3_large":
        sizes = ((32, 64, 128, 256, 512),) * levels  # torchvision's for this backbone
    else:
        sizes = tuple((first * 2**level,) for level in range(levels))
    anchors = AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * levels)
    if small:
        common |= _small_heads(kind, backbone, levels, categories)
    build = detection.MaskRCNN if kind == "maskrcnn" else detection.FasterRCNN
    made: nn.Module = build(backbone, rpn_anchor_generator=anchors, **common)
    return made


def _small_heads(kind: str, backbone: nn.Module, levels: int, categories: int) -> dict[str, Any]:
    """Heads of a quarter of the usual width that suit small backbones, fewer proposals, and one sample a bin.

    Small images have small objects, whose bins are hardly larger than a pixel of the finest map, so that a second
    sample a side tells nothing new; pooling and the overlaps of thousands of proposals took more than half of a step.
    """
    from torchvision.models.detection import faster_rcnn, mask_rcnn
    from torchvision.ops import MultiScaleRoIAlign

    width = int(backbone.out_channels)  # type: ignore[arg-type]  # every backbone has it
    # Only to see what its maps are called: in training it would begin with the statistics of a black image.
    with torch.no_grad():
        maps = [key for key in backbone.eval()(torch.zeros(1, 3, 64, 64)) if key != "pool"]
    backbone.train()
    heads: dict[str, Any] = {
        "num_classes": None,
        "box_roi_pool": MultiScaleRoIAlign(maps, output_size=7, sampling_ratio=1),
        "box_head": faster_rcnn.TwoMLPHead(width * 49, 4 * width),
        "box_predictor": faster_rcnn.FastRCNNPredictor(4 * width, categories + 1),
        "rpn_pre_nms_top_n_train": 8 * width,
        "rpn_pre_nms_top_n_test": 4 * width,
        "rpn_post_nms_top_n_train": 8 * width,
        "rpn_post_nms_top_n_test": 4 * width,
        "box_batch_size_per_image": 2 * width,
    }
    if kind == "maskrcnn":
        heads |= {
            "mask_roi_pool": MultiScaleRoIAlign(maps, output_size=14, sampling_ratio=1),
            "mask_head": mask_rcnn.MaskRCNNHeads(width, (width, width), 1),
            "mask_predictor": mask_rcnn.MaskRCNNPredictor(width, width, categories + 1),
        }
    return heads
