"""What attacks got: all rows and the strongest of them, as values, CSV and text."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.attack_row import AttackRow, Strongest
from spellock.evaluation.bits_stolen import Bits
from spellock.evaluation.label_curves import label_curves
from spellock.evaluation.report_text import interval, percent
from spellock.evaluation.verdicts import ACCURACY, Verdict
from spellock.hidden import Scalar

_BITS = ("bits", "bits_random")
_COLUMNS = ("accuracy", "mean", "best", "public", "random", "advantage", "mirrored")


@dataclass(frozen=True, kw_only=True)
class AttackReport:
    """All rows; ``strongest`` by what the thief had; ``facts`` about the run.

    Attributes:
        verdicts: for each thief, the best of everything that it can do.
        pictures: by a row's name, scored images as the attack shows them to the model, and the class then named.
        shown: places of these images in the test set.
        measure: what the figures are, in a word.
        spared: seconds that earlier, interrupted runs spent on what is here and this one did not do again.
    """

    rows: tuple[AttackRow, ...]
    strongest: Mapping[str, Strongest]
    chance: float
    facts: Mapping[str, Scalar]
    verdicts: tuple[Verdict, ...] = ()
    pictures: Mapping[str, tuple[tuple[bytes, int], ...]] = field(default_factory=dict, repr=False)
    shown: tuple[int, ...] = ()
    measure: str = ACCURACY
    spared: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, every figure in percent, bits in bits; without pictures."""
        return {
            "attacks": [_plain(row) for row in self.rows],
            "strongest": {
                name: {
                    "from": one.name,
                    **_percent("accuracy", one.locked),
                    **({} if one.public is None else _percent("public", one.public)),
                    **({} if one.advantage is None else {"advantage": round(100 * one.advantage, 3)}),
                }
                for name, one in self.strongest.items()
            },
            "verdicts": [
                {
                    "thief": one.thief,
                    "level": one.level,
                    **asdict(one.amount),
                    "by": one.name,
                    **_percent("accuracy", one.locked),
                    **({} if one.public is None else _percent("public", one.public)),
                }
                for one in self.verdicts
            ],
            **({"label_curves": [one.to_dict() for one in curves]} if (curves := label_curves(self.rows)) else {}),
            "chance": round(100 * self.chance, 3),
            "facts": dict(self.facts),
            **({} if self.measure == ACCURACY else {"measure": self.measure}),
        }

    def to_csv(self) -> str:
        """One line an attack, figures and limits in percent."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        limits = [f"{name}{end}" for name in _COLUMNS for end in ("", "_low", "_high")]
        bits = [f"{name}{end}" for name in _BITS for end in ("", "_low", "_high")]
        head = ("attack", "variant", "level", "labels", "leaked", "asked")
        writer.writerow((*head, *limits, *bits, "queries", "seconds", "skipped"))
        for row in self.rows:
            plain = _plain(row)
            writer.writerow(
                [row.attack, row.variant, row.level, row.labels, row.leaked, row.asked]
                + [plain.get(name, "") for name in (*limits, *bits)]
                + [row.queries, f"{row.seconds:.1f}", row.skipped]
            )
        return text.getvalue()

    def to_text(self) -> str:
        """Aligned lines for a terminal; attacks that could not be run come last, by reason."""
        header = ("attack", self.measure, "95 %", "public", "random", "advantage", "95 %", "bits stolen")
        lines = [header]
        for row in self.rows:
            if row.skipped:
                continue
            cells = [_cell(one) for one in (row.accuracy, row.public, row.random, row.advantage)]
            spans = ["" if one is None else interval(one) for one in (row.accuracy, row.advantage)]
            lines.append((row.name, cells[0], spans[0], cells[1], cells[2], cells[3], spans[1], _bits(row.bits)))
            if row.mirrored is not None:
                lines.append(("  mirrored", _cell(row.mirrored), interval(row.mirrored), "", "", "", "", ""))
            if row.mean is not None and row.best is not None:
                lines.append((f"  mean of {row.candidates}", _cell(row.mean), interval(row.mean), "", "", "", "", ""))
                lines.append((f"  best of {row.candidates}", _cell(row.best), interval(row.best), "", "", "", "", ""))
        for name, one in self.strongest.items():
            public, advantage = _cell(one.public), "" if one.advantage is None else percent(one.advantage)
            lines.append((f"strongest, {name}", _cell(one.locked), interval(one.locked), public, "", advantage, "", ""))
        widths = [max(len(line[column]) for line in lines) for column in range(8)]
        rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([*(row.rstrip() for row in rows), "", f"chance {percent(self.chance)}", *self._not_run()])

    def _not_run(self) -> list[str]:
        """What could not be run and why, a paragraph a reason."""
        reasons: dict[str, list[str]] = {}
        for row in self.rows:
            if row.skipped:
                reasons.setdefault(row.skipped, []).append(row.name)
        return [
            line
            for reason, names in reasons.items()
            for line in (
                "",
                *textwrap.wrap(f"not run, {reason}: {'; '.join(names)}", width=100, subsequent_indent="  "),
            )
        ]


def _bits(saved: Bits | None) -> str:
    return "" if saved is None else f"{saved.value:.0f}"


def _cell(figure: Estimate | None) -> str:
    return "" if figure is None else percent(figure.value)


def _percent(name: str, figure: Estimate) -> dict[str, float]:
    ends = {"": figure.value, "_low": figure.low, "_high": figure.high}
    return {f"{name}{end}": round(100 * value, 3) for end, value in ends.items()}


def _plain(row: AttackRow) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(row).items() if name not in _COLUMNS and value not in ("", {}, None)}
    plain = {name: value for name, value in plain.items() if name not in _BITS and (name != "asked" or value)}
    for name in _COLUMNS:
        if (figure := getattr(row, name)) is not None:
            plain |= _percent(name, figure)
    for name in _BITS:
        if (bits := getattr(row, name)) is not None:
            plain |= {
                name: round(bits.value, 1),
                f"{name}_low": round(bits.low, 1),
                f"{name}_high": round(bits.high, 1),
            }
    return plain
