"""The report card: what was locked, what the key gives, and what every thief gets, as values and files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.report_parts import Example, FindingResult, TierResult
from spellock.evaluation.tier_verdicts import TierVerdict, tier_verdicts
from spellock.evaluation.verdicts import NEAR_CHANCE
from spellock.hidden import Scalar

#: What no card can say, whatever its figures.
LIMITS: Final = (
    "A lock that withstands these attacks withstands these attacks; a better one may come tomorrow.",
    "Every figure is of one trained model. Intervals cover the test images, not what training again would change.",
    "Thieves had no more data than the amounts in the table; curves that still rise have not ended.",
    "Whoever has the key and the model has everything, and may pass both on.",
    "With enough labelled images any model can be trained; only what goes beyond public weights counts.",
)


@dataclass(frozen=True, kw_only=True)
class Card:
    """One locked model's report card. Shares are in [0, 1].

    Attributes:
        title: of the page.
        plan: the name of the table of attacks.
        locked: what was locked, in plain words by name: nothing of the prompt or the secret.
        figures: estimates by name: ``up``, ``lp``, ``hardened_lp``, ``baseline`` where there is one, and what else the
            evaluation had.
        texts: title and meaning of every figure.
        attacks: all of them, with controls, verdicts and pictures.
        examples: pictures raw, edited with the key and with wrong keys.
        classes: names of the real classes.
        limits: what these figures do not say.
        seconds: that all of it took, what interrupted runs left done included.
        tiers: what each tier's key gives and leaks.
        findings: figures of single findings, where an image has several.
        sheet: a PNG of what a detector found.
    """

    title: str
    plan: str
    locked: Mapping[str, Scalar | None]
    figures: Mapping[str, Estimate]
    texts: Mapping[str, tuple[str, str]]
    attacks: AttackReport
    classes: tuple[str, ...]
    seconds: float
    examples: tuple[Example, ...] = field(default=(), repr=False)
    limits: tuple[str, ...] = LIMITS
    tiers: tuple[TierResult, ...] = ()
    findings: tuple[FindingResult, ...] = ()
    sheet: bytes | None = field(default=None, repr=False)

    def finished(self, examples: tuple[Example, ...], *, seconds: float) -> Card:
        """The same with pictures, and with the time that all took: ``seconds`` of this run, and what it was spared."""
        return replace(self, examples=examples, seconds=seconds + self.attacks.spared)

    @property
    def up(self) -> float | None:
        """What the key gives."""
        return self.figures["up"].value if "up" in self.figures else None

    @property
    def sentences(self) -> tuple[str, ...]:
        """One verdict a thief, in words."""
        return tuple(
            one.sentence(chance=self.attacks.chance, up=self.up, measure=self.attacks.measure)
            for one in self.attacks.verdicts
        )

    @property
    def tier_verdicts(self) -> tuple[TierVerdict, ...]:
        """Sentences about the tiers."""
        return tier_verdicts(self.tiers, up=self.up)

    @property
    def best_unlabelled(self) -> AttackRow | None:
        """The strongest attack that needs no labels; of attacks with labels no picture could be shown."""
        rows = [row for row in self.attacks.rows if row.accuracy is not None and not row.labels]
        return max(rows, key=lambda row: row.accuracy.value if row.accuracy else 0.0, default=None)

    @property
    def bits(self) -> AttackRow | None:
        """The attack that stole most bits, of those that coded most labels."""
        rows = [row for row in self.attacks.rows if row.bits is not None]
        return max(rows, key=lambda row: (row.bits.labels, row.bits.value) if row.bits else (0, 0.0), default=None)

    def summary(self) -> str:
        """The whole card in a sentence or two."""
        outcomes = [one.outcome(chance=self.attacks.chance, up=self.up) for one in self.attacks.verdicts]
        kept = sum(outcome in ("holds", "no gain") for outcome in outcomes)
        text = f"Against {kept} of {len(outcomes)} kinds of thief the lock holds, or theft brings nothing."
        if "open" in outcomes:
            text += f" To {outcomes.count('open')} of them it is open."
        if self.tiers:
            loose = {one.tier for one in self.tier_verdicts if one.outcome in ("leaks", "open", "unclear")}
            kept = len(self.tiers) - len(loose)
            text += f" {kept} of {len(self.tiers)} tiers {'keeps' if kept == 1 else 'keep'} to what their keys release."
        return text

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: figures in percent, bits in bits."""
        return {
            "title": self.title,
            "plan": self.plan,
            "locked": dict(self.locked),
            "summary": self.summary(),
            "figures": {name: _percent(one.value) for name, one in self.figures.items()},
            "intervals": {name: [_percent(one.low), _percent(one.high)] for name, one in self.figures.items()},
            **self.attacks.to_dict(),
            "sentences": list(self.sentences),
            "outcomes": [one.outcome(chance=self.attacks.chance, up=self.up) for one in self.attacks.verdicts],
            **({"tiers": self._tiers()} if self.tiers else {}),
            **({"findings": [one.to_dict() for one in self.findings]} if self.findings else {}),
            "near_chance": _percent(NEAR_CHANCE),
            "limits": list(self.limits),
            "seconds": round(self.seconds, 1),
        }

    def to_csv(self) -> str:
        """One line a figure, then one an attack as in attacks.csv."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("figure", "value", "low", "high", "images"))
        for name, one in self.figures.items():
            writer.writerow((name, _percent(one.value), _percent(one.low), _percent(one.high), one.images))
        for tier in self.tiers:
            for title, one, _ in tier.rows():
                name = f"tier {tier.name}: {title}"
                writer.writerow((name, _percent(one.value), _percent(one.low), _percent(one.high), one.images))
        return text.getvalue() + "\n" + self.attacks.to_csv()

    def to_text(self) -> str:
        """Lines for a terminal."""
        rows = [f"{self.texts[name][0]:<28} {100 * one.value:5.1f} %" for name, one in self.figures.items()]
        tiers = [one.text for one in self.tier_verdicts]
        return "\n".join([*rows, "", self.attacks.to_text(), "", *self.sentences, *tiers, "", self.summary()])

    def _tiers(self) -> list[dict[str, object]]:
        return [
            {
                **tier.to_dict(),
                "sentences": [one.text for one in self.tier_verdicts if one.tier == tier.name],
                "outcomes": [one.outcome for one in self.tier_verdicts if one.tier == tier.name],
            }
            for tier in self.tiers
        ]


def _percent(share: float) -> float:
    return round(100 * share, 3)
