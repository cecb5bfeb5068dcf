"""Who attacks on a report card, by task: what a thief gets out of the images, and what measures the attacks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from pathlib import Path

import numpy as np

from spellock.data.image_set import ImageSet
from spellock.errors import ConfigError, ModelError
from spellock.evaluation.attack_plan import AttackPlan, Trial, most_of
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.attack_store import AttackStore, weights_of
from spellock.evaluation.attacked import evaluate_attacks
from spellock.evaluation.box_attacks import BoxAttacks
from spellock.evaluation.box_run import BoxRun, as_detector
from spellock.evaluation.card_images import FindingImages, Places, divide_findings, divided
from spellock.evaluation.finding_attacks import finding_attacks
from spellock.evaluation.halves import halves
from spellock.evaluation.labels import lock_index
from spellock.evaluation.task_attacks import run_task_attacks
from spellock.evaluation.thief import Thief, leaks, pictures, public_editor, public_trigger
from spellock.evaluation.wrong_key_trials import EditorMaker
from spellock.key import Key
from spellock.tasks.classification import ClassificationTask
from spellock.tasks.detection import DetectionTask
from spellock.tasks.multilabel import MultiLabelTask
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Attacked:
    """What is attacked, with what; see `spellock.evaluation.attacked.evaluate_attacks`."""

    model: PixelModel
    classes: tuple[str, ...]
    key: Key
    test: ImageSet
    chosen: tuple[Trial, ...]
    plan: AttackPlan
    lock_class: int | str | None
    make: EditorMaker
    group_classes: Sequence[int] = ()
    spare: ImageSet | None = None
    public: PixelModel | None = None
    unlabelled: int = 1000
    work: Path | None = None

    def thief(self, pool: ImageSet, places: Places, strata: Places, *, classes: int, lock: int | None) -> Thief:
        """The thief of the images at ``places`` of ``pool``; ``strata`` are its labels, and edited
        ones leak by chance."""
        editor = self.make(self.key)
        most, side = most_of(self.chosen, self.plan), max(self.model.input_size, self.key.resolution)
        order = np.random.default_rng([self.plan.seed, 0x6C65616B]).permutation(len(places))[: most.leaked]
        raw, edited = leaks(pool, places[order], editor) if len(order) else (None, None)
        return Thief(
            pool=pictures(pool, places, side=side), labels=strata, classes=classes, lock_class=lock, leaked=edited,
            leaked_raw=raw, editor=public_editor(self.key, self.make), unlabelled=self.unlabelled,
            budget=self.plan.budget, public=self.public, trigger=public_trigger(self.key, self.make),
            mirrored=self.plan.mirrored,
        )  # fmt: skip

    def store(self, thief: Thief) -> AttackStore:
        """Checkpoints of attacks on this model with these images; those of another key, public model, budget or seed
        are not gone on with."""
        models = [weights_of(one) for one in (self.model, self.public) if one is not None]
        settings = (models, self.plan.budget, self.plan.seed, self.unlabelled, thief.of_key)
        digest = hashlib.sha256(repr(settings).encode())
        for images in (thief.pool, thief.leaked):
            digest.update(b"" if images is None else images.numpy().tobytes())
        return AttackStore(self.work, digest.hexdigest())


@singledispatch
def check_attacked(task: Task, one: Attacked) -> None:
    """Check what can be known of a model of ``task`` before hours of other figures.

    Raises:
        ConfigError, DataError, ModelError: it cannot be attacked with what there is.
    """


@check_attacked.register
def _(task: MultiLabelTask, one: Attacked) -> None:
    _finding_images(one)


@check_attacked.register
def _(task: DetectionTask, one: Attacked) -> None:
    if one.public is not None:
        raise ConfigError("no attack on a detector learns from weights, so there is no control; leave --public out")


@singledispatch
def attack_for_card(task: Task, one: Attacked) -> AttackReport:
    """All attacks on a model of ``task``; a new task registers its own here.

    Raises:
        ConfigError: the task has none, or something does not fit.
        ModelError, DataError: something does not fit; the message says what.
    """
    raise ConfigError(f"the task {type(task).__name__} has no report card; leave --attacks out")


@attack_for_card.register
def _(task: ClassificationTask, one: Attacked) -> AttackReport:
    return evaluate_attacks(
        one.model, one.classes, one.key, one.test, one.chosen, one.plan, lock_class=one.lock_class,
        group_classes=one.group_classes, spare=one.spare, public=one.public, unlabelled=one.unlabelled, work=one.work,
        make_editor=one.make,
    )  # fmt: skip


@attack_for_card.register
def _(task: MultiLabelTask, one: Attacked) -> AttackReport:
    images = _finding_images(one)
    known, scored, question = images.known, images.scored, images.question
    thief = one.thief(
        images.pool, images.places, task.strata(known), classes=known.shape[1], lock=question.lock
    )  # fmt: skip
    side = max(one.model.input_size, one.key.resolution)
    store = one.store(thief)
    attacks = finding_attacks(one.model, one.test, question, thief, known, scored, one.plan, side=side, store=store)
    report = run_task_attacks(attacks, one.chosen, one.plan)
    return replace(report, spared=store.spared)


@attack_for_card.register
def _(task: DetectionTask, one: Attacked) -> AttackReport:
    check_attacked(task, one)
    lock, test, seed = lock_index(one.classes, one.lock_class), one.test, one.plan.seed
    truths = list(task.align(test.labels, test.classes, one.classes))
    run = BoxRun(
        model=as_detector(one.model), classes=one.classes, lock=lock, test=test, truths=truths, seed=seed
    )  # fmt: skip
    pool, places, scored = divided(test, one.spare, halves(task.strata(test.labels), seed=seed))
    # A view is of two classes at least; attacks that stand in for the edit use no more of them than that.
    thief = one.thief(pool, places, np.zeros(len(places), dtype=np.int64), classes=2, lock=None)
    store = one.store(thief)
    attacks = BoxAttacks(run=run, thief=thief, scored=scored, side=one.key.resolution, plan=one.plan, store=store)
    report = run_task_attacks(attacks, one.chosen, one.plan)
    return replace(report, spared=store.spared)


def _finding_images(one: Attacked) -> FindingImages:
    lock = lock_index(one.classes, one.lock_class)
    images = divide_findings(one.test, one.spare, one.classes, lock, seed=one.plan.seed)
    findings = images.known.shape[1]
    if one.public is not None and one.public.num_classes != findings:
        raise ModelError(f"the public model has {one.public.num_classes} outputs, expected {findings}, one a finding")
    return images
