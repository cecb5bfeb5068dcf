"""Attacks on a model of several findings an image, measured by macro AUROC, as they are and mirrored."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Stolen
from spellock.attacks.levels import Asset
from spellock.data.image_set import ImageSet
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.attack_plan import AttackPlan, Trial
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.attack_store import AttackStore
from spellock.evaluation.halves import stratified_subset
from spellock.evaluation.hardened import Measured
from spellock.evaluation.judge import Halves, Question
from spellock.evaluation.judged_findings import LEFT_OUT, JudgedFindings
from spellock.evaluation.per_finding import per_finding
from spellock.evaluation.predicted import scores_of
from spellock.evaluation.random_control import random_control
from spellock.evaluation.ranking import Ranking
from spellock.evaluation.task_attacks import Fitting, Got, lacking
from spellock.evaluation.thief import Thief, pictures
from spellock.hidden import Scalar
from spellock.tasks.multilabel import MultiLabelTask
from spellock.tasks.pixel_model import PixelModel

_EXCLUSIVE: Final = "its loss is for classes that exclude each other"
#: Of probes each finding gets its own, a yes and a no.
_PROBES: Final = frozenset({"ridge", "prototypes", "random-features", "mlp"})
FITTING: Final = Fitting(
    runs=_PROBES
    | {"suppressed", "whitened", "random-prompts", "prompt-search", "monte-carlo", "parameter-search"}
    | {"colour-transfer", "spectrum-transfer", "translator", "surrogate-prompt", "hard-prompt", "textual-inversion"}
    | {"weave-reading"},
    reasons=MappingProxyType(
        {
            "centred": "shifts and stretches each finding's scores, which changes no ranking",
            "reversed": "findings turned round are in the mirrored figures",
            "permuted": "renames single classes; LP/permuted among the figures renames findings",
            **dict.fromkeys(("tent", "shot-im", "jailntl", "disguise", "finetune", "pruning", "transntl"), _EXCLUSIVE),
            **dict.fromkeys(("trigger-inversion", "weave-inversion", "input-adapter", "warp-adapter"), _EXCLUSIVE),
            **dict.fromkeys(("knockoff", "few-call"), "copies probabilities that sum to one"),
            **dict.fromkeys(("public-fill", "key-places", "key-part"), "is for weight locks"),
        }
    ),
    otherwise="not made for several findings",
)


@dataclass(frozen=True, kw_only=True)
class FindingAttacks:
    """See `TaskAttacks`.

    Attributes:
        models: the locked model, and ``public`` and ``random`` where there are such controls, by start.
        thief: hands out views; its labels are strata, since a view takes one number an image.
        known: int64 (M, R), findings of the thief's images.
        judged: the scored images' findings.
        images_scored: uint8 (N, 3, H, W).
        plan: amounts, and images a candidate.
        store: where long attacks go on from.
    """

    models: Mapping[str, PixelModel]
    thief: Thief
    known: NDArray[np.int64]
    judged: JudgedFindings
    images_scored: Tensor
    plan: AttackPlan
    store: AttackStore
    fitting: Fitting = FITTING
    measure: str = "macro AUROC"
    chance: float = 0.5

    @property
    def split(self) -> Halves:
        """See `TaskAttacks`."""
        return self.judged.split

    @property
    def images(self) -> int:
        """See `TaskAttacks`."""
        return len(self.judged.labels)

    @property
    def facts(self) -> Mapping[str, Scalar]:
        """See `TaskAttacks`."""
        return {
            "scored images": self.images,
            "findings judged": len(self.judged.places),
            LEFT_OUT: self.judged.left_out,
            "unlabelled images": min(self.thief.unlabelled, len(self.thief.pool)),
            "images a candidate": len(self._subset),
            "seed": self.plan.seed,
        }

    @cached_property
    def _subset(self) -> NDArray[np.int64]:
        strata = MultiLabelTask().strata(self.judged.labels[:, self.judged.real])
        return stratified_subset(strata, self.plan.candidate_images, seed=self.plan.seed)

    def lacks(self, trial: Trial, *, black_box: bool) -> str:
        """See `TaskAttacks`."""
        thief = self.thief
        return lacking(
            trial.attack.needs, prompts=thief.editor is not None, trigger=thief.trigger is not None,
            edited=thief.leaked is not None, public=thief.public is not None, black_box=black_box,
        )  # fmt: skip

    def starts(self, trial: Trial) -> Sequence[str]:
        """See `TaskAttacks`."""
        needs, wanted = trial.attack.needs, {"locked"}
        if Asset.LABELS in needs:
            wanted |= {"public", "random"}
        if needs <= {Asset.QUERIES, Asset.WEIGHTS, Asset.UNLABELLED, Asset.PUBLIC}:
            wanted.add("public")
        return [start for start in ("locked", "public", "random") if start in wanted and start in self.models]

    def attack(self, trial: Trial, start: str, row: AttackRow) -> Got:
        """See `TaskAttacks`."""
        lock, begun = self.thief.lock_class if start == "locked" else None, time.perf_counter()
        view = self.thief.view(
            self.models[start], row.level, labels=row.labels, leaked=row.leaked, lock_class=lock, seed=self.plan.seed
        )
        name = f"{trial.attack!r} {start} {row.level} {row.labels} {row.leaked}"
        work = self.store.work(name)
        if Asset.LABELS in trial.attack.needs:
            chosen = stratified_subset(self.thief.labels, row.labels, seed=self.plan.seed)
            stolen = [per_finding(trial.attack, view, self.known[chosen])]
        else:
            stolen = trial.attack(view, work)
        seconds, queries = time.perf_counter() - begun, 0 if view.query is None else view.query.spent
        if view.query is not None:
            view.query.release()
        return Got(
            measured=tuple(self._measured(one, several=len(stolen) > 1) for one in stolen),
            stolen=tuple(stolen),
            seconds=self.store.whole(name, seconds),
            queries=queries,
        )

    def more(self, got: Mapping[str, Got]) -> dict[str, Estimate]:
        """See `TaskAttacks`: the mirrored figure, the controls, and the advantage, image by image."""
        locked = got["locked"].first
        assert isinstance(locked, Ranking)
        figures = {"mirrored": locked.turned().estimate()}
        figures |= {start: one.first.estimate() for start, one in got.items() if start != "locked"}
        if "public" in got:
            public = got["public"].first
            assert isinstance(public, Ranking)
            figures["advantage"] = locked.beyond(public)
        return figures

    def _measured(self, stolen: Stolen, *, several: bool) -> Mapping[str, Measured]:
        chosen = self._subset if several else np.arange(self.images)
        scores = scores_of(stolen.predict, self.images_scored[torch.from_numpy(chosen)], batch_size=64)
        columns = np.searchsorted(self.judged.real, self.judged.places)
        # What is no number says nothing.
        clean = np.nan_to_num(scores[:, columns].astype(np.float64), nan=0.0, posinf=1e30, neginf=-1e30)
        ranking = self.judged.ranking(clean, self._subset if several else None)
        return {"": ranking, "mirrored": ranking.turned()}


def finding_attacks(
    model: PixelModel,
    test: ImageSet,
    question: Question,
    thief: Thief,
    known: NDArray[np.int64],
    scored: NDArray[np.int64],
    plan: AttackPlan,
    *,
    side: int,
    store: AttackStore,
) -> FindingAttacks:
    """A model under attack, its controls made.

    Args:
        question: of the scored images.
        known: (M, R) findings of the thief's images.
        scored: places in ``test`` of the scored images.
    """
    models = {"locked": model} | ({} if thief.public is None else {"public": thief.public})
    random = random_control(model, classes=known.shape[1], seed=plan.seed)
    models |= {} if random is None else {"random": random}
    return FindingAttacks(
        models=models, thief=thief, known=known, judged=JudgedFindings(question),
        images_scored=pictures(test, scored, side=side), plan=plan, store=store,
    )  # fmt: skip
