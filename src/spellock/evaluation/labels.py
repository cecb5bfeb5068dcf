"""Bring a test set's labels to a model's class order, by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import ImageSet
from spellock.errors import DataError, ModelError
from spellock.tasks.registry import make_task


def lock_index(classes: Sequence[str], lock_class: int | str | None) -> int | None:
    """The place of the lock class, given as place or name; ``None`` stays.

    Raises:
        ModelError: the model has no such class.
    """
    if isinstance(lock_class, str):
        if lock_class not in classes:
            raise ModelError(f"the model has no class {lock_class!r} to be its lock class, it has {_some(classes)}")
        return list(classes).index(lock_class)
    if lock_class is not None and not 0 <= lock_class < len(classes):
        raise ModelError(f"got lock class {lock_class}, expected a class of the model, 0 to {len(classes) - 1}")
    return lock_class


def aligned_labels(test: ImageSet, classes: Sequence[str], lock_class: int | None) -> NDArray[np.int64]:
    """Labels of ``test`` over ``classes``: int64 (N,) places, or (N, K) zeros and ones.

    Raises:
        DataError: no images, a class of the test set is none of the model's, or images of the lock class.
    """
    if not len(test):
        raise DataError(f"{test.name} holds no images, expected labelled test images")
    task = make_task(test.task)
    numbers = {place for label in task.pack(test.labels) for place in (label if isinstance(label, list) else [label])}
    used = sorted(test.classes[number] for number in numbers)
    unknown = [name for name in used if name not in classes]
    if unknown:
        raise DataError(
            f"{test.name} has classes {_some(unknown)} that the model does not know, expected only {_some(classes)}; "
            "name the folders as in training"
        )
    if lock_class is not None and classes[lock_class] in used:
        raise DataError(
            f"{test.name} has images of the lock class {classes[lock_class]!r}, expected raw images with true classes; "
            "leave them out"
        )
    return task.align(test.labels, test.classes, classes)


def _some(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
