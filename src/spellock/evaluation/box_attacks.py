"""Attacks on a detector, measured by the average precision of boxes.

Attacks that stand in for the edit need no answers of the model but in the end, so the detector is asked about what they
show. They run with a model that says nothing; those that listen to a classifier's answers are not run.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Predict, Stolen
from spellock.attacks.budget import Query
from spellock.attacks.levels import LEVELS, Asset
from spellock.attacks.view import AttackerView
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.attack_plan import AttackPlan, Trial
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.attack_store import AttackStore
from spellock.evaluation.box_figures import BoxReading
from spellock.evaluation.box_fitting import FITTING
from spellock.evaluation.box_run import BoxRun
from spellock.evaluation.conditions import raw
from spellock.evaluation.halves import halves, stratified_subset
from spellock.evaluation.hardened import Measured
from spellock.evaluation.judge import Halves
from spellock.evaluation.task_attacks import Fitting, Got, lacking
from spellock.evaluation.thief import Thief
from spellock.hidden import Scalar
from spellock.pixels import from_uint8, to_uint8
from spellock.tasks.detection import DetectionTask


@dataclass(frozen=True, kw_only=True)
class BoxAttacks:
    """See `TaskAttacks`.

    Attributes:
        run: the detector and its test images.
        thief: its images; labels are not used.
        scored: places in the test set that no thief has, rising.
        side: that raw images are squashed to before an attack changes them.
        plan: amounts, and images a candidate.
        store: where long attacks go on from.
    """

    run: BoxRun
    thief: Thief
    scored: NDArray[np.int64]
    side: int
    plan: AttackPlan
    store: AttackStore
    fitting: Fitting = FITTING
    measure: str = "AP of boxes"
    chance: float = 0.0

    @cached_property
    def _strata(self) -> NDArray[np.int64]:
        return DetectionTask().strata(self.run.test.labels)[self.scored]

    @cached_property
    def split(self) -> Halves:
        """See `TaskAttacks`."""
        first, second = halves(self._strata, seed=self.plan.seed)
        return self.scored[first], self.scored[second]

    @property
    def images(self) -> int:
        """See `TaskAttacks`."""
        return len(self.scored)

    @property
    def facts(self) -> Mapping[str, Scalar]:
        """See `TaskAttacks`."""
        return {
            "scored images": self.images,
            "unlabelled images": min(self.thief.unlabelled, len(self.thief.pool)),
            "images a candidate": min(self.plan.candidate_images, self.images),
            "intervals": "none, average precision is of the whole set",
            "seed": self.plan.seed,
        }

    def lacks(self, trial: Trial, *, black_box: bool) -> str:
        """See `TaskAttacks`."""
        if black_box:
            return "a detector that is only asked drops boxes and categories by itself"
        return lacking(
            trial.attack.needs, prompts=self.thief.editor is not None, trigger=self.thief.trigger is not None,
            edited=self.thief.leaked is not None, public=False, black_box=False,
        )  # fmt: skip

    def starts(self, trial: Trial) -> Sequence[str]:
        """See `TaskAttacks`: no control, since none of these attacks learns from the model's weights."""
        return ("locked",)

    def attack(self, trial: Trial, start: str, row: AttackRow) -> Got:
        """See `TaskAttacks`."""
        begun, places = time.perf_counter(), [int(place) for place in self.scored]
        if not trial.attack.needs & {Asset.EDITOR, Asset.EDITED, Asset.PAIRS}:
            plain, dropped = (
                self.run.read(model, raw(self.run.test), places, label="raw images")
                for model in (self.run.model, self.run.every)
            )
            ways = {"": _boxes(dropped), "lock category kept": _boxes(plain)}
            silent = Stolen(predict=_silent(self.thief.classes), found={})
            return Got(measured=(ways,), stolen=(silent,), seconds=time.perf_counter() - begun)
        view = self._view(row)
        name = f"{trial.attack!r} {row.level} {row.leaked}"
        stolen = trial.attack(view, self.store.work(name))
        seconds = self.store.whole(name, time.perf_counter() - begun)
        if view.query is not None:
            view.query.release()
        if len(stolen) > 1:
            kept = stratified_subset(self._strata, self.plan.candidate_images, seed=self.plan.seed)
            places = [int(place) for place in self.scored[kept]]
        return Got(measured=tuple(self._read(one, places) for one in stolen), stolen=tuple(stolen), seconds=seconds)

    def more(self, got: Mapping[str, Got]) -> dict[str, Estimate]:
        """See `TaskAttacks`."""
        return {}

    def _view(self, row: AttackRow) -> AttackerView:
        """What the thief holds, its model one that says nothing."""
        thief, allowed = self.thief, LEVELS[row.level]
        draws = np.random.default_rng([self.plan.seed, 0x626F7865])
        free = torch.from_numpy(draws.permutation(len(thief.pool))[: thief.unlabelled])
        leaked = thief.leaked if Asset.EDITED in allowed and row.leaked else None
        beside = thief.leaked_raw if leaked is not None and Asset.PAIRS in allowed else None
        return AttackerView(
            classes=thief.classes,
            unlabelled=thief.pool[free],
            query=Query(_silent(thief.classes)),
            edited=None if leaked is None else leaked[: row.leaked],
            edited_raw=None if beside is None else beside[: row.leaked],
            editor=thief.editor,
            trigger=thief.trigger,
            looker=thief.looker if leaked is not None else None,
            budget=self.plan.budget,
            seed=self.plan.seed,
        )

    def _read(self, stolen: Stolen, places: list[int]) -> Mapping[str, Measured]:
        """AP of what the detector finds in the images as the attack shows them, the lock category dropped and not."""
        assert stolen.shown is not None, "attacks that stand in for the edit show what they do"
        shown = stolen.shown
        kept: dict[int, NDArray[np.uint8]] = {}

        def source(wanted: Sequence[int]) -> list[NDArray[np.uint8]]:
            for place in wanted:
                if place not in kept:
                    changed = to_uint8(shown(from_uint8(self._raw(place))))
                    kept[place] = np.ascontiguousarray(changed[0].permute(1, 2, 0).numpy())
            return [kept[place] for place in wanted]

        plain = self.run.read(self.run.model, source, places, label="as changed")
        dropped = self.run.read(self.run.every, source, places, label="as changed, suppressed")
        return {"": _boxes(dropped), "lock category kept": _boxes(plain)}

    def _raw(self, place: int) -> Tensor:
        """uint8 (1, 3, R, R)."""
        image = self.run.test.open(place).resize((self.side, self.side))
        return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1)[None]


def _boxes(reading: BoxReading) -> BoxReading:
    return replace(reading, masks=False)


def _silent(classes: int) -> Predict:
    return lambda images: torch.zeros(len(images), classes)
