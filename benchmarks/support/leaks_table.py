"""The table of `attacks.py --leaks`: what ten leaked edited images open, with and without decoys against that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: The attacks on leaked images that the table is about.
LEAKED: Final = ("surrogate-prompt", "spectrum-transfer", "weave-reading")
#: Figures of the lock itself, and what the table calls them.
LOCK: Final = {"up": "UP", "hardened_lp": "hardened LP", "wrong_key_suppressed_max": "wrong keys, lock class dropped"}


def leaks_table(reports: Mapping[str, Any]) -> str:
    """Markdown, in percent: a row for each recipe's report of attacks, with the figures of its lock."""
    found = {recipe: _rows(report) for recipe, report in reports.items()}
    attacks = list(dict.fromkeys(name for rows in found.values() for name in rows))
    lines = [f"| lock | {' | '.join((*LOCK.values(), *attacks))} |", "|---" * (1 + len(LOCK) + len(attacks)) + "|"]
    for recipe, rows in found.items():
        figures = [f"{reports[recipe]['lock'][name]:.1f}" for name in LOCK]
        lines.append(f"| {recipe} | {' | '.join((*figures, *(rows.get(name, '') for name in attacks)))} |")
    return "\n".join(lines)


def _rows(report: Mapping[str, Any]) -> dict[str, str]:
    """Accuracy by attack; in brackets that of its best guess, where it gives several."""
    found = {}
    for row in report["attacks"]:
        if row["attack"] in LEAKED and "accuracy" in row:
            name = row["attack"] + (f" ({row['variant']})" if row.get("variant") else "")
            best = f" ({row['best']:.1f})" if "best" in row else ""
            found[name] = f"{row['accuracy']:.1f}{best}"
    return found
