"""From images and a key to a locked model: Algorithm 1, fine-tuning (Eq. 2), and the baseline to compare it with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images, task_of
from spellock.locking.locked_set import LockedSet
from spellock.locking.targets import Samples
from spellock.locking.tier_target import with_groups
from spellock.locking.tiers import Tier, check_tiers
from spellock.recipes.held_out import Labels, Pairs, Pixels, held_out_pairs, raw_images
from spellock.recipes.processes import first_goes_first, is_first
from spellock.recipes.regularising import check_regularising, regularise_by
from spellock.recipes.scores import lock_score, plain_score
from spellock.recipes.selection import SCORE
from spellock.recipes.teaching import check_teaching, guide_by
from spellock.recipes.tier_selection import tier_score
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.task import Task
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import Validate, finetune
from spellock.training.guidance import Guidance
from spellock.training.objective_config import ObjectiveConfig
from spellock.training.regularisation_config import RegularisationConfig
from spellock.training.sampler import make_sampler

_PREFIX = "validation_"
#: Bytes from which on pixels are mapped from disk.
_LARGE = 2**31

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """Which model is fine-tuned; see `spellock.tasks.models.create_model`."""

    name: str
    weights: Path | None = None
    pretrained: bool = False
    input_size: int | None = None

    def create(self, num_classes: int, *, seed: int) -> PixelModel:
        """The model with fresh logits for ``num_classes`` where its weights have another number."""
        return create_model(
            self.name,
            num_classes=num_classes,
            weights=self.weights,
            pretrained=self.pretrained,
            input_size=self.input_size,
            seed=seed,
        )


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
    device: str = "cpu",
    editor: Editor | None = None,
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
        editor: the key's editor when it is loaded already.

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
    check_teaching(aim, teacher, images.classes, trains=choice is not None, tiers=bool(tiers))
    check_regularising(regularisation, task, images.classes, trains=choice is not None)
    check_tiers(tiers, images.classes, key)
    target = with_groups(lock.lock_target(), tiers, images.classes)
    if tiers and (training.mixup or training.cutmix):
        raise ConfigError("mixup and cutmix would blend images of different keys; with tiers set both to 0")
    if choice is not None:
        nobody = Samples.none(images.classes, labels=task.unpack([], len(images.classes)))
        extra = target(nobody).extra_classes
        task.check_model(choice.create(len(images.classes) + len(extra), seed=training.seed), images)
    with first_goes_first():
        locked = lock_images(images, key, out, lock, tiers=tiers, device=device, editor=editor)
    folder = out / "locked_set"
    if choice is None:
        if locked.learns_distribution:
            _log.warning(
                "files hold one label each, so unauthorised images in %s have a class drawn for each; only training "
                "here, with a model, learns the distribution of lock target %s itself",
                folder,
                lock.target,
            )
        if locked.spreads:
            _log.warning("files hold one label each, so the spread of tiers is for training here only, with a model")
        return Locked(set_folder=folder)
    run = _Run(
        locked=locked,
        pairs=held_out_pairs(locked),
        choice=choice,
        training=training,
        task=task,
        out=out,
        device=device,
    )
    if taught_by_baseline := aim is not None and teacher is None:
        run.baseline(images, key)
    guide = None if aim is None else partial(guide_by, aim, teacher or out / "baseline", locked, images, key)
    validation = run.locked_model(guide, regularisation, len(images.classes))
    if baseline and not taught_by_baseline:
        run.baseline(images, key)
    return Locked(
        set_folder=folder,
        model=out / "model",
        baseline=out / "baseline" if baseline or taught_by_baseline else None,
        validation=validation,
    )


@dataclass(frozen=True, kw_only=True)
class _Run:
    """Two fine-tunings of the same model, with and without the lock."""

    locked: LockedSet
    pairs: Pairs | None
    choice: ModelChoice
    training: FinetuneConfig
    task: Task
    out: Path
    device: str

    def locked_model(
        self, guide: Callable[[Pixels], Guidance] | None, regularisation: RegularisationConfig, real: int
    ) -> dict[str, float]:
        classes, pairs, lock_class = self.locked.classes, self.pairs, self.locked.lock_class
        score: Validate | None = None
        if pairs is not None:
            score = lock_score(self.task, pairs, lock_class)
            if self.locked.tiers:
                score = tier_score(self.locked, pairs)
        model, pixels = self.choice.create(len(classes), seed=self.training.seed), self._pixels()
        result = finetune(
            model,
            pixels,
            self.locked.training_labels,
            self.task.learner(len(classes), lock_class, self._authorised_labels()),
            self.training,
            self.out / "owner" / "training",
            authorised=self.locked.authorised,
            raw=self.locked.raw,
            guidance=None if guide is None else guide(pixels),
            regularisation=regularise_by(regularisation, self.locked, real),
            combination=regularisation.make_combination(),
            validate=score,
            select=SCORE,
            device=self.device,
        )
        if is_first():
            groups = self.locked.group_classes
            save_model(
                model,
                self.out / "model",
                classes=classes,
                lock_class=lock_class,
                group_classes=groups,
                task=self.task.name,
                overwrite=True,
            )
        best = result.history[result.best_epoch - 1]
        return {name.removeprefix(_PREFIX): value for name, value in best.items() if name.startswith(_PREFIX)}

    def _authorised_labels(self) -> Labels:
        labels = self.locked.labels
        return labels if self.locked.authorised is None else labels[self.locked.authorised]

    def _pixels(self) -> Pixels:
        """The locked set in memory, or mapped from a file of the owner's when it is large."""
        large = len(self.locked) * self.locked.images(0).nbytes > _LARGE
        with first_goes_first():
            return self.locked.arrays(cache=self.out / "owner" / "images.npy" if large else None)

    def baseline(self, images: ImageSet, key: Key) -> None:
        """The same model on the same training images, all of them raw and truly labelled, for as many steps."""
        sources = {entry.source for entry in self.locked.entries or ()}
        pixels, labels = raw_images(images, sources, key)
        classes, pairs = images.classes, self.pairs
        score: Validate | None = None
        if pairs is not None:
            held = self.task.align(pairs.labels, self.locked.classes, classes)
            score = plain_score(self.task, pairs.raw, held)
        model = self.choice.create(len(classes), seed=self.training.seed)
        finetune(
            model,
            pixels,
            self.task.targets(labels),
            self.task.learner(len(classes), None, labels),
            same_steps(self.training, self.locked, len(pixels)),
            self.out / "owner" / "baseline_training",
            validate=score,
            select=SCORE,
            device=self.device,
        )
        if is_first():
            save_model(
                model, self.out / "baseline", classes=classes, lock_class=None, task=self.task.name, overwrite=True
            )


def same_steps(training: FinetuneConfig, locked: LockedSet, count: int) -> FinetuneConfig:
    """``training`` with as many epochs over ``count`` images as the locked model's run has steps, at least one."""
    budget = training.epochs * sampler_steps(training, locked)
    epochs = max(1, round(budget / -(-count // training.batch_size)))
    stretch = epochs / training.epochs
    return replace(
        training,
        epochs=epochs,
        unauthorised_share=None,
        alone_share=0.0,
        warmup_epochs=training.warmup_epochs * stretch,
        validate_every=max(1, round(training.validate_every * stretch)),
        checkpoint_every=max(1, round(training.checkpoint_every * stretch)),
    )


def sampler_steps(training: FinetuneConfig, locked: LockedSet) -> int:
    """Steps of one epoch of the locked model's run."""
    share = training.unauthorised_share
    sampler = make_sampler(
        len(locked), locked.authorised, batch_size=training.batch_size, share=share, seed=training.seed
    )
    return sampler.steps
