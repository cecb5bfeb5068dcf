"""Keys of 4-bit deltas that learn on what they can hold from the first step on, and from two thirds of the steps on."""

from __future__ import annotations

from statistics import mean

from support.cells import Figures
from support.weightlocks.settings import DELTA_PERCENT, LATE_WAY
from support.weightlocks.tables import Runs, cell, pairs_of
from support.weightlocks.verdicts import GAP

_FIRST, _CHOSEN = f"delta {DELTA_PERCENT} %", "chosen"


def late_rounding_table(done: Runs) -> list[str]:
    """Test accuracy of both, and of the one of them that was better on each seed's validation images."""
    heads = [
        "seeds",
        "full",
        "from the first step on",
        "from two thirds on",
        "better on validation images",
        "below full",
    ]
    rows = [f"| network, data | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    gaps: dict[str, float] = {}
    for pair in pairs_of(done):
        runs = _shared(pair, done)
        seeds = runs[f"{pair}: full"]
        if not seeds:
            continue
        found = [cell(runs, pair, way, "authorised") for way in ("full", _FIRST, LATE_WAY, _CHOSEN)]
        full, chosen = (_mean(runs[f"{pair}: {way}"]) for way in ("full", _CHOSEN))
        gaps[pair] = full - chosen
        rows.append(f"| {pair} | {', '.join(seeds)} | {' | '.join(found)} | {gaps[pair]:+.1f} |")
    if not gaps:
        return ["Not measured yet."]
    near, worst = [gap for gap in gaps.values() if gap <= GAP], max(gaps, key=lambda pair: gaps[pair])
    verdict = (
        f"The better in validation: within {GAP:g} point of full fine-tuning on {len(near)} of {len(gaps)}; furthest "
        f"below it on {worst}, by {gaps[worst]:.1f} points."
    )
    return [*rows, "", verdict]


def _shared(pair: str, done: Runs) -> dict[str, dict[str, Figures]]:
    """The cells of the seeds that have all ways, and the chosen ones of them."""
    ways = {way: done.get(f"{pair}: {way}", {}) for way in ("full", _FIRST, LATE_WAY)}
    seeds = sorted(set.intersection(*(set(runs) for runs in ways.values())))
    kept = {f"{pair}: {way}": {seed: runs[seed] for seed in seeds} for way, runs in ways.items()}
    kept[f"{pair}: {_CHOSEN}"] = {
        seed: max((ways[way][seed] for way in (_FIRST, LATE_WAY)), key=lambda figures: figures["validation"])
        for seed in seeds
    }
    return kept


def _mean(runs: dict[str, Figures]) -> float:
    return mean(figures["authorised"] for figures in runs.values())
