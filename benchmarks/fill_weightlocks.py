"""Write docs/weightlocks_results.md from the checked-in result files: tables, and sentences that follow from them.

python benchmarks/fill_weightlocks.py
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

from support.cells import over_seeds
from support.results import RESULTS
from support.weightlocks.cycle_table import cycle_table
from support.weightlocks.late_rounding_table import late_rounding_table
from support.weightlocks.plot import plot
from support.weightlocks.rounding_table import rounding_table
from support.weightlocks.tables import (
    adaptation_table,
    lock_table,
    pairs_of,
    place_table,
    rate_table,
    theft_table,
)
from support.weightlocks.verdicts import adaptation_verdict, cycle_verdict, theft_verdict

PAGE = Path(__file__).resolve().parents[1] / "docs" / "weightlocks_results.md"
_MISSING = ["Not measured yet."]
_SIZES = ("authorised", "key_scalars", "key_bytes", "unauthorised")


def load(name: str) -> dict[str, Any] | None:
    """A result file, or None where it was not made yet."""
    path = RESULTS / f"{name}.json"
    document: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return document


def sections() -> dict[str, list[str]]:
    """What stands between the marks of the page, by mark."""
    document = load("weight_locks")
    found = dict.fromkeys(
        ("measured", "adaptation", "rates", "locks", "places", "thefts", "cycles", "rounding", "late rounding"),
        _MISSING,
    )
    if document is not None:
        done = document["figures"]["cells"]
        seeds = ", ".join(str(seed) for seed in document["seeds"])
        note = f"{len([1 for runs in done.values() if runs])} cells, seeds {seeds}; `{document['command']}`"
        found = {
            "measured": [f"{note}; {document['hardware']}, {document['date']}.", *_picture(done)],
            "adaptation": [*adaptation_table(done), "", *adaptation_verdict(done)],
            "rates": rate_table(done),
            "locks": lock_table(done),
            "places": place_table(done),
            "thefts": [*theft_table(done), "", *theft_verdict(done)],
            "cycles": [*cycle_table(done), "", *cycle_verdict(done)],
            "late rounding": late_rounding_table(done),
        }
        if (before := load("weight_locks_rounded_afterwards")) is not None:
            found["rounding"] = rounding_table(done, before["figures"]["cells"])
    ways = load("weight_selections")
    found["selections"] = _MISSING if ways is None else selection_lines(ways)
    speed = load("weight_lock_speed")
    return found | {"speed": _MISSING if speed is None else speed_lines(speed)}


def _picture(done: dict[str, Any]) -> list[str]:
    if not pairs_of(done):
        return []
    plot(done, "weight_locks")
    return [
        "",
        "![What keys reach, and ten adaptations in a row](../benchmarks/results/weight_locks.png)",
        "",
        "Crosses, above: the fill that leaves most; below: the one that is shipped (ours: noise, AdaLoc's: zeros).",
    ]


def selection_lines(document: dict[str, Any]) -> list[str]:
    """One row a way to spend the bytes, the best first."""
    done, settings = document["figures"]["cells"], document["figures"]["settings"]
    means = {name: mean(run["authorised"] for run in runs.values()) for name, runs in done.items() if runs}
    lines = [
        "| what learns | seeds | test accuracy | weights in the key, % | bytes, % | without the key |",
        "|---" * 6 + "|",
    ]
    for name in sorted(means, key=lambda name: -means[name]):
        way, shown = name.rpartition(": ")[2], [over_seeds(done[name], figure) for figure in _SIZES]
        whole = way == "full"
        cells = [shown[0], *(("100", "100", "") if whole else shown[1:])]
        lines.append(f"| {'everything' if whole else way} | {len(done[name])} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        f"ResNet-20 on GTSRB, keys of at most {settings['percent']} % of the bytes, the best of "
        f"{len(settings['budget']['rates'])} learning rates on validation images; `{document['command']}`, "
        f"{document['hardware']}, {document['date']}.",
    ]


def speed_lines(document: dict[str, Any]) -> list[str]:
    """The tables of files and of training steps, and what they say of their aims."""
    figures = document["figures"]
    lines = [
        "| what | seconds | CPU seconds | times the copy | of its CPU time | peak, MB | allowed peak, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in figures["files"].items():
        allowed = "" if name == "copy" else f"{row['allowed_peak_mb']:.0f}"
        lines.append(
            f"| {name} | {row['seconds']:.2f} | {row['cpu_seconds']:.2f} | {row['ratio_to_copy']:.2f} | "
            f"{row['cpu_ratio_to_copy']:.2f} | "
            f"{row['peak_mb']:.0f} | {allowed} |"
        )
    lines += ["", "| step | plain, s | confined, s | ratio |", "|---|---|---|---|"]
    for name, row in figures["steps"].items():
        lines.append(f"| {name} | {row['plain_seconds']:.3f} | {row['confined_seconds']:.3f} | {row['ratio']:.3f} |")
    slow, large = figures["slower_than_allowed"], figures["larger_than_allowed"]
    steps = figures["steps_slower_than_allowed"]
    where, when = figures.get("steps_on", (document["hardware"], document["date"]))
    lines += [
        "",
        f"Medians of {figures['rounds']} rounds, {figures['megabytes']} MB in all, largest tensor "
        f"{figures['largest_mb']} MB; {document['hardware']}, {document['date']}. Steps: {where}, {when}.",
        f"Longer than {figures['allowed_times_the_copy']:g} copies: {_listed(slow)}. More memory than twice the "
        f"largest tensor and the key: {_listed(large)}. Steps above "
        f"{figures['allowed_step_ratio']:g} times a plain one: {_listed(steps)}.",
    ]
    return lines


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "none"


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for mark, lines in sections().items():
        begin, end = f"<!-- {mark}: begin -->\n", f"\n<!-- {mark}: end -->"
        start = text.index(begin) + len(begin)
        text = text[:start] + "\n".join(lines) + text[text.index(end) :]
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
