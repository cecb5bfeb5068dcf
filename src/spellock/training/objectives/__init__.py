"""Objectives: what is minimised instead of the task's loss. One file each; importing this package registers them."""

from spellock.training.objectives import fmlock, teacher
from spellock.training.objectives.registry import (
    Asks,
    GuidedBatch,
    Objective,
    list_objectives,
    make_objective,
    register_objective,
    whose_option,
)

__all__ = [
    "Asks",
    "GuidedBatch",
    "Objective",
    "fmlock",
    "list_objectives",
    "make_objective",
    "register_objective",
    "teacher",
    "whose_option",
]
