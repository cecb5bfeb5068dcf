"""The table of `attacks.py --aims`: what thieves get of a hardened lock, beside aims and ModelLock's section 4.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: Attacks without labels or pairs, then what the aims say of labels.
AIMED: Final = (
    "suppressed", "centred", "whitened", "reversed", "tent", "shot-im", "random-prompts", "prompt-search",
    "monte-carlo", "trigger-inversion", "weave-inversion", "input-adapter", "warp-adapter", "jailntl",
    "colour-transfer", "spectrum-transfer", "disguise", "weave-reading", "surrogate-prompt",
    "ridge", "prototypes", "random-features", "mlp",
)  # fmt: skip
#: UP under random prompts and under a surrogate prompt, percent: without and with a LoRA (section 4.5).
PAPER: Final = {"random-prompts": (62.8, 6.5), "surrogate-prompt": (68.5, 37.2)}
_ABOVE: Final = 10.0
_FREE: Final = ("query", "weights", "edited")


def aims_table(report: Mapping[str, Any]) -> str:
    """Markdown: a row an attack and amount, percent; then what the aims come to."""
    chance, rows = report["chance"], [row for row in report["attacks"] if "accuracy" in row]
    free = [row for row in rows if row["level"] in _FREE and not row["labels"]]
    columns = "leaked | accuracy | best of its guesses | above chance | from public weights | aim"
    lines = [f"| attack without labels or pairs | {columns} |", "|---" * 7 + "|"]
    for row in sorted(free, key=lambda row: -_most(row)):
        above = _most(row) - chance
        best = f"{row['best']:.1f} of {row['candidates']}" if "best" in row else ""
        public = f"{row['public']:.1f}" if "public" in row else ""
        figures = f"{row['accuracy']:.1f} | {best} | {above:+.1f} | {public}"
        aim = "met" if above <= _ABOVE else "**missed**"
        lines.append(f"| {_name(row)} | {row['leaked'] or ''} | {figures} | {aim} |")
    amounts = sorted({row["labels"] for row in rows if row["labels"]})
    heads = [f"{amount} labels | from public weights | theft advantage" for amount in amounts]
    lines += ["", f"| attack with labels | {' | '.join(heads)} |", "|---" * (3 * len(amounts) + 1) + "|"]
    labelled = [row for row in rows if row["labels"]]
    for name in dict.fromkeys(_name(row) for row in labelled):
        cells = [
            _advantage([row for row in labelled if _name(row) == name and row["labels"] == one]) for one in amounts
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    missed = [row for row in free if _most(row) - chance > _ABOVE]
    strongest = max(free, key=_most)
    lines += [
        "",
        f"Chance is {chance:.1f} %. Attacks without labels or pairs: {len(free) - len(missed)} of {len(free)} within "
        f"chance + {_ABOVE:.0f} points; the strongest is {_name(strongest)}, {_most(strongest):.1f} %.",
    ]
    for name, (plain, lora) in PAPER.items():
        if found := [row for row in free if row["attack"] == name]:
            got = max(found, key=_most)
            lines.append(f"`{name}`: {_most(got):.1f} % at best (the paper's lock: {plain} %, with a LoRA {lora} %).")
    gains = [(row["advantage"], _name(row), row["labels"]) for row in labelled if "advantage" in row]
    if gains:
        most = max(gains)
        held = sum(gain <= 0 for gain, _, _ in gains)
        lines.append(
            f"Theft advantage at most 0: {held} of {len(gains)}; the largest is {most[0]:+.1f} points ({most[1]}, "
            f"{most[2]} labels)."
        )
    return "\n".join(lines)


def _name(row: Mapping[str, Any]) -> str:
    words = row["attack"] + (f" ({row['variant']})" if row.get("variant") else "")
    return f"{words}, only asking" if row["level"] == "query" else words


def _most(row: Mapping[str, Any]) -> float:
    return float(max(row["accuracy"], row.get("best", 0.0)))


def _advantage(rows: list[Mapping[str, Any]]) -> str:
    if not rows:
        return " | | "
    (row,) = rows[:1]
    public = f"{row['public']:.1f}" if "public" in row else ""
    advantage = f"{row['advantage']:+.1f}" if "advantage" in row else ""
    return f"{row['accuracy']:.1f} | {public} | {advantage}"
