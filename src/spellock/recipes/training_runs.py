"""The fine-tunings behind a locked model: with the lock, and without it for the baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from spellock.data.image_set import ImageSet
from spellock.key import Key
from spellock.locking.locked_set import LockedSet
from spellock.recipes.held_out import Labels, Pairs, Pixels, raw_images
from spellock.recipes.model_choice import ModelChoice
from spellock.recipes.processes import first_goes_first, is_first
from spellock.recipes.regularising import regularise_by
from spellock.recipes.scores import lock_score, plain_score
from spellock.recipes.selection import SCORE
from spellock.recipes.tier_selection import tier_score
from spellock.tasks.checkpoint import save_model
from spellock.tasks.task import Task
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import Validate, finetune
from spellock.training.guidance import Guidance
from spellock.training.regularisation_config import RegularisationConfig
from spellock.training.sampler import make_sampler

_PREFIX = "validation_"
#: Bytes from which on pixels are mapped from disk.
_LARGE = 2**31


@dataclass(frozen=True, kw_only=True)
class TrainingRuns:
    """Two fine-tunings of the same model, with and without the lock.

    Attributes:
        locked: the set to train on.
        pairs: held-out images, raw and edited, that checkpoints are chosen by; None where there are none.
        choice: the model.
        training: how it is trained.
        task: what the labels are.
        out: folder of the models; what is not to be released lies in ``out/owner``.
        device: where the models train.
    """

    locked: LockedSet
    pairs: Pairs | None
    choice: ModelChoice
    training: FinetuneConfig
    task: Task
    out: Path
    device: str

    def locked_model(
        self,
        guide: Callable[[Pixels], Guidance] | None,
        regularisation: RegularisationConfig,
        real: int,
        start: ModelChoice,
    ) -> dict[str, float]:
        """Fine-tune to ``out/model``.

        Args:
            guide: gives the teacher's answers for the set's pixels; None for the task's loss alone.
            regularisation: what stands beside the loss, and how the two become one step.
            real: number of real classes.
            start: the model to start from.

        Returns:
            The held-out figures of the checkpoint that was kept, shares in [0, 1].
        """
        classes, pairs, lock_class = self.locked.classes, self.pairs, self.locked.lock_class
        score: Validate | None = None
        if pairs is not None:
            score = lock_score(self.task, pairs, lock_class)
            if self.locked.tiers:
                score = tier_score(self.locked, pairs)
        # The first process may have written this model just now.
        with first_goes_first():
            model = start.create(len(classes), seed=self.training.seed)
        pixels = self._pixels()
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
        # What rounding adds to a warm-up of all epochs would be more than there are.
        warmup_epochs=min(training.warmup_epochs * stretch, epochs),
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
