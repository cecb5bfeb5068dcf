"""The control of all locks: the same fine-tuning on edited images, with no unauthorised image at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.recipes.held_out import Labels, Pixels, held_out_pairs, raw_images
from spellock.recipes.model_choice import ModelChoice
from spellock.recipes.scores import plain_score
from spellock.recipes.selection import SCORE
from spellock.recipes.training_runs import same_steps
from spellock.tasks.checkpoint import save_model
from spellock.tasks.classification import ClassificationTask
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import finetune

TASK = ClassificationTask()


def edited_only(
    images: ImageSet,
    key: Key,
    out: Path,
    *,
    choice: ModelChoice,
    lock: LockConfig,
    training: FinetuneConfig,
    baseline: bool,
    editor: Editor,
    **_: object,
) -> None:
    """Write ``out/model``, which has no lock class, and ``out/baseline`` as `lock_model` does.

    The edited subset is the lock's own. A step has as many edited images as one of the lock has, so there are as many
    steps too; what is left out is the other part of each batch.

    Args:
        training: balanced, so that its share says how many that are.
    """
    locked = lock_images(images, key, out, lock, editor=editor)
    pairs, share, authorised = held_out_pairs(locked), training.unauthorised_share, locked.authorised
    assert pairs is not None
    assert authorised is not None
    assert share is not None
    own = replace(
        training, batch_size=round((1 - share) * training.batch_size), unauthorised_share=None, alone_share=0.0
    )
    kept = locked.arrays()[authorised], locked.labels[authorised]
    _train(out / "model", choice, images.classes, *kept, pairs.edited, pairs.labels, own)
    if baseline:
        sources = {entry.source for entry in locked.entries or ()}
        pixels, labels = raw_images(images, sources, key)
        same = same_steps(training, locked, len(pixels))
        _train(out / "baseline", choice, images.classes, pixels, labels, pairs.raw, pairs.labels, same)


def _train(
    folder: Path,
    choice: ModelChoice,
    classes: Sequence[str],
    pixels: Pixels,
    labels: Labels,
    held: Pixels,
    held_labels: Labels,
    training: FinetuneConfig,
) -> None:
    model = choice.create(len(classes), seed=training.seed)
    finetune(
        model, pixels, TASK.targets(labels), TASK.learner(len(classes), None, labels), training,
        folder.with_name(f"{folder.name}_training"), validate=plain_score(TASK, held, held_labels), select=SCORE,
    )  # fmt: skip
    save_model(model, folder, classes=classes, lock_class=None, task=TASK.name, overwrite=True)
