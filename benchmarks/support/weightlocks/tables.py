"""Tables of `weight_locks.py`, and sentences that follow from its figures."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean
from typing import Final

from support.cells import Figures, over_seeds
from support.weightlocks.settings import (
    DELTA_PERCENT,
    EITHER_CYCLES,
    FILLS,
    LABELLED,
    PARTS,
    PERCENTS,
    THEFT_PERCENT,
)

Runs = Mapping[str, Mapping[str, Figures]]
SELECTIONS: Final = ("default", "adaloc")
#: With the keys of deltas, which are measured at one size.
ALL: Final = ("default", "delta", "adaloc")
#: The schemes of ten cycles, and their selections.
SCHEMES: Final = {"default": "default", "delta": "delta", EITHER_CYCLES: "delta", "adaloc": "adaloc"}
#: What the tables call them, and the sentences.
TITLES: Final = {
    "default": "ours",
    "delta": "ours, deltas",
    EITHER_CYCLES: "ours, deltas, either rounding",
    "adaloc": "AdaLoc's",
}
WHOSE: Final = {
    "default": "our",
    "delta": "our delta",
    EITHER_CYCLES: "with the better rounding of each cycle, our delta",
    "adaloc": "AdaLoc's",
}
_MARKS: Final = ("high", "low", "outlier", "typical")


def percents(selection: str) -> tuple[int, ...]:
    """The sizes that a selection is measured at."""
    return (DELTA_PERCENT,) if selection == "delta" else PERCENTS


def pairs_of(done: Runs) -> list[str]:
    """Names of the pairs that anything was measured of, in the order of the file."""
    return list(dict.fromkeys(cell.rpartition(": ")[0] for cell, runs in done.items() if runs))


def value(done: Runs, pair: str, way: str, figure: str) -> float | None:
    """Mean over the seeds; None where nothing was measured."""
    found = [run[figure] for run in done.get(f"{pair}: {way}", {}).values() if figure in run]
    return mean(found) if found else None


def below(done: Runs, pair: str, way: str, other: str, figure: str) -> float | None:
    """Points that ``way`` lies below ``other``: the mean over the seeds that both have; None where there are none."""
    own, others = (done.get(f"{pair}: {one}", {}) for one in (way, other))
    seeds = [seed for seed in own if seed in others and figure in own[seed] and figure in others[seed]]
    return mean(others[seed][figure] - own[seed][figure] for seed in seeds) if seeds else None


def cell(done: Runs, pair: str, way: str, figure: str) -> str:
    """Mean over the seeds, and deviation."""
    return over_seeds(done.get(f"{pair}: {way}", {}), figure)


def adaptation_table(done: Runs) -> list[str]:
    """Accuracy of each way to adapt, with the size of the key in percent of the model's bytes."""
    ways = [f"{selection} {percent} %" for selection in ALL for percent in percents(selection)]
    heads = [f"{TITLES[way.split()[0]]}, {way.split()[1]} %" for way in ways]
    rows = [
        f"| network, data | chance | full | classifier only | {' | '.join(heads)} |",
        "|---" * (len(ways) + 4) + "|",
    ]
    for pair in pairs_of(done):
        found = [cell(done, pair, "no lock", "chance")]
        found += [cell(done, pair, way, "authorised") for way in ("full", "head only")]
        for way in ways:
            size = cell(done, pair, way, "key_bytes")
            found.append(f"{cell(done, pair, way, 'authorised')} ({size})" if size else "")
        rows.append(f"| {pair} | {' | '.join(found)} |")
    return rows


def lock_table(done: Runs) -> list[str]:
    """Keyed models at 5 %: accuracy without the key for each fill, and with parts of the key."""
    heads = [f"no key, {fill}" for fill in FILLS] + [f"{share} % of the key" for share in PARTS]
    rows = [f"| network, data | key | {' | '.join(heads)} | whole key |", "|---" * (len(heads) + 3) + "|"]
    for pair in pairs_of(done):
        for selection in SELECTIONS:
            way = f"{selection} {THEFT_PERCENT} %"
            names = [f"unauthorised_{fill}" for fill in FILLS] + [f"part_{share}" for share in PARTS] + ["authorised"]
            found = [cell(done, pair, way, name) for name in names]
            if any(found):
                rows.append(f"| {pair} | {TITLES[selection]} | {' | '.join(found)} |")
    return rows


def theft_table(done: Runs) -> list[str]:
    """What a thief with the public model gets: from that alone, from confined updates, from static locks."""
    trained = [f"{percent} % of the labels" for percent in LABELLED]
    heads = [f"public alone, {name}" for name in trained]
    heads += [f"{kind}, {name}" for kind in ("confined", "static") for name in ("public fill", *trained)]
    rows = [f"| network, data | key | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for pair in pairs_of(done):
        for selection in SELECTIONS:
            names = [f"tuned_{percent}" for percent in LABELLED]
            found = [cell(done, pair, "no lock", name) for name in names]
            found += [cell(done, pair, f"{selection} {THEFT_PERCENT} %", name) for name in ("public_fill", *names)]
            found += [cell(done, pair, "full", f"{selection}_{name}") for name in ("public_fill", *names)]
            if any(found):
                rows.append(f"| {pair} | {TITLES[selection]} | {' | '.join(found)} |")
    return rows


def place_table(done: Runs) -> list[str]:
    """Area under the curve of each way to look for the key, mean over the pairs, by selection and fill."""
    ways = (*_MARKS, "difference")
    titles = ["high", "low", "outlier", "typical", "difference from the public model"]
    heads = [*titles, "the best of the first four: precision", "recall"]
    rows = [f"| key | fill | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for selection in SELECTIONS:
        for fill in FILLS:
            way = f"{selection} {THEFT_PERCENT} %"

            def over_pairs(figure: str, way: str = way, fill: str = fill) -> float | None:
                found = [value(done, pair, way, f"{fill}_place_{figure}") for pair in pairs_of(done)]
                known = [one for one in found if one is not None]
                return mean(known) if known else None

            curves = {mark: over_pairs(f"{mark}_auc") for mark in ways}
            if curves["high"] is None:
                continue
            best = max(_MARKS, key=lambda mark: curves[mark] or 0.0)
            found = [*curves.values(), over_pairs(f"{best}_precision"), over_pairs(f"{best}_recall")]
            shown = " | ".join("" if one is None else f"{one:.1f}" for one in found)
            rows.append(f"| {TITLES[selection]} | {fill} | {shown} |")
    return rows


def rate_table(done: Runs) -> list[str]:
    """Learning rates that were best on validation data: for one adaptation (a mean over the seeds), and for ten."""
    ways = {
        "everything": ("full", "full"),
        **{f"{TITLES[one]}, {PERCENTS[-1]} %": (f"{one} {PERCENTS[-1]} %", one) for one in ALL},
    }
    heads = [f"{title}, {when}" for title in ways for when in ("once", "ten in a row")]
    rows = [f"| network, data | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for pair in pairs_of(done):
        found = [
            value(done, pair, way, "rate_per_mille")
            for once, often in ways.values()
            for way in (once, f"rate of cycles, {often}")
        ]
        rows.append(f"| {pair} | {' | '.join('' if one is None else f'{one / 1000:.2g}' for one in found)} |")
    return rows
