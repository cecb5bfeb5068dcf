"""Build a network from its name: ours, timm's or torchvision's. Nothing is read from disk; weights come later.

timm and torchvision are imported where they are used: together they take seconds, which a customer with one of our own
networks need not wait for.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn

from spellock.errors import ModelError
from spellock.tasks.heads import replace_head
from spellock.tasks.networks.cifar_resnet import CifarResNet
from spellock.tasks.networks.mobilenet_v1 import MobileNetV1
from spellock.tasks.networks.small_resnet import SmallResNet
from spellock.tasks.own_seed import own_seed

Options = Mapping[str, str | int | float | bool]
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
# Settings are passed on to timm; others (checkpoint_path, pretrained, ...) could make a downloaded config read files.
_TIMM_OPTIONS = frozenset({"global_pool", "drop_rate", "drop_path_rate", "proj_drop_rate", "attn_drop_rate"})


@dataclass(frozen=True, kw_only=True)
class Built:
    """A network and the pixels it wants: side, per-channel mean and std for [0, 1], interpolation."""

    network: nn.Module
    architecture: str
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str


@dataclass(frozen=True, kw_only=True)
class _Own:
    build: Callable[..., nn.Module]
    input_size: int
    normalisation: tuple[tuple[float, ...], tuple[float, ...]]


_OWN: dict[str, _Own] = {
    **{
        f"resnet{depth}": _Own(build=partial(CifarResNet, depth=depth), input_size=32, normalisation=_IMAGENET)
        for depth in (20, 32, 44, 56)
    },
    "mobilenet_v1_0.25": _Own(build=partial(MobileNetV1, width=0.25), input_size=128, normalisation=_HALF),
    "mobilenet_v1_0.5": _Own(build=partial(MobileNetV1, width=0.5), input_size=160, normalisation=_HALF),
    "small_resnet8": _Own(build=partial(SmallResNet, blocks=1), input_size=32, normalisation=_HALF),
    "small_resnet14": _Own(build=partial(SmallResNet, blocks=2), input_size=32, normalisation=_HALF),
}


def list_architectures() -> list[str]:
    """All names that `create_network` takes: ours, ``timm:...``, ``torchvision:...``."""
    import timm
    import torchvision

    others = {"timm": timm.list_models(), "torchvision": torchvision.models.list_models(module=torchvision.models)}
    return [*_OWN, *(f"{library}:{name}" for library, names in others.items() for name in names)]


def create_network(
    name: str,
    *,
    num_classes: int,
    pretrained: bool = False,
    input_size: int | None = None,
    options: Options | None = None,
    seed: int = 0,
) -> Built:
    """Build the network called ``name``.

    A bare name is looked up among ours, then timm's, then torchvision's.

    Args:
        num_classes: width of the logits.
        pretrained: fetch the library's own weights (needs a network); ours have none.
        input_size: side in pixels, where it is not to be the architecture's own.
        options: settings for timm: global_pool, drop_rate, drop_path_rate, proj_drop_rate, attn_drop_rate.
        seed: of the random initial weights; torch's global state is left as it was.

    Raises:
        ModelError: the name, an option or the size does not exist (near matches are listed), or fetching failed.
    """
    if num_classes < 1:
        raise ModelError(f"got {num_classes} classes for {name}, expected at least 1")
    library, bare = _resolve(name)
    build = {"ours": _build_own, "timm": _build_timm, "torchvision": _build_torchvision}[library]
    with own_seed(seed):
        built: Built = build(bare, num_classes, pretrained, input_size, dict(options or {}))
    return built


def _resolve(name: str) -> tuple[str, str]:
    prefix, _, rest = name.rpartition(":")
    if prefix in ("", "ours") and rest in _OWN:
        return "ours", rest
    import timm
    import torchvision

    if prefix in ("", "timm") and timm.is_model(rest):
        return "timm", rest
    if prefix in ("", "torchvision") and rest in torchvision.models.list_models(module=torchvision.models):
        return "torchvision", rest
    known = {choice.rpartition(":")[2]: choice for choice in reversed(list_architectures())}
    near = [known[match] for match in difflib.get_close_matches(rest, known, n=5, cutoff=0.5)]
    hint = f"near matches: {', '.join(near)}" if near else "spellock.tasks.list_architectures() lists all names"
    raise ModelError(
        f"unknown model {name!r}, expected a name of ours ({', '.join(_OWN)}), of timm or of torchvision, "
        f"or a model folder; {hint}"
    )


def _build_own(name: str, num_classes: int, pretrained: bool, input_size: int | None, options: dict[str, Any]) -> Built:
    own = _OWN[name]
    if options:
        raise ModelError(f"{name} takes no options, got {', '.join(options)}")
    if pretrained:
        raise ModelError(f"{name} has no weights to fetch; pass a file as weights")
    return Built(
        network=own.build(num_classes=num_classes),
        architecture=name,
        input_size=input_size or own.input_size,
        mean=own.normalisation[0],
        std=own.normalisation[1],
        interpolation="bicubic",
    )


def _build_timm(
    name: str, num_classes: int, pretrained: bool, input_size: int | None, options: dict[str, Any]
) -> Built:
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


def _build_torchvision(
    name: str, num_classes: int, pretrained: bool, input_size: int | None, options: dict[str, Any]
) -> Built:
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
