"""The report card's curves: accuracy over leaked images, labels and keys tried, and what the labels cost to code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, ScalarFormatter

from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.report_plots import drawn

_COLOURS = ("#c8553d", "#4f6d9a", "#d9a441", "#7d6b9d", "#2a7f62", "#7d1d3f", "#5b8a8a", "#a0522d")
#: The amount that is not the thief's data but its work; a search for keys says it in what it found.
TRIED: Final = "tried"
Curves = Mapping[str, list[AttackRow]]


def curves_of(report: AttackReport, amount: str) -> Curves:
    """Rows by name of each attack with two amounts at least of ``labels``, ``leaked``, ``asked`` or keys ``tried``.

    Keys tried are no amount of data: variants that differ in nothing else make the curve, by how many they tried.
    """
    found: dict[str, list[AttackRow]] = {}
    for row in report.rows:
        if row.accuracy is not None and amount_of(row, amount):
            variant = "" if amount == TRIED else row.variant
            asking = ", only asking" if amount == TRIED and row.level == "query" else ""
            found.setdefault(row.attack + (f" ({variant})" if variant else asking), []).append(row)
    if amount == TRIED:
        found = {name: sorted(rows, key=lambda row: amount_of(row, TRIED)) for name, rows in found.items()}
    return {name: rows for name, rows in found.items() if len({amount_of(row, amount) for row in rows}) > 1}


def amount_of(row: AttackRow, amount: str) -> int:
    """How much of ``labels``, ``leaked`` or ``asked`` a row is of, or how many keys were ``tried``.

    Of keys 0 where the row's variant is another than a number of them.
    """
    if amount != TRIED:
        return int(getattr(row, amount))
    tried = row.found.get("tried", 0)
    counts = not row.variant or row.variant.endswith(" keys")
    return tried if counts and isinstance(tried, int) else 0


def accuracy_curves(report: AttackReport, amount: str, axis: str, *, up: Estimate | None) -> str:
    """Accuracy over an amount of data, one line an attack, the same from public weights dashed; a PNG data URI."""
    figure, axes = _axes()
    for colour, (name, rows) in zip(_cycle(), curves_of(report, amount).items(), strict=False):
        places = [amount_of(row, amount) for row in rows]
        _line(axes, places, [row.accuracy for row in rows], colour, name)
        control = [row for row in rows if row.public is not None]
        if control:
            values = [100 * row.public.value for row in control if row.public is not None]
            axes.plot([amount_of(row, amount) for row in control], values, "--", color=colour, linewidth=1, alpha=0.8)
    _levels(axes, report.chance, up)
    axes.set_ylim(0, 100)
    axes.set_ylabel(f"{report.measure}, %")
    return _finished(figure, axes, axis)


def bits_curves(report: AttackReport) -> str:
    """Bits stolen over the labels coded, one line an attack with its interval; a PNG data URI."""
    figure, axes = _axes()
    for colour, (name, rows) in zip(_cycle(), curves_of(report, "labels").items(), strict=False):
        known = [row for row in rows if row.bits is not None]
        if known:
            places = [row.labels for row in known]
            bits = [row.bits for row in known if row.bits is not None]
            axes.plot(places, [one.value for one in bits], "o-", color=colour, label=name, linewidth=1.6, markersize=4)
            axes.fill_between(places, [one.low for one in bits], [one.high for one in bits], color=colour, alpha=0.15)
    axes.axhline(0, color="#222222", linestyle="--", linewidth=1)
    axes.set_ylabel("bits stolen against public weights")
    return _finished(figure, axes, "labels coded")


def _line(axes: Axes, places: Sequence[int], estimates: Sequence[Estimate | None], colour: str, name: str) -> None:
    known = [one for one in estimates if one is not None]
    axes.plot(places, [100 * one.value for one in known], "o-", color=colour, label=name, linewidth=1.6, markersize=4)
    low, high = [100 * one.low for one in known], [100 * one.high for one in known]
    axes.fill_between(places, low, high, color=colour, alpha=0.15)


def _levels(axes: Axes, chance: float, up: Estimate | None) -> None:
    axes.axhline(100 * chance, color="#222222", linestyle="--", linewidth=1, label="chance")
    if up is not None:
        axes.axhline(100 * up.value, color="#2a7f62", linewidth=1.6, label="right key (UP)")


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(9, 3.6), dpi=110, layout="constrained")
    return figure, figure.add_subplot()


def _finished(figure: Figure, axes: Axes, label: str) -> str:
    axes.set_xscale("log")
    # Between powers of ten numbers would be written as 2 x 10^0; of wide axes this formatter leaves them out.
    axes.xaxis.set_minor_formatter(LogFormatter())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel(label)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    return drawn(figure)


def _cycle() -> list[str]:
    return [_COLOURS[place % len(_COLOURS)] for place in range(64)]
