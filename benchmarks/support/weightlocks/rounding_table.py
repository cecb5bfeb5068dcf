"""Keys of 4-bit deltas that were rounded after their training, beside those that were trained on what they can hold."""

from __future__ import annotations

from support.weightlocks.cycle_table import gaps_to_full
from support.weightlocks.settings import DELTA_PERCENT
from support.weightlocks.tables import Runs, cell, pairs_of

_ONCE, _OFTEN = f"delta {DELTA_PERCENT} %", "cycles, delta"


def rounding_table(done: Runs, afterwards: Runs) -> list[str]:
    """Test accuracy of both, over the seeds that both have."""
    heads = ["full, once", "once, rounded afterwards", "once, trained so", "full, tenth", "tenth, rounded afterwards",
             "tenth, trained so", "largest gap to full, rounded afterwards", "trained so"]  # fmt: skip
    rows = [f"| network, data | seeds | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for pair in pairs_of(done):
        old, new, seeds = _shared(pair, done, afterwards)
        if not seeds:
            continue
        found = [cell(new, pair, "full", "authorised")]
        found += [cell(runs, pair, _ONCE, "authorised") for runs in (old, new)]
        found += [cell(new, pair, "cycles, full", "authorised_10")]
        found += [cell(runs, pair, _OFTEN, "authorised_10") for runs in (old, new)]
        gaps = [max(gaps_to_full(runs, pair, _OFTEN), default=None) for runs in (old, new)]
        found += ["" if gap is None else f"{gap:.1f}" for gap in gaps]
        rows.append(f"| {pair} | {', '.join(seeds)} | {' | '.join(found)} |")
    return rows


def _shared(pair: str, done: Runs, afterwards: Runs) -> tuple[Runs, Runs, list[str]]:
    """Both with the seeds alone that both have of all that is compared."""
    theirs = [afterwards.get(f"{pair}: {way}", {}) for way in (_ONCE, _OFTEN)]
    ours = [done.get(f"{pair}: {way}", {}) for way in (_ONCE, _OFTEN, "full", "cycles, full")]
    seeds = sorted(set.intersection(*(set(runs) for runs in (*theirs, *ours))))

    def kept(runs: Runs) -> Runs:
        return {name: {seed: found[seed] for seed in seeds if seed in found} for name, found in runs.items()}

    return kept({**done, **afterwards}), kept(done), seeds
