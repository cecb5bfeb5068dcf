"""Regularisers for a locked set: what its images truly are, and which of them a thief has too."""

from __future__ import annotations

from collections.abc import Sequence

from spellock.errors import ConfigError, DataError
from spellock.locking.locked_set import LockedSet
from spellock.tasks.task import Task
from spellock.training.preparation import check_composition
from spellock.training.regularisation import Regularisation
from spellock.training.regularisation_config import RegularisationConfig


def check_regularising(config: RegularisationConfig, task: Task, classes: Sequence[str], *, trains: bool) -> None:
    """Refuse what cannot work before anything is edited.

    Args:
        classes: the real classes of the data.
        trains: whether a model is trained at all.

    Raises:
        ConfigError: settings contradict each other, or the task has no regularisers.
    """
    if config == RegularisationConfig():
        return
    if not trains:
        raise ConfigError(
            "regularisers and projection are for training here, but no model is trained; name one, or leave them out"
        )
    learner = task.learner(len(classes), None, task.unpack([], len(classes)))
    check_composition(config.make_combination(), bool(config.regularisers), learner, processes=1)


def regularise_by(config: RegularisationConfig, locked: LockedSet, classes: int) -> Regularisation | None:
    """What the regularisers need to train on a locked set; None where there are none.

    Args:
        classes: number of real classes.

    Raises:
        DataError: the set is a training service's view, in which nobody says what an image truly is.
    """
    regularisers = config.make()
    if not regularisers:
        return None
    truth, raw = locked.true_labels, locked.raw
    if truth is None or raw is None:
        raise DataError("regularisers need the owner's manifest, got the locked set alone; give the whole output")
    return Regularisation(regularisers=regularisers, truth=truth, classes=classes, raw=raw)
