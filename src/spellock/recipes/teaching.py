"""Guidance for a locked set: the owner's plain model as teacher, and the raw version of each of its images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import ImageSet
from spellock.errors import ConfigError, ModelError
from spellock.key import Key
from spellock.locking.locked_set import LockedSet
from spellock.recipes.held_out import Pixels, raw_images
from spellock.recipes.processes import first_goes_first
from spellock.tasks.checkpoint import LoadedModel, load_model
from spellock.tasks.task import Learner
from spellock.training.guidance import Guidance
from spellock.training.objectives import Asks, Objective


def check_teaching(
    objective: Objective | None,
    teacher: Path | None,
    classes: Sequence[str],
    *,
    learner: Learner,
    trains: bool,
    tiers: bool,
) -> None:
    """Refuse what cannot work before anything is edited.

    Args:
        learner: what the model is trained with.
        teacher: the teacher's folder, where there is one already.
        classes: the real classes of the data.
        trains: whether a model is trained at all; tiers: whether the lock has any.

    Raises:
        ConfigError: settings contradict each other.
        ModelError: the teacher cannot be read or has other classes.
    """
    if objective is None:
        if teacher is not None:
            raise ConfigError(f"got the teacher {teacher}, but no objective uses it; name one, such as teacher")
        return
    if not trains:
        raise ConfigError(
            "an objective is for training here, but no model is trained; name a model, or set the objective to None"
        )
    objective.check(learner)
    if tiers and objective.asks == "all":
        raise ConfigError(
            "the original model has no answer for groups of classes, but the objective asks about all images; leave "
            "the tiers out, or take another objective"
        )
    if teacher is not None:
        open_teacher(teacher, classes)


def open_teacher(folder: Path, classes: Sequence[str]) -> LoadedModel:
    """The plain model in ``folder``.

    Raises:
        ModelError: it cannot be read, or its classes are not ``classes`` in some order.
    """
    loaded = load_model(folder)
    if set(loaded.classes) != set(classes):
        odd = sorted(set(loaded.classes) ^ set(classes))[0]
        raise ModelError(
            f"the teacher {folder} has {len(loaded.classes)} classes, expected the {len(classes)} of the data without "
            f"a lock class (first difference: {odd!r}); give a plain model that was trained on the same classes"
        )
    return loaded


def guide_by(
    objective: Objective, folder: Path, locked: LockedSet, images: ImageSet, key: Key, pixels: Pixels
) -> Guidance:
    """What the objective needs to train on a locked set.

    Args:
        folder: the teacher's.
        images: what was locked with ``key``.
        pixels: the locked set's images, uint8 (N, R, R, 3).

    Raises:
        ModelError: the teacher cannot be read or has other classes.
    """
    with first_goes_first():
        teacher = open_teacher(folder, images.classes)
    versions, places = raw_versions(locked, images, key, pixels, asks=objective.asks)
    columns = tuple(locked.classes.index(name) for name in teacher.classes)
    return Guidance(objective=objective, teacher=teacher.model, images=versions, places=places, columns=columns)


def raw_versions(
    locked: LockedSet, images: ImageSet, key: Key, pixels: Pixels, *, asks: Asks
) -> tuple[Pixels, npt.NDArray[np.int64]]:
    """Raw images, uint8 (M, R, R, 3), and for each image of the locked set, (N,), the place of its raw version there.

    Where the set holds all that is asked for, as with raw twins, they are its own ``pixels``. Images edited under a
    tier's key have none, place -1, for they shall not say what their raw version says; nor do images that are not
    asked about.
    """
    entries = locked.entries or []
    asked = [entry.kind == "edited" or (asks == "all" and entry.kind != "tier") for entry in entries]
    needed = {entry.source for entry, wanted in zip(entries, asked, strict=True) if wanted}
    rows = {entry.source: place for place, entry in enumerate(entries) if entry.kind in ("raw", "twin")}
    versions = pixels
    if not needed <= rows.keys():
        versions, _ = raw_images(images, needed, key)
        rows = {name: place for place, name in enumerate(name for name in images.ids if name in needed)}
    places = [rows[entry.source] if wanted else -1 for entry, wanted in zip(entries, asked, strict=True)]
    return versions, np.array(places, dtype=np.int64)
