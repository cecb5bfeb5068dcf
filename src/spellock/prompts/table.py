"""The scores as text, CSV and JSON values; all of them hold prompts and are as secret as a key."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from spellock.prompts.choose import by_worth, pareto_front
from spellock.prompts.prompt_score import MEANINGS, PromptScore

_DIGITS = {"pixels": 1, "cost": 4}


def text_table(scores: Sequence[PromptScore]) -> str:
    """Aligned lines, best worth first, ``*`` on the Pareto front of content kept and strength; meanings below."""
    front = _front(scores)
    head = ["", "worth", *MEANINGS, "kind", "prompt"]
    rows = [head]
    for score in by_worth(scores):
        mark = "*" if front[id(score)] else ""
        figures = [_shown(name, value) for name, value in score.figures().items()]
        rows.append([mark, f"{score.worth:.2f}", *figures, score.candidate.kind, score.candidate.prompt])
    meanings = [f"{name:<9} {meaning}" for name, meaning in MEANINGS.items()]
    worth = "worth     geometric mean of kept, moved and distinct; * on the front of kept and moved"
    return "\n".join([*aligned(rows), "", worth, *meanings])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equal length as lines: the first and the last two columns to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 2
    return [
        "  ".join(
            cell.rjust(width) if 0 < column < last else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def csv_table(scores: Sequence[PromptScore]) -> str:
    """The same as CSV, with the reason of each candidate."""
    front, data = _front(scores), io.StringIO()
    writer = csv.writer(data, lineterminator="\n")
    writer.writerow(["prompt", "kind", "reason", "front", "worth", *MEANINGS])
    for score in by_worth(scores):
        one = score.candidate
        figures = ["" if value is None else round(value, 6) for value in score.figures().values()]
        writer.writerow(
            [_safe(one.prompt), one.kind, one.reason, int(front[id(score)]), round(score.worth, 6), *figures]
        )
    return data.getvalue()


def json_table(scores: Sequence[PromptScore]) -> list[dict[str, Any]]:
    """The same as plain JSON values."""
    front = _front(scores)
    return [
        {
            "prompt": score.candidate.prompt,
            "kind": score.candidate.kind,
            "reason": score.candidate.reason,
            "front": front[id(score)],
            "worth": round(score.worth, 6),
        }
        | {name: None if value is None else round(value, 6) for name, value in score.figures().items()}
        for score in by_worth(scores)
    ]


def _front(scores: Sequence[PromptScore]) -> dict[int, bool]:
    return {id(score): on for score, on in zip(scores, pareto_front(scores), strict=True)}


def _shown(name: str, value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.{_DIGITS.get(name, 2)}f}"


def _safe(text: str) -> str:
    # Spreadsheets run cells that begin like a formula, and random prompts may.
    return f"'{text}" if text[:1] in "=+-@" else text
