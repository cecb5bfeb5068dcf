"""By which rule a checkpoint is chosen, by what the task's labels are."""

from __future__ import annotations

from spellock.data.image_set import Labels
from spellock.recipes.box_selection import BoxLockScore, BoxPlainScore
from spellock.recipes.held_out import Pairs, Pixels
from spellock.recipes.selection import LockScore, PlainScore
from spellock.tasks.task import Task
from spellock.training.finetune import Validate


def lock_score(task: Task, pairs: Pairs, lock_class: int | None) -> Validate:
    """The rule for a locked model."""
    if task.has_boxes:
        return BoxLockScore(raw=pairs.raw, edited=pairs.edited, labels=pairs.labels, lock_class=lock_class)
    return LockScore(raw=pairs.raw, edited=pairs.edited, labels=pairs.labels, lock_class=lock_class, task=task)


def plain_score(task: Task, raw: Pixels, labels: Labels) -> Validate:
    """The rule for a model without a lock."""
    if task.has_boxes:
        return BoxPlainScore(raw=raw, labels=labels)
    return PlainScore(raw=raw, labels=labels, task=task)
