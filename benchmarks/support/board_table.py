"""The leaderboard's table, made of the small result files of its locks."""

from __future__ import annotations

import json
from typing import Any, Final

from support.results import RESULTS

BOARD: Final = RESULTS / "leaderboard"
#: Thieves with columns of their own: level and amount, as in a card's verdicts.
THIEVES: Final[tuple[tuple[str, str, dict[str, int]], ...]] = (
    ("answers only", "query", {}),
    ("weights", "weights", {}),
    ("10 edited", "edited", {"leaked": 10}),
    ("10 pairs", "pairs", {"leaked": 10}),
    ("100 pairs", "pairs", {"leaked": 100}),
    ("100 labels", "labels", {"labels": 100}),
    ("1000 labels", "labels", {"labels": 1000}),
    ("1000 answers", "customer", {"asked": 1000}),
)


def results(name: str) -> dict[str, dict[str, Any]]:
    """What is measured on the data set ``name``, by lock."""
    files = sorted((BOARD / name).glob("*.json"))
    return {file.stem: json.loads(file.read_text())["figures"] for file in files}


def board_table(name: str) -> str:
    """Markdown: one line a lock, the best of each thief, and in brackets what public weights give it; percent."""
    found = results(name)
    if not found:
        return "Not measured yet."
    head = (
        "lock",
        "baseline",
        "UP",
        "LP",
        "hardened LP",
        *(title for title, _, _ in THIEVES),
        "bits stolen",
        "card, minutes",
    )
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for lock, card in sorted(found.items(), key=lambda one: _worst(one[1])):
        figures = [_one(card["figures"].get(figure)) for figure in ("baseline", "up", "lp", "hardened_lp")]
        thieves = [_thief(card, level, amount) for _, level, amount in THIEVES]
        rows.append(f"| {lock} | {' | '.join((*figures, *thieves))} | {_bits(card)} | {_minutes(card)} |")
    chance = next(iter(found.values()))["chance"]
    plural = "" if len(found) == 1 else "s"
    return "\n".join([*rows, "", f"Chance {chance:.1f}. {len(found)} lock{plural}.", *_left_blank(found)])


def _left_blank(found: dict[str, dict[str, Any]]) -> list[str]:
    """A line on columns that no lock has a figure for, since the thief has fewer images than they ask for."""
    blank = [
        title
        for title, level, amount in THIEVES
        if amount and not any(_thief(card, level, amount) for card in found.values())
    ]
    return [f"Blank: {', '.join(blank)}. The thief has fewer images than that here."] if blank else []


def small(card: dict[str, Any]) -> dict[str, Any]:
    """What of a card is kept: verdicts and figures, and of each attack what the table needs."""
    kept = ("attack", "variant", "level", "labels", "leaked", "asked", "accuracy", "public", "advantage", "best",
            "bits", "bits_low", "bits_high", "queries", "seconds")  # fmt: skip
    rows = [{name: _round(row[name]) for name in kept if name in row} for row in card["attacks"] if "accuracy" in row]
    names = ("locked", "figures", "intervals", "verdicts", "outcomes", "chance", "summary", "seconds")
    return {name: card[name] for name in names} | {"attacks": rows}


def _thief(card: dict[str, Any], level: str, amount: dict[str, int]) -> str:
    for one in card["verdicts"]:
        if one["level"] == level and all(one[name] == amount.get(name, 0) for name in ("labels", "leaked", "asked")):
            return _one(one["accuracy"]) + (f" ({one['public']:.1f})" if "public" in one else "")
    return ""


def _bits(card: dict[str, Any]) -> str:
    known = [row for row in card["attacks"] if "bits" in row]
    most = max((row["labels"] for row in known), default=0)
    return _one(max((row["bits"] for row in known if row["labels"] == most), default=None), digits=0)


def _minutes(card: dict[str, Any]) -> str:
    """The time that the card took; blank where it does not count what an interrupted run had done."""
    known = sum(row["seconds"] for row in card["attacks"])
    return _one(card["seconds"] / 60) if card["seconds"] >= known else ""


def _worst(card: dict[str, Any]) -> float:
    """What the locks are ranked by: the best of thieves without labels, those who learn nothing of the owner's."""
    return max((one["accuracy"] for one in card["verdicts"] if not one["labels"]), default=100.0)


def _one(value: float | None, *, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _round(value: Any) -> Any:
    return round(value, 2) if isinstance(value, float) else value
