"""Validation after an epoch, which decides whose weights are kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from spellock.errors import ConfigError
from spellock.tasks.pixel_model import PixelModel
from spellock.training.run_state import Checkpoints, RunState

#: Named scores of a model in evaluation mode.
Validate = Callable[[PixelModel], Mapping[str, float]]


def judge(
    model: PixelModel, validate: Validate, select: str, state: RunState, epoch: int, checkpoints: Checkpoints
) -> dict[str, float]:
    """Validate, and keep the weights if they are the best so far; gives the scores as columns of the log.

    Raises:
        ConfigError: no score is called ``select``.
    """
    model.eval()
    scores = {name: float(value) for name, value in validate(model).items()}
    if select not in scores:
        raise ConfigError(f"validation gave no score {select!r} to choose the best epoch by, only {', '.join(scores)}")
    score = scores[select]
    if not math.isnan(score) and (state.best_score is None or score > state.best_score):
        state.best_epoch, state.best_score = epoch, score
        checkpoints.save_best(epoch, model.network)
    return {f"validation_{name}": value for name, value in scores.items()}
