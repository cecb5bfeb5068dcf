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
from spellock.tasks.built import Built
from spellock.tasks.library_networks import build_timm, build_torchvision
from spellock.tasks.networks.cifar_resnet import CifarResNet
from spellock.tasks.networks.mobilenet_v1 import MobileNetV1
from spellock.tasks.networks.small_resnet import SmallResNet
from spellock.tasks.own_seed import own_seed

Options = Mapping[str, str | int | float | bool]
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


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
    build = {"ours": _build_own, "timm": build_timm, "torchvision": build_torchvision}[library]
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
