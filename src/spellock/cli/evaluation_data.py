"""Test images, lock class and baseline, as the commands that measure take them from their options."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from spellock.errors import DataError, MissingSplitError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from spellock.cli.evaluate_args import EvaluateArgs
    from spellock.data.image_set import ImageSet, OnError
    from spellock.key import Key
    from spellock.tasks.checkpoint import LoadedModel
    from spellock.tasks.task import Task

_NO_LOCK_CLASS: Final = "none"
_log = logging.getLogger(__name__)


def scored_images(source: str, split: str | None, *, on_error: OnError = "fail", task: Task | None = None) -> ImageSet:
    """The images to evaluate on: ``split``, else the split called "test", else a set without splits.

    Args:
        task: what the labels are; classes that exclude each other by default.

    Raises:
        DataError: there is no such split, only one to train on is known, or the images cannot be read.
    """
    from spellock.tasks.classification import ClassificationTask

    task = task or ClassificationTask()
    if split is not None:
        return task.open_images(source, split=split, on_error=on_error)
    try:
        return task.open_images(source, split="test", on_error=on_error)
    except MissingSplitError:
        images = task.open_images(source, split=None, on_error=on_error)
    try:
        task.open_images(source, split="train", on_error=on_error)
    except MissingSplitError:
        return images  # a set without splits
    except DataError:
        pass  # a split to train on, whatever is wrong with it
    raise DataError(f"{source} has a training split but none called 'test', say which to evaluate on with --split")


def warn_of_training_images(test: ImageSet, model: Path, key: Key, task: Task) -> None:
    """Say in the log where ``test`` has images that ``model`` was locked with.

    Known of a model that lies beside its owner's folder, by the sample of images there: up to 32 of all that took part.
    """
    from spellock.artefacts import read_json
    from spellock.locking.sampled import in_sample

    settings = model.resolve().parent / "owner" / "config.json"
    try:
        sample = read_json(settings).get("sample") if settings.is_file() else None
    except (DataError, OSError):
        return  # not needed to evaluate
    if not isinstance(sample, dict):
        return
    known = [place for place, name in enumerate(test.ids) if name in sample]
    if not known:
        return
    if found := in_sample(sample, task.squashed(test.subset(known), key.resolution, key.resize), key):
        _log.warning(
            "%s has images that the model was locked with (%s, and others perhaps), so the figures look better than on "
            "new images; evaluate on images that were held back, as `spellock split` does",
            test.name,
            repr(found[0]),
        )


def lock_class_of(asked: str | None, locked: LoadedModel, test: ImageSet) -> int | str | None:
    """The lock class: as asked for ("none" is none), as the model says, or the one class that the data has not.

    Raises:
        ModelError: it is in doubt.
    """
    if asked is not None:
        return None if asked == _NO_LOCK_CLASS else asked
    if locked.says_lock_class:
        return locked.lock_class
    groups = {locked.classes[place] for place in locked.group_classes}
    extra = [name for name in locked.classes if name not in test.classes and name not in groups]
    if len(extra) > 1:
        raise ModelError(
            f"the model has {len(extra)} classes that the data has not, so its lock class is in doubt; "
            "name it with --lock-class"
        )
    return extra[0] if extra else None


def find_baseline(args: EvaluateArgs) -> LoadedModel | None:
    """The baseline that is asked for, or that lies beside the model."""
    from spellock.tasks.checkpoint import load_model

    beside = args.model.resolve().parent / "baseline"
    folder = args.baseline or (beside if (beside / "config.json").is_file() else None)
    return None if folder is None else load_model(folder)
