"""The judge of several findings an image: macro AUROC, each thief's figure also mirrored, and mAP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import Labels
from spellock.evaluation.accuracy import Estimate, mean_of_values
from spellock.evaluation.folds import RawReadings
from spellock.evaluation.halves import stratified_subset
from spellock.evaluation.hardened import Best, Measured, best_of, highest
from spellock.evaluation.judge import Halves, Logits, Question
from spellock.evaluation.judged_findings import LEFT_OUT, JudgedFindings
from spellock.evaluation.multilabel_figures import MIRRORED, MULTILABEL_FIGURES
from spellock.evaluation.multilabel_readings import obeyed, raw_scores
from spellock.evaluation.ranking import Ranking
from spellock.evaluation.report_parts import FindingResult
from spellock.tasks.auroc import aurocs, judgeable
from spellock.tasks.multilabel import MultiLabelTask

_WITH_PRECISION: Final = ("lp", "lp_suppressed")


class MultiLabelJudge:
    """See `Judge`. Findings without positives or negatives in a half of the test images are left out and named."""

    texts: Final = MULTILABEL_FIGURES
    measure: Final = "macro AUROC"

    def __init__(self, question: Question) -> None:
        """Take labels int64 (N, K), zeros and ones, over all outputs of the model.

        Raises:
            DataError: no finding has positives and negatives.
        """
        self._question, self._judged = question, JudgedFindings(question)

    @property
    def halves_suffice(self) -> bool:
        """See `Judge`."""
        return self._judged.halves_suffice

    @property
    def split(self) -> Halves:
        """See `Judge`: a patient's images are in one half."""
        return self._judged.split

    def subset(self, count: int) -> NDArray[np.int64]:
        """See `Judge`: evenly over the rarest finding that an image has."""
        strata = MultiLabelTask().strata(self._judged.labels[:, self._judged.real])
        return stratified_subset(strata, count, seed=self._question.seed)

    def value(self, logits: Logits) -> float:
        """See `Judge`: of all findings with positives and negatives, where halves have none."""
        if self.halves_suffice:
            return self._judged.ranking(self._judged.obeyed(logits)).worth()
        known = self._judged.real[judgeable(self._judged.labels[:, self._judged.real])]
        return float(aurocs(obeyed(logits, self._question.lock)[:, known], self._judged.labels[:, known]).mean())

    def unlocked(self, logits: Logits) -> dict[str, Estimate]:
        """See `Judge`."""
        ranking = self._judged.ranking(self._judged.obeyed(logits))
        return {"up": ranking.estimate(), "up_map": ranking.precision()}

    def baseline(self, logits: Logits, labels: Labels, names: Sequence[str]) -> dict[str, Estimate]:
        """See `Judge`."""
        ranking = self._judged.ranking(self._judged.columns_of(logits, names))
        return {"baseline": ranking.estimate(), "baseline_map": ranking.precision()}

    def same_path(self, logits: Logits) -> dict[str, Estimate]:
        """See `Judge`."""
        return self._both("lp_same_path", self._judged.obeyed(logits)) | self._both(
            "lp_same_path_suppressed", logits[:, self._judged.places]
        )

    def readings(self, raw: dict[str, RawReadings]) -> dict[str, Measured]:
        """See `Judge`: mirrored, since that is what a thief would do."""
        return {
            name + mode: self._judged.ranking(scores, whole=not mode and name in _WITH_PRECISION).turned()
            for mode, reading in raw.items()
            for name, scores in raw_scores(reading, self._judged.places, self._question.lock).items()
        }

    def keyless(self, readings: Mapping[str, Measured]) -> dict[str, Estimate]:
        """See `Judge`: as they are, and mirrored."""
        figures: dict[str, Estimate] = {}
        for name, one in readings.items():
            assert isinstance(one, Ranking)
            plain = self._judged.ranking(one.scores, whole=one.whole)
            figures |= {name: plain.estimate(), name + MIRRORED: one.estimate()}
            if name in _WITH_PRECISION:
                figures[f"{name}_map"] = plain.precision()
        return figures

    def hardened(self, readings: Mapping[str, Measured]) -> Best:
        """See `Judge`: mirrored, or as they are. Both are chosen apart: of few positives a half often tells the wrong
        way round, and a thief may as well trust the model."""
        plain = {name: replace(one, mirrored=False) for name, one in readings.items() if isinstance(one, Ranking)}
        return highest(best_of(readings, self.split), best_of(plain, self.split))

    def wrong_key(self, logits: Logits, subset: NDArray[np.int64]) -> tuple[Measured, Measured]:
        """See `Judge`."""
        return self._judged.ranking(self._judged.obeyed(logits), subset), self._judged.ranking(
            logits[:, self._judged.places], subset
        )

    def wrong_keys(
        self, plain: Mapping[str, Measured], dropped: Mapping[str, Measured]
    ) -> tuple[dict[str, Estimate], Best]:
        """See `Judge`."""
        turned = {name: one.turned() for name, one in plain.items() if isinstance(one, Ranking)}
        cleared = {name: one.turned() for name, one in dropped.items() if isinstance(one, Ranking)}
        best, upright = best_of(turned, self.split), best_of(plain, self.split)
        images, seed = max(len(one.indices) for one in turned.values()), self._question.seed
        figures = {
            "wrong_key_mean": mean_of_values([one.worth() for one in plain.values()], images, seed=seed),
            "wrong_key_mean" + MIRRORED: mean_of_values(
                [one.estimate().value for one in turned.values()], images, seed=seed
            ),
            "wrong_key_max": upright.honest,
            "wrong_key_max" + MIRRORED: best.honest,
            "wrong_key_max_naive": best.naive,
            "wrong_key_suppressed_max": best_of(dropped, self.split).honest,
            "wrong_key_suppressed_max" + MIRRORED: best_of(cleared, self.split).honest,
        }
        return figures, highest(best, upright)

    def chance(self) -> dict[str, Estimate]:
        """See `Judge`: one half; and for mAP the mean share of positives."""
        share, count = float(self._judged.labels[:, self._judged.places].mean()), len(self._judged.labels)
        return {
            "chance": Estimate(value=0.5, low=0.5, high=0.5, images=count),
            "chance_map": Estimate(value=share, low=share, high=share, images=count),
        }

    def findings(self, conditions: Mapping[str, Logits]) -> tuple[FindingResult, ...]:
        """See `Judge`: the AUROC of each finding under each condition."""
        results = []
        for place, output in enumerate(self._judged.places):
            positives = int(self._judged.labels[:, output].sum())
            figures = {
                name: self._judged.ranking(self._judged.obeyed(logits)).single(place)
                for name, logits in conditions.items()
            }
            results.append(
                FindingResult(
                    name=self._question.classes[output],
                    positives=positives,
                    negatives=len(self._judged.labels) - positives,
                    figures=figures,
                )
            )
        return tuple(results)

    def facts(self) -> dict[str, str | int | float | bool | None]:
        """See `Judge`."""
        patients = self._question.patients
        return {
            "test images": len(self._judged.labels),
            "findings": len(self._judged.places),
            LEFT_OUT: self._judged.left_out,
            "intervals": f"bootstrap over {'images' if patients is None else f'{len(set(patients))} patients'}",
        }

    def truth(self, index: int) -> str:
        """See `Judge`."""
        return MultiLabelTask().in_words(self._judged.labels[index], self._question.classes)

    def answer(self, logits: NDArray[np.float64], index: int) -> tuple[str, float, bool]:
        """See `Judge`: the outputs above one half; right when they are just the image's findings."""
        chances = 1 / (1 + np.exp(-logits))
        said = chances > 0.5
        words = MultiLabelTask().in_words(said, self._question.classes)
        return words, float(chances.max()), bool(np.array_equal(said, self._judged.labels[index] == 1))

    def _both(self, name: str, scores: NDArray[np.floating]) -> dict[str, Estimate]:
        ranking = self._judged.ranking(scores)
        return {name: ranking.estimate(), name + MIRRORED: ranking.turned().estimate()}
