"""The table of ten adaptations in a row, and the figures of it that verdicts are made of."""

from __future__ import annotations

from statistics import mean

from support.weightlocks.settings import CYCLE_PERCENT, CYCLES, SHIPPED_FILL
from support.weightlocks.tables import SCHEMES, SELECTIONS, TITLES, Runs, below, cell, pairs_of, value


def cycle_table(done: Runs) -> list[str]:
    """Ten adaptations in a row."""
    heads = [
        "authorised after 1", "after 5", "after 10", "mean gap to full", "largest gap",
        "without the key, most above chance", "keyed model unchanged, of 10", "key update, % of the model",
    ]  # fmt: skip
    rows = [f"| network, data | scheme | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for pair in pairs_of(done):
        for scheme, selection in SCHEMES.items():
            way = f"cycles, {scheme}"
            found = [cell(done, pair, way, f"authorised_{cycle}") for cycle in (1, 5, 10)]
            if not any(found):
                continue
            gaps, above = gaps_to_full(done, pair, way), most_above_chance(done, pair, way, "unauthorised")
            same = [value(done, pair, way, f"unchanged_{cycle}") for cycle in range(1, CYCLES + 1)]
            found += [
                _number(mean(gaps) if gaps else None),
                _number(max(gaps, default=None)),
                _number(above),
                str(sum(one == 100 for one in same)),
            ]
            found.append(_number(value(done, pair, way, f"update_{CYCLES}")))
            title = f"key alone, {TITLES[scheme]} {CYCLE_PERCENT[selection]} %"
            rows.append(f"| {pair} | {title} | {' | '.join(found)} |")
        full = [cell(done, pair, "cycles, full", f"authorised_{cycle}") for cycle in (1, 5, 10)]
        if any(full):
            rows.append(f"| {pair} | everything (upper bound) | {' | '.join(full)} | 0.0 | 0.0 | | | 100.0 |")
        for selection in SELECTIONS:
            for fill, name in (
                ("old_fill", f"old fill ({SHIPPED_FILL[selection]})"),
                ("public_fill", "public weights"),
            ):
                above_chance = most_above_chance(done, pair, "cycles, full", f"{selection}_{fill}")
                if above_chance is not None:
                    title = f"static, {TITLES[selection]} {CYCLE_PERCENT[selection]} %, {name} in the key's place"
                    rows.append(f"| {pair} | {title} | | | | | | {_number(above_chance)} | | 100.0 |")
    return rows


def gaps_to_full(done: Runs, pair: str, way: str) -> list[float]:
    """Points that ``way`` lies below full fine-tuning, by cycle; none where either was not measured."""
    gaps = [below(done, pair, way, "cycles, full", f"authorised_{k}") for k in range(1, CYCLES + 1)]
    known = [gap for gap in gaps if gap is not None]
    return known if len(known) == CYCLES else []


def most_above_chance(done: Runs, pair: str, way: str, figure: str) -> float | None:
    """Points that ``figure`` lies above the most frequent class's share in the worst cycle."""
    found = [
        (value(done, pair, way, f"{figure}_{k}"), value(done, pair, way, f"majority_{k}")) for k in range(1, CYCLES + 1)
    ]
    known = [got - least for got, least in found if got is not None and least is not None]
    return max(known) if known else None


def _number(found: float | None) -> str:
    return "" if found is None else f"{found:.1f}"
