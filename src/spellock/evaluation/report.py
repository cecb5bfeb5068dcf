"""The figures of one evaluation; nothing here holds the key prompt, a prompt made from it, or the secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.errors import DataError
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.cost import UnlockCost

#: Every figure's name, in the order of the report: title and meaning.
FIGURES: Final[dict[str, tuple[str, str]]] = {
    "baseline": ("Baseline", "the same fine-tuning without a lock, on raw images"),
    "up": ("UP", "unlocked performance: images edited with the key"),
    "lp": ("LP", "locked performance: raw images, the lock class counted as a prediction"),
    "lp_suppressed": ("LP/suppressed", "lock class dropped"),
    "lp_centred": ("LP/centred", "lock class dropped, logits standardised on unlabelled raw images"),
    "lp_permuted": (
        "LP/permuted",
        "lock class dropped, classes renamed one to one; fitted and scored on different halves",
    ),
    "lp_bn": ("LP, BN", "LP after BatchNorm statistics are recomputed on raw images"),
    "lp_suppressed_bn": ("LP/suppressed, BN", "the same, lock class dropped"),
    "lp_centred_bn": ("LP/centred, BN", "the same, logits standardised"),
    "lp_permuted_bn": ("LP/permuted, BN", "the same, classes renamed"),
    "lp_same_path": ("LP/same path", "raw images squashed and resampled as for the edit, not edited (gamma = 0)"),
    "lp_same_path_suppressed": ("LP/same path, suppressed", "the same, lock class dropped"),
    "wrong_key_mean": ("Wrong keys, mean", "images edited with wrong keys; interval over keys"),
    "wrong_key_max": ("Wrong keys, best", "the best wrong key, chosen on one half and scored on the other"),
    "wrong_key_max_naive": ("Wrong keys, plain maximum", "chosen and scored on the same images: biased upwards"),
    "wrong_key_suppressed_max": (
        "Wrong keys, best, suppressed",
        "the best wrong key with the lock class dropped, by halves",
    ),
    "hardened_lp": ("Hardened LP", "the best keyless figure, chosen on one half and scored on the other"),
    "hardened_lp_naive": ("Hardened LP, plain maximum", "chosen and scored on the same images: biased upwards"),
    "chance": ("Chance", "one over the number of real classes"),
    "majority_class": ("Most frequent class", "always naming the test set's most frequent class"),
}


#: Figures of each tier: title and meaning. Groups are named by the model itself; "class" is a real class.
TIER_FIGURES: Final[dict[str, tuple[str, str]]] = {
    "group": ("group", "images edited with the tier's key: the right group is named"),
    "group_lp": ("group, no key", "raw images: the right group, or a class in it, is named"),
    "group_hardened_lp": ("group, no key, hardened", "the same, read in the best cheap way; by halves"),
    "group_largest": ("largest group", "always naming the test set's most frequent group"),
    "fine": ("class", "images edited with the tier's key: the right class is named"),
    "fine_suppressed": ("class, suppressed", "the same, groups and lock class dropped"),
    "fine_centred": ("class, centred", "the same, logits standardised on other images edited with the tier's key"),
    "fine_permuted": ("class, permuted", "groups and lock class dropped, classes renamed one to one"),
    "fine_grouped": ("class within the group", "the best class of the group that is named"),
    "fine_grouped_centred": ("class within the group, centred", "the same, logits standardised"),
    "fine_leak": ("tier leak", "the best of these, also with BatchNorm recomputed; by halves"),
    "fine_known_group": ("known from the group", "always naming the most frequent class of the true group"),
}


@dataclass(frozen=True, kw_only=True)
class TierResult:
    """What one tier's key gives, and beyond that to its holder or to a thief without a key.

    Attributes:
        name: of the tier.
        groups: how many it has.
        figures: estimates by name, in the order of `TIER_FIGURES`.
        leak_from: the reading behind the highest fine figure.
        leaks: by name of another tier whose groups this one does not imply: their accuracy from images edited with
            this tier's key, read in the best cheap way; by halves.
    """

    name: str
    groups: int
    figures: dict[str, Estimate]
    leak_from: str
    leaks: dict[str, Estimate] = field(default_factory=dict)

    def rows(self) -> list[tuple[str, Estimate, str]]:
        """Title, estimate and meaning of every figure."""
        rows = [(*TIER_FIGURES[name], self.figures[name]) for name in TIER_FIGURES if name in self.figures]
        more = [(f"tier {name}", "its groups, from images edited with this key; by halves", one)
                for name, one in self.leaks.items()]  # fmt: skip
        return [(title, one, meaning) for title, meaning, one in (*rows, *more)]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values in percent."""
        return {
            "name": self.name,
            "groups": self.groups,
            **{name: _percent(one.value) for name, one in self.figures.items()},
            "intervals": {name: [_percent(one.low), _percent(one.high)] for name, one in self.figures.items()},
            "fine_leak_from": self.leak_from,
            "leaks": {name: _percent(one.value) for name, one in self.leaks.items()},
        }


