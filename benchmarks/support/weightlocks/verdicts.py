"""What the figures of `weight_locks.py` say of its aims, in words that are made from them."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mean

from support.weightlocks.cycle_table import gaps_to_full, most_above_chance
from support.weightlocks.settings import CYCLE_PERCENT, CYCLES, LABELLED, THEFT_PERCENT
from support.weightlocks.tables import (
    ALL,
    SCHEMES,
    SELECTIONS,
    TITLES,
    WHOSE,
    Runs,
    below,
    pairs_of,
    percents,
    value,
)

GAP = 1.0
ABOVE = 2.0
LIMIT = 10.0
SMALLER = 10.0


def adaptation_verdict(done: Runs) -> list[str]:
    """Is a key of at most 10 % of the bytes enough?"""
    lines = []
    for selection in ALL:
        gaps: dict[str, tuple[float, float]] = {}
        for pair in pairs_of(done):
            for percent in percents(selection):
                way = f"{selection} {percent} %"
                gap, size = below(done, pair, way, "full", "authorised"), value(done, pair, way, "key_bytes")
                if gap is not None and size is not None and size <= LIMIT:
                    gaps[pair] = min(gaps.get(pair, (gap, size)), (gap, size))
        if gaps:
            near = [pair for pair, (gap, _) in gaps.items() if gap <= GAP]
            worst = max(gaps, key=lambda pair: gaps[pair][0])
            lines.append(
                f"{_capital(WHOSE[selection])} selection, keys of at most {LIMIT:g} % of the bytes: within "
                f"{GAP:g} point of full fine-tuning on {len(near)} of {len(gaps)}; furthest from it on "
                f"{worst}, by {gaps[worst][0]:.1f} "
                f"points with {gaps[worst][1]:.1f} % of the bytes."
            )
        large = [(pair, value(done, pair, f"{selection} {THEFT_PERCENT} %", "key_bytes")) for pair in pairs_of(done)]
        sizes = [size for _, size in large if size is not None]
        if sizes and selection == "adaloc":
            lines.append(
                f"AdaLoc's {THEFT_PERCENT} % of the units, and for texts of the weights, are {min(sizes):.1f} to "
                f"{max(sizes):.1f} % of the bytes, values and places together."
            )
    return lines


def theft_verdict(done: Runs) -> list[str]:
    """Does the keyed model help a thief who has the public model anyhow?"""
    lines = []
    for kind in ("confined", "static"):
        advantages = []
        for pair in pairs_of(done):
            for selection in SELECTIONS:
                for percent in LABELLED:
                    alone = value(done, pair, "no lock", f"tuned_{percent}")
                    way, name = (f"{selection} {THEFT_PERCENT} %", f"tuned_{percent}")
                    if kind == "static":
                        way, name = "full", f"{selection}_tuned_{percent}"
                    stolen = value(done, pair, way, name)
                    if alone is not None and stolen is not None:
                        advantages.append(
                            (stolen - alone, f"{pair}, {TITLES[selection]} key, {percent} % of the labels")
                        )
        if advantages:
            best, where = max(advantages)
            mean = sum(one for one, _ in advantages) / len(advantages)
            lines.append(
                f"Theft advantage over the public model alone, {kind} updates: {mean:+.1f} points in the mean, "
                f"{best:+.1f} at most ({where})."
            )
    return lines


def cycle_verdict(done: Runs) -> list[str]:
    """The three aims of ten cycles."""
    lines = []
    for scheme, selection in SCHEMES.items():
        way = f"cycles, {scheme}"
        gaps = [found for pair in pairs_of(done) if (found := gaps_to_full(done, pair, way))]
        above = _known(most_above_chance(done, pair, way, "unauthorised") for pair in pairs_of(done))
        updates = _known(value(done, pair, way, f"update_{CYCLES}") for pair in pairs_of(done))
        if not above:
            continue
        title = f"{_capital(WHOSE[scheme])} selection at {CYCLE_PERCENT[selection]} %"
        parts = []
        if gaps:
            average, largest = [mean(found) for found in gaps], [max(found) for found in gaps]
            parts.append(
                f"within {GAP:g} point of full fine-tuning in the mean of the cycles on "
                f"{sum(gap <= GAP for gap in average)} of {len(gaps)} (largest mean {max(average):.1f}), in each of "
                f"them on {sum(gap <= GAP for gap in largest)} (largest gap {max(largest):.1f})"
            )
        parts.append(
            f"without the key at most {ABOVE:g} points above the most frequent class after every cycle on "
            f"{sum(one <= ABOVE for one in above)} of {len(above)} (most {max(above):+.1f})"
        )
        parts.append(
            f"an update at least {SMALLER:g} times smaller than the model on "
            f"{sum(size <= 100 / SMALLER for size in updates)} of {len(updates)} (largest {max(updates):.1f} %)"
        )
        lines.append(f"{title}, ten cycles: {'; '.join(parts)}.")
    for selection in SELECTIONS:
        for fill, name in (("old_fill", "the old fill"), ("public_fill", "public weights")):
            figure = f"{selection}_{fill}"
            static = _known(most_above_chance(done, pair, "cycles, full", figure) for pair in pairs_of(done))
            if static:
                lines.append(
                    f"A static lock under {WHOSE[selection]} selection, everything fine-tuned and {name} in the key's "
                    f"place: up to {max(static):+.1f} points above the most frequent class, {min(static):+.1f} where "
                    "it holds best."
                )
    return lines


def _known(found: Iterable[float | None]) -> list[float]:
    return [one for one in found if one is not None]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
