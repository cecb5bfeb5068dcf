"""`create_model`: a classifier by name, from ours, timm, torchvision or a folder, with weights from a local file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from spellock.errors import ModelError
from spellock.tasks.architectures import Options, create_network
from spellock.tasks.checkpoint import load_model
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.detection_weights import load_detector_state, load_detector_weights
from spellock.tasks.detectors import create_detector, is_detector, replace_heads
from spellock.tasks.heads import replace_head
from spellock.tasks.own_seed import own_seed
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.published_detectors import published_weights
from spellock.tasks.weights import load_weights

_log = logging.getLogger(__name__)


def create_model(
    name: str | Path,
    *,
    num_classes: int,
    weights: Path | None = None,
    pretrained: bool = False,
    input_size: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    options: Options | None = None,
    strict_head: bool = False,
    seed: int = 0,
) -> PixelModel:
    """A model that takes plain pixels and gives logits of ``num_classes``.

    Args:
        name: ``resnet20`` and other names of ours, ``timm:NAME``, ``torchvision:NAME``, a bare name (ours, then timm's,
            then torchvision's), a detector's (``maskrcnn_resnet50``, see `spellock.tasks.detectors`), or a folder
            written by `save_model`.
        weights: local .safetensors, .pth, .pt or .th file.
        pretrained: fetch the library's own weights; needs a network.
        input_size: side in pixels that images are squashed to; the architecture's own by default.
        mean, std: normalisation, where the weights were trained with another than the architecture's usual one.
        options: settings of timm architectures, for example ``{"global_pool": "avg"}``.
        strict_head: refuse weights of another number of classes; otherwise the classifier starts from random values and
            a warning is logged.
        seed: of random initial values; the global random state stays untouched.

    Raises:
        ModelError: unknown name (near matches are listed), or weights that are unreadable or do not fit.
    """
    if is_detector(name):
        return _detector(str(name), num_classes, weights, pretrained, input_size, mean, std, options, strict_head, seed)
    if _is_folder(name):
        if pretrained or options:
            raise ModelError(f"{name} is a model folder with settings of its own; drop pretrained and options")
        model = _from_folder(Path(name), num_classes, input_size, strict_head, seed)
    else:
        built = create_network(
            str(name), num_classes=num_classes, pretrained=pretrained, input_size=input_size, options=options, seed=seed
        )
        model = PixelModel(
            built.network,
            input_size=built.input_size,
            mean=mean or built.mean,
            std=std or built.std,
            interpolation=built.interpolation,
            architecture=built.architecture,
            options=options,
        )
    if weights is not None:
        load_weights(model.network, Path(weights), strict_head=strict_head)
    return model


def _is_folder(name: str | Path) -> bool:
    return isinstance(name, Path) or "/" in name or (Path(name) / "config.json").is_file()


def _from_folder(folder: Path, num_classes: int, input_size: int | None, strict_head: bool, seed: int) -> PixelModel:
    loaded = load_model(folder)
    model = loaded.model
    if input_size not in (None, model.input_size):
        raise ModelError(f"{folder} takes images of {model.input_size} px, got input_size={input_size}; leave it out")
    if len(loaded.classes) != num_classes:
        if strict_head:
            raise ModelError(f"{folder} has {len(loaded.classes)} classes, expected {num_classes}; use another model")
        _log.warning(
            "%s has %d classes, expected %d: its classifier starts from random values",
            folder,
            len(loaded.classes),
            num_classes,
        )
        if isinstance(model, DetectionModel):
            replace_heads(model, num_classes, seed=seed)
            return model
        with own_seed(seed):
            replace_head(model.network, num_classes)
    return model


def _detector(
    name: str,
    num_classes: int,
    weights: Path | None,
    pretrained: bool,
    input_size: int | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    options: Options | None,
    strict_head: bool,
    seed: int,
) -> DetectionModel:
    fetched = published_weights(name) if pretrained and weights is None else None
    # Statistics of small batches are poor; layers that were trained before keep theirs.
    trained = weights is not None or fetched is not None
    settings = options if options is not None or not trained else {"norm": "frozen"}
    model = create_detector(
        name, num_classes=num_classes, input_size=input_size, mean=mean, std=std, options=settings, seed=seed
    )
    if weights is not None:
        load_detector_weights(model, Path(weights), strict_head=strict_head)
    elif fetched is not None:
        load_detector_state(model, fetched, f"the published weights of {name}", strict_head=strict_head)
    return model