@dataclass(frozen=True, kw_only=True)
class WrongKeyResult:
    """One wrong key: a name and a text that give nothing away, and how far it unlocks (argmax, lock class dropped)."""

    name: str
    kind: str
    shown: str
    accuracy: Estimate
    suppressed: Estimate


@dataclass(frozen=True, kw_only=True)
class FindingResult:
    """One finding of a multi-label set: how many images have it and have it not, and its AUROC by condition."""

    name: str
    positives: int
    negatives: int
    figures: dict[str, Estimate]

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values in percent."""
        return {
            "name": self.name,
            "positives": self.positives,
            "negatives": self.negatives,
            **{name: _percent(one.value) for name, one in self.figures.items()},
            "intervals": {name: [_percent(one.low), _percent(one.high)] for name, one in self.figures.items()},
        }


@dataclass(frozen=True, kw_only=True)
class View:
    """One image as the model saw it, uint8 (H, W, 3), and its prediction with probability."""

    title: str
    image: NDArray[np.uint8]
    prediction: str
    probability: float
    right: bool


@dataclass(frozen=True, kw_only=True)
class Example:
    """One test image under several conditions."""

    truth: str
    views: tuple[View, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that `evaluate` found. Shares are in [0, 1].

    Attributes:
        figures: estimates by name, in the order of ``texts``; those that do not apply are absent.
        hardened_from: the figure or wrong key behind ``hardened_lp_naive``.
        wrong_keys: one entry a wrong key.
        cost: of unlocking.
        seconds: that the evaluation took.
        facts: plain facts for the report's head: test images, classes, seed and so on.
        examples: pictures; the report's page shows edited images, so it is for the owner only.
        tiers: one entry a tier that was evaluated.
        texts: title and meaning of every figure that the task has, in their order.
        measure: what the figures are, in a word.
        findings: one entry a finding of a multi-label set that could be judged.
        sheet: a PNG of what a detector found, locked and unlocked, beside the truth.
    """

    figures: dict[str, Estimate]
    hardened_from: str
    wrong_keys: tuple[WrongKeyResult, ...]
    cost: UnlockCost
    seconds: float
    facts: dict[str, str | int | float | bool | None]
    examples: tuple[Example, ...] = field(default=(), repr=False)
    tiers: tuple[TierResult, ...] = ()
    texts: Mapping[str, tuple[str, str]] = field(default_factory=lambda: FIGURES, repr=False)
    measure: str = "accuracy"
    findings: tuple[FindingResult, ...] = ()
    sheet: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        unknown = set(self.figures) - set(self.texts)
        if unknown:
            raise DataError(f"got figures {sorted(unknown)}, expected only those of the report")

    def __getitem__(self, name: str) -> float:
        """The value of a figure, in [0, 1]; ``KeyError`` where it does not apply."""
        return self.figures[name].value

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values: figures in percent at the top level; intervals, wrong keys, cost and facts beside."""
        return {
            **{name: _percent(self.figures[name].value) for name in self.texts if name in self.figures},
            "seconds": round(self.seconds, 3),
            "unit": "percent",
            "intervals": {name: [_percent(figure.low), _percent(figure.high)] for name, figure in self.figures.items()},
            "images": {name: figure.images for name, figure in self.figures.items()},
            "hardened_lp_from": self.hardened_from,
            "wrong_keys": [
                {
                    "name": one.name,
                    "kind": one.kind,
                    "shown": one.shown,
                    "accuracy": _percent(one.accuracy.value),
                    "interval": [_percent(one.accuracy.low), _percent(one.accuracy.high)],
                    "suppressed": _percent(one.suppressed.value),
                }
                for one in self.wrong_keys
            ],
            "unlock_cost": {
                "edit_ms": self.cost.edit_ms,
                "inference_ms": self.cost.inference_ms,
                "ratio": self.cost.ratio,
            },
            "facts": dict(self.facts),
            **({"measure": self.measure} if self.findings else {}),
            **({"findings": [finding.to_dict() for finding in self.findings]} if self.findings else {}),
            **({"tiers": [tier.to_dict() for tier in self.tiers]} if self.tiers else {}),
        }


def _percent(share: float) -> float:
    return round(100 * share, 4)
