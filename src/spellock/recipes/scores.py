"""By which rule a checkpoint is chosen, by what the task's labels are."""

from __future__ import annotations

import logging

from spellock.data.image_set import Labels
from spellock.recipes.box_selection import BoxLockScore, BoxPlainScore
from spellock.recipes.held_out import Pairs, Pixels
from spellock.recipes.selection import LockScore, PlainScore
from spellock.tasks.auroc import judgeable
from spellock.tasks.task import Task
from spellock.training.finetune import Validate

_log = logging.getLogger(__name__)


def judging_pairs(task: Task, pairs: Pairs | None) -> Pairs | None:
    """``pairs``, or None, with a warning, where nothing can be judged by what is in them.

    Of a few images with several findings all may have one, or none; and few images may hold no object.
    """
    if pairs is None or can_judge(task, pairs.labels):
        return pairs
    _log.warning(
        "the %d held-out images have no label that a checkpoint could be chosen by, so the last epoch is kept; more "
        "images, or a larger share for validation in a new folder, would mend it",
        len(pairs.labels),
    )
    return None


def can_judge(task: Task, labels: Labels) -> bool:
    """Whether images with ``labels`` tell a good model from a bad one."""
    if task.has_boxes:
        return any(bool((~one.crowd).any()) for one in labels)
    return labels.ndim == 1 or len(judgeable(labels)) > 0


def lock_score(task: Task, pairs: Pairs, lock_class: int | None) -> Validate:
    """The rule for a locked model."""
    if task.has_boxes:
        return BoxLockScore(raw=pairs.raw, edited=pairs.edited, labels=pairs.labels, lock_class=lock_class)
    return LockScore(raw=pairs.raw, edited=pairs.edited, labels=pairs.labels, lock_class=lock_class, task=task)


def plain_score(task: Task, raw: Pixels, labels: Labels) -> PlainScore | BoxPlainScore:
    """The rule for a model without a lock."""
    if task.has_boxes:
        return BoxPlainScore(raw=raw, labels=labels)
    return PlainScore(raw=raw, labels=labels, task=task)
