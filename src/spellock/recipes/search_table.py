"""The table of a key search as aligned text; as secret as a key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from spellock.prompts.table import aligned
from spellock.recipes.tried import Tried

_ROWS: Final = 30
_MEANINGS: Final = (
    "rung      the last one reached; pilots and confirming pilots in percent, gap = UP - hardened LP",
    "again     the gap of the confirming pilot, on held-out images that chose no pilot",
    "gamma to weave   the numbers of the key: blend, text and image guidance, steps, weave",
    "worth, kept, moved, distinct, near, rank, cost   the scores of the last rung, as in `spellock prompts suggest`;",
    "          distinct is among the keys of the rung, near the nearest of synonyms and other secrets",
)
_NUMBERS: Final = ("gamma", "guidance_scale", "image_guidance_scale", "steps", "weave")
_SCORES: Final = ("kept", "moved", "distinct", "near", "rank", "cost")
_HEAD: Final = (
    "", "key", "rung", "worth", "UP", "LP", "hardened", "gap", "again", "gamma", "guidance", "image", "steps", "weave",
    *_SCORES, "kind", "prompt",
)  # fmt: skip


def search_table(tried: Sequence[Tried]) -> str:
    """The best 30 keys, the chosen one (``*``) first, listed prompts marked ``l``; what the columns mean below."""
    ordered = sorted(tried, key=lambda one: one.order())
    rows = [_HEAD, *(_row(one) for one in ordered[:_ROWS])]
    rest = [f"and {len(ordered) - _ROWS} more, in search.json"] if len(ordered) > _ROWS else []
    return "\n".join([*aligned(rows), *rest, "", *_MEANINGS])


def _row(one: Tried) -> tuple[str, ...]:
    score, pilot = one.scores[-1], one.pilot
    figures = score.figures()
    measured = (
        ("", "", "", "")
        if pilot is None
        else tuple(f"{100 * value:.1f}" for value in (pilot.up, pilot.lp, pilot.hardened_lp, round(pilot.gap, 6) + 0.0))
    )
    again = "" if one.confirmed is None else f"{100 * one.confirmed.gap:.1f}"
    return (
        "*" if one.chosen else "l" if one.trial.listed else "", str(one.trial.number), str(len(one.scores)),
        f"{score.worth:.2f}", *measured, again, *(f"{one.trial.settings[name]:g}" for name in _NUMBERS),
        *(_shown(figures[name]) for name in _SCORES), one.trial.candidate.kind, one.trial.candidate.prompt,
    )  # fmt: skip


def _shown(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
