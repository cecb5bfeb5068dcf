"""What attacks got: one row an attack, and the strongest of them, as values, CSV and text."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spellock.evaluation.accuracy import Z95, Estimate
from spellock.evaluation.bits_stolen import Bits
from spellock.evaluation.report_text import interval, percent
from spellock.evaluation.verdicts import ACCURACY, Verdict
from spellock.hidden import Scalar

_BITS = ("bits", "bits_random")
_COLUMNS = ("accuracy", "mean", "best", "public", "random", "advantage", "mirrored")


@dataclass(frozen=True, kw_only=True)
class AttackRow:
    """One attack with one amount of data; shares in [0, 1] with their 95 % intervals.

    Attributes:
        attack, variant: which, with which of its named options.
        level: the weakest level that allows it.
        labels, leaked, asked: labelled raw images, leaked edited images and answers of an unlocked model that the thief
            had.
        accuracy: of what the thief trusts most, on images that the attack has not seen.
        candidates: predictors that the attack gave; of several, ``mean`` is over all of them and ``best`` the best,
            chosen on one half of the images and scored on the other.
        public, random: the same attack with the same data, from the public weights and from random ones.
        advantage: ``accuracy`` - ``public``, image by image: what the stolen weights were worth to the thief.
        mirrored: of several findings, ``accuracy`` with each of them the better way round, chosen by halves.
        bits, bits_random: bits that the stolen weights saved in coding the labels up to here, against public and
            against random weights; see `spellock.evaluation.bits_stolen`. Absent for the fewest labels.
        found: what the attack chose on the way.
        seconds: that it took, controls left out.
        queries: images that the model, or the customer, answered during the attack, training steps included.
        skipped: why it could not be run; then there are no figures.
    """

    attack: str
    variant: str
    level: str
    labels: int = 0
    leaked: int = 0
    asked: int = 0
    accuracy: Estimate | None = None
    candidates: int = 0
    mean: Estimate | None = None
    best: Estimate | None = None
    public: Estimate | None = None
    random: Estimate | None = None
    advantage: Estimate | None = None
    mirrored: Estimate | None = None
    bits: Bits | None = None
    bits_random: Bits | None = None
    found: Mapping[str, Scalar] = field(default_factory=dict)
    seconds: float = 0.0
    queries: int = 0
    skipped: str = ""

    @property
    def name(self) -> str:
        """Attack, variant and amount of data in words."""
        words = [self.attack + (f" ({self.variant})" if self.variant else "")]
        words += ["only asking"] if self.level == "query" else []
        words += [self.data] if self.data else []
        return ", ".join(words)

    @property
    def data(self) -> str:
        """Amount of data in words."""
        if self.leaked:
            return f"{self.leaked} {'pairs' if self.level == 'pairs' else 'edited'}"
        return f"{self.labels} labels" if self.labels else f"{self.asked} answers" if self.asked else ""


@dataclass(frozen=True, kw_only=True)
class Strongest:
    """The best of all attacks with the same data, chosen on one half and scored on the other, beside the best of the
    same attacks from public weights where there are some."""

    locked: Estimate
    name: str
    public: Estimate | None = None

    @property
    def advantage(self) -> float | None:
        """Theft advantage; at most 0 where the lock holds."""
        return None if self.public is None else self.locked.value - self.public.value


@dataclass(frozen=True, kw_only=True)
class AttackReport:
    """All rows; ``strongest`` by what the thief had; ``facts`` about the run.

    Attributes:
        verdicts: for each thief, the best of everything that it can do.
        pictures: by a row's name, scored images as the attack shows them to the model, and the class then named.
        shown: places of these images in the test set.
        measure: what the figures are, in a word.
    """

    rows: tuple[AttackRow, ...]
    strongest: Mapping[str, Strongest]
    chance: float
    facts: Mapping[str, Scalar]
    verdicts: tuple[Verdict, ...] = ()
    pictures: Mapping[str, tuple[tuple[bytes, int], ...]] = field(default_factory=dict, repr=False)
    shown: tuple[int, ...] = ()
    measure: str = ACCURACY

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
        """Aligned lines for a terminal."""
        header = ("attack", self.measure, "95 %", "public", "random", "advantage", "95 %", "bits stolen")
        lines = [header]
        for row in self.rows:
            if row.skipped:
                lines.append((row.name, "-", row.skipped, "", "", "", "", ""))
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
        widths = [max(len(line[column]) for line in lines if len(line[2]) < 20) for column in range(8)]
        rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([row.rstrip() for row in rows] + ["", f"chance {percent(self.chance)}"])


def paired_difference(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Estimate:
    """Mean of ``first`` - ``second``, hits (N,) on the same images, in [-1, 1].

    The interval is that of Agresti and Min (2005), who add half an image to each of the four cells: unlike the textbook
    one it keeps a width where the two never differ.
    """
    count = first.size
    gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
    middle = (gained - lost) / (count + 2)
    half = Z95 * math.sqrt((gained + lost + 1) / (count + 2) - middle**2) / math.sqrt(count + 2)
    value = (gained - lost) / count
    low, high = max(-1.0, min(value, middle - half)), min(1.0, max(value, middle + half))
    return Estimate(value=value, low=low, high=high, images=count)


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
