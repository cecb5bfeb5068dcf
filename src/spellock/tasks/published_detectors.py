"""Published weights of detectors by name: torchvision's, of the whole detector or else of its backbone."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from spellock.errors import ModelError

#: Detectors trained on COCO, and backbones trained on ImageNet: torchvision's names of their weights.
_WHOLE: Final = {
    "maskrcnn_resnet50": "MaskRCNN_ResNet50_FPN_Weights",
    "fasterrcnn_resnet50": "FasterRCNN_ResNet50_FPN_Weights",
    "fasterrcnn_mobilenet_v3_large": "FasterRCNN_MobileNet_V3_Large_FPN_Weights",
    "retinanet_resnet50": "RetinaNet_ResNet50_FPN_Weights",
}
_BACKBONES: Final = {
    **{f"resnet{depth}": f"ResNet{depth}_Weights" for depth in (18, 34, 50, 101, 152)},
    "mobilenet_v3_large": "MobileNet_V3_Large_Weights",
}
_OURS: Final = ("maskrcnn", "fasterrcnn", "retinanet")


def published_weights(name: str) -> dict[str, Tensor]:
    """The published weights for the detector called ``name``, for example ``maskrcnn_resnet50``; fetched once and kept
    where torch keeps such files.

    Raises:
        ModelError: there are none, or they cannot be fetched.
    """
    bare = name.removesuffix("_fpn")
    kind, _, backbone = bare.partition("_")
    found = _WHOLE.get(bare) or (_BACKBONES.get(backbone) if kind in _OURS else None)
    if found is None:
        raise ModelError(
            f"{name} has no published weights to fetch here, expected a detector on a ResNet or MobileNetV3; pass a "
            "local file as weights"
        )
    from torchvision.models import get_weight

    try:
        state: dict[str, Tensor] = dict(get_weight(f"{found}.DEFAULT").get_state_dict(progress=False, check_hash=True))
    except (OSError, RuntimeError) as error:
        raise ModelError(
            f"the published weights of {name} cannot be fetched ({error}); check the network, or pass a local file as "
            "weights"
        ) from error
    # A detector's body holds the features of MobileNetV3 alone, without the name of that part.
    return {key.removeprefix("features."): tensor for key, tensor in state.items()}
