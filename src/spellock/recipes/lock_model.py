"""From images and a key to a locked model: Algorithm 1, fine-tuning (Eq. 2), and the baseline to compare it with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images, task_of
from spellock.locking.targets import Samples
from spellock.locking.tier_target import with_groups
from spellock.locking.tiers import Tier, check_tiers
from spellock.recipes.held_out import held_out_pairs
from spellock.recipes.model_choice import ModelChoice
from spellock.recipes.processes import first_goes_first
from spellock.recipes.regularising import check_regularising
from spellock.recipes.scores import judging_pairs
from spellock.recipes.teaching import check_teaching, guide_by
from spellock.recipes.training_runs import TrainingRuns
from spellock.tasks.task import Task
from spellock.training.config import FinetuneConfig
from spellock.training.objective_config import ObjectiveConfig
from spellock.training.preparation import check_settings
from spellock.training.regularisation_config import RegularisationConfig

__all__ = ["Locked", "ModelChoice", "lock_model"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Locked:
    """What was made: folders, and the held-out figures (shares in [0, 1]) of the checkpoint that was kept."""

    set_folder: Path
    model: Path | None = None
    baseline: Path | None = None
    validation: Mapping[str, float] = field(default_factory=dict)


def lock_model(
    images: ImageSet,
    key: Key,
    out: Path,
    *,
    choice: ModelChoice | None,
    lock: LockConfig,
    training: FinetuneConfig,
    objective: ObjectiveConfig | None = None,
    teacher: Path | None = None,
    regularisation: RegularisationConfig = RegularisationConfig(),  # noqa: B008  # immutable
    task: Task | None = None,
    tiers: Sequence[Tier] = (),
    baseline: bool = False,
    from_baseline: bool = False,
    device: str = "cpu",
    editor: Editor | None = None,
    make_editor: Callable[[Key], Editor] | None = None,
) -> Locked:
    """Write ``out/locked_set`` and ``out/owner``, then fine-tune to ``out/model`` (and ``out/baseline``).

    Everything resumes: call it again with the same arguments after an interruption, and what is finished is kept. Under
    ``accelerate launch`` the first process edits and writes, and all of them train.

    Args:
        choice: the model; None writes the locked set only.
        objective: what is minimised besides, or instead of, the loss of Eq. 2; None: that loss alone.
        teacher: folder of the plain model that the objective asks; None trains the baseline first and takes that.
        regularisation: regularisers beside the objective, and how gradients are combined.
        task: what the labels are, with its options; the lock's own, with the defaults, where None.
        tiers: further keys that release groups of classes only.
        baseline: also fine-tune the same model on the raw training images, without a lock, for as many steps.
        from_baseline: fine-tune that first, and start the locked model from it; its classifier starts anew where the
            lock adds classes.
        editor: the key's editor when it is loaded already.
        make_editor: brings the editors of decoys and tiers; by default `spellock.editors.registry.load_editor`.

    Raises:
        SpellockError: an input does not fit; the message says which and what to do.
    """
    usual = task_of(images, lock, tiers)
    task = task or usual
    if task.name != lock.task:
        raise ConfigError(f"got the task {task.name} and settings of a lock for {lock.task}, expected one of both")
    task.check_trainable(images)
    images = task.squashed(images, key.resolution, key.resize)
    # A model that cannot be made should fail now, not after hours of editing.
    aim = None if objective is None else objective.make()
    learner = task.learner(len(images.classes), None, task.unpack([], len(images.classes)))
    trains = choice is not None
    if from_baseline and not trains:
        raise ConfigError("the locked model shall start from the baseline, but no model is trained; name a model")
    check_teaching(aim, teacher, images.classes, learner=learner, trains=trains, tiers=bool(tiers))
    check_regularising(regularisation, task, images.classes, trains=trains)
    check_tiers(tiers, images.classes, key)
    target = with_groups(lock.lock_target(), tiers, images.classes)
    if tiers and (training.mixup or training.cutmix):
        raise ConfigError("mixup and cutmix would blend images of different keys; with tiers set both to 0")
    if choice is not None:
        check_settings(training, learner, regularised=bool(regularisation.regularisers))
        nobody = Samples.none(images.classes, labels=task.unpack([], len(images.classes)))
        extra = target(nobody).extra_classes
        task.check_model(choice.create(len(images.classes) + len(extra), seed=training.seed), images)
    with first_goes_first():
        locked = lock_images(
            images, key, out, lock, tiers=tiers, device=device, editor=editor, load=make_editor
        )  # fmt: skip
    folder = out / "locked_set"
    if choice is None:
        if locked.learns_distribution:
            _log.warning(
                "files hold labels and no probabilities, so unauthorised images in %s have labels drawn for each; only "
                "training here, with a model, learns the distribution of lock target %s itself",
                folder,
                lock.target,
            )
        if locked.spreads:
            _log.warning("files hold one label each, so the spread of tiers is for training here only, with a model")
        return Locked(set_folder=folder)
    run = TrainingRuns(
        locked=locked,
        pairs=judging_pairs(task, held_out_pairs(locked)),
        choice=choice,
        training=training,
        task=task,
        out=out,
        device=device,
    )
    if baseline_first := from_baseline or (aim is not None and teacher is None):
        run.baseline(images, key)
    guide = None if aim is None else partial(guide_by, aim, teacher or out / "baseline", locked, images, key)
    start = choice.from_folder(out / "baseline") if from_baseline else choice
    validation = run.locked_model(guide, regularisation, len(images.classes), start)
    if baseline and not baseline_first:
        run.baseline(images, key)
    return Locked(
        set_folder=folder,
        model=out / "model",
        baseline=out / "baseline" if baseline or baseline_first else None,
        validation=validation,
    )
