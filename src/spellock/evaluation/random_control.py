"""The control with random weights, where a network allows it."""

from __future__ import annotations

import logging

from spellock.errors import ConfigError
from spellock.evaluation.thief import random_start
from spellock.tasks.pixel_model import PixelModel

_log = logging.getLogger(__name__)


def random_control(model: PixelModel, *, classes: int, seed: int) -> PixelModel | None:
    """`random_start`, or None and a line in the log where a layer cannot be drawn anew: the attacks and the other
    control are worth having without it."""
    try:
        return random_start(model, classes=classes, seed=seed)
    except ConfigError as error:
        _log.warning("no control with random weights, because %s", error)
        return None
