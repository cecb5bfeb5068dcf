"""The control with random weights: a network drawn anew, where its layers allow it."""

from __future__ import annotations

import copy
import logging
from typing import Final

from torch import nn

from spellock.errors import ConfigError
from spellock.tasks.heads import replace_head
from spellock.tasks.own_seed import own_seed
from spellock.tasks.pixel_model import PixelModel

_log = logging.getLogger(__name__)
_TOKEN_SPREAD: Final = 0.02


def random_control(model: PixelModel, *, classes: int, seed: int) -> PixelModel | None:
    """`random_start`, or None and a line in the log where a layer cannot be drawn anew: the attacks and the other
    control are worth having without it."""
    try:
        return random_start(model, classes=classes, seed=seed)
    except ConfigError as error:
        _log.warning("no control with random weights, because %s", error)
        return None


def random_start(model: PixelModel, *, classes: int, seed: int) -> PixelModel:
    """The same network for ``classes`` with fresh random weights and statistics, layer by layer as PyTorch draws them.

    What a module with layers of its own holds beside them (tokens, positions, scales) is normal with deviation 0.02, as
    transformers draw it.

    Raises:
        ConfigError: a layer with weights cannot draw new ones.
    """
    fresh = copy.deepcopy(model)
    with own_seed(seed):
        if fresh.num_classes != classes:
            replace_head(fresh.network, classes)
        for layer in fresh.network.modules():
            if callable(reset := getattr(layer, "reset_parameters", getattr(layer, "_reset_parameters", None))):
                reset()
            elif (own := list(layer.parameters(recurse=False))) and not list(layer.children()):
                raise ConfigError(f"a {type(layer).__name__} cannot be drawn anew; do without random weights")
            else:
                for parameter in own:
                    nn.init.normal_(parameter, std=_TOKEN_SPREAD)
    return fresh.eval()
