"""The figures of one evaluation; nothing here holds the key prompt, a prompt made from it, or the secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spellock.errors import DataError
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.cost import UnlockCost
from spellock.evaluation.figure_texts import FIGURES
from spellock.evaluation.report_parts import Example, FindingResult, TierResult, WrongKeyResult, percent


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that `evaluate` found. Shares are in [0, 1].

    Attributes:
        figures: estimates by name, in the order of ``texts``; those that do not apply are absent.
        hardened_from: the figure or wrong key behind ``hardened_lp``.
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
            **{name: percent(self.figures[name].value) for name in self.texts if name in self.figures},
            "seconds": round(self.seconds, 3),
            "unit": "percent",
            "intervals": {name: [percent(figure.low), percent(figure.high)] for name, figure in self.figures.items()},
            "images": {name: figure.images for name, figure in self.figures.items()},
            "hardened_lp_from": self.hardened_from,
            "wrong_keys": [
                {
                    "name": one.name,
                    "kind": one.kind,
                    "shown": one.shown,
                    "accuracy": percent(one.accuracy.value),
                    "interval": [percent(one.accuracy.low), percent(one.accuracy.high)],
                    "suppressed": percent(one.suppressed.value),
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
