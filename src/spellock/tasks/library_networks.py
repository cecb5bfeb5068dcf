"""Networks of timm and of torchvision, with the pixels that their weights were trained on.

Both are imported where they are used: together they take seconds, which a customer with one of our own networks need
not wait for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from spellock.errors import ModelError
from spellock.tasks.built import Built
from spellock.tasks.heads import replace_head

# Settings are passed on to timm; others (checkpoint_path, pretrained, ...) could make a downloaded config read files.
_TIMM_OPTIONS = frozenset({"global_pool", "drop_rate", "drop_path_rate", "proj_drop_rate", "attn_drop_rate"})


def build_timm(name: str, num_classes: int, pretrained: bool, input_size: int | None, options: dict[str, Any]) -> Built:
    """timm's network ``name``; arguments as of `create_network`, which tells what is raised."""
    if unknown := sorted(set(options) - _TIMM_OPTIONS):
        raise ModelError(
            f"timm:{name} got options {', '.join(unknown)}, expected some of {', '.join(sorted(_TIMM_OPTIONS))}"
        )
    import timm
    from timm.data.config import resolve_model_data_config

    make = partial(timm.create_model, name, pretrained=pretrained, num_classes=num_classes, **options)
    try:
        try:
            network: nn.Module = make(img_size=input_size) if input_size else make()
        except TypeError:  # convolutional networks take any size and have no such argument
            network = make()
    except Exception as error:
        raise ModelError(
            f"timm cannot make {name!r}: {_first_line(error)}"
            + ("; without a network pass a local file as weights" if pretrained else "")
        ) from error
    config: dict[str, Any] = resolve_model_data_config(network)
    mode = config["interpolation"] if config["interpolation"] in ("bilinear", "nearest") else "bicubic"
    return Built(
        network=network,
        architecture=f"timm:{name}",
        input_size=input_size or config["input_size"][-1],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=mode,
    )


def build_torchvision(
    name: str, num_classes: int, pretrained: bool, input_size: int | None, options: dict[str, Any]
) -> Built:
    """torchvision's network ``name`` with another classifier, else as `build_timm`."""
    if options:
        raise ModelError(f"torchvision:{name} takes no options, got {', '.join(options)}")
    import torchvision

    wanted = torchvision.models.get_model_weights(name).DEFAULT.transforms()
    arguments: dict[str, object] = {"image_size": input_size} if input_size and name.startswith("vit_") else {}
    try:
        # Both build side branches for training by default, whose outputs are no plain logits.
        if name in ("googlenet", "inception_v3") and not pretrained:
            arguments |= {"aux_logits": False, "init_weights": True}
        network: nn.Module = torchvision.models.get_model(name, weights="DEFAULT" if pretrained else None, **arguments)
        if pretrained and hasattr(network, "aux_logits"):
            network.aux_logits = False  # type: ignore[assignment]
    except Exception as error:
        raise ModelError(
            f"torchvision cannot make {name!r}: {_first_line(error)}"
            + ("; without a network pass a local file as weights" if pretrained else "")
        ) from error
    replace_head(network, num_classes)
    return Built(
        network=network,
        architecture=f"torchvision:{name}",
        input_size=input_size or wanted.crop_size[0],
        mean=tuple(wanted.mean),
        std=tuple(wanted.std),
        interpolation="bilinear",
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
