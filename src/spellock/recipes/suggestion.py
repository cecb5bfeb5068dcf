"""What a search for key prompts found, and its files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spellock.artefacts import write_bytes
from spellock.locking.contact_sheet import contact_sheet
from spellock.prompts.choose import by_worth
from spellock.prompts.edit_cache import EditCache
from spellock.prompts.plot import scatter
from spellock.prompts.prompt_score import MEANINGS, PromptScore
from spellock.prompts.sample import Sample
from spellock.prompts.table import csv_table, json_table, text_table
from spellock.recipes.pilot import Pilot
from spellock.recipes.private_files import FILE_MODE, write_private_json

_SHOWN, _COLUMNS = 12, 4


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """All scores in the candidates' order, the recommended one, why, and what else is to be said.

    Attributes:
        scores: see `PromptScore`.
        chosen: one of them.
        why: a sentence without the prompt.
        raw_content: content of raw images, in [0, 1].
        raw_words: the same in words.
        notes: sentences without prompts.
        pilots: measured locks of the best, where asked for.
    """

    scores: tuple[PromptScore, ...] = field(repr=False)
    chosen: PromptScore = field(repr=False)
    why: str
    raw_content: float
    raw_words: str
    notes: tuple[str, ...]
    pilots: tuple[Pilot, ...] = field(default=(), repr=False)

    def to_text(self) -> str:
        """Table, recommendation and notes; as secret as a key."""
        lines = [
            text_table(self.scores),
            "",
            self.raw_words,
        ]
        if self.pilots:
            lines += ["", "pilot: short locked fine-tuning, percent"]
            lines += [one.line() for one in self.pilots]
        return "\n".join([*lines, "", *self.notes, f"recommended: {self.chosen.candidate.prompt}", self.why])

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return {
            "recommended": self.chosen.candidate.prompt,
            "why": self.why,
            "raw_content": round(self.raw_content, 4),
            "notes": list(self.notes),
            "meanings": dict(MEANINGS),
            "pilots": [one.to_dict() for one in self.pilots],
            "scores": json_table(self.scores),
        }


def write_suggestion(found: Suggestion, out: Path, sample: Sample, cache: EditCache) -> None:
    """Write table, JSON, plot and contact sheet of what was found to ``out``, with mode 0600."""
    write_bytes(out / "prompts.txt", (found.to_text() + "\n").encode(), mode=FILE_MODE)
    write_bytes(out / "prompts.csv", csv_table(found.scores).encode(), mode=FILE_MODE)
    write_private_json(out / "prompts.json", found.to_dict())
    write_bytes(out / "scatter.png", scatter(found.scores, found.chosen), mode=FILE_MODE)
    few = sample.first(_COLUMNS)
    rows = [("raw", [(pixels, sample.classes[label]) for pixels, label in zip(few.pixels, few.labels, strict=True)])]
    for number, score in enumerate(by_worth(found.scores)[:_SHOWN], 1):
        pixels = cache.edits(score.candidate.prompt, sample).pixels[:_COLUMNS]
        rows.append((f"{number}", [(one, score.candidate.prompt) for one in pixels]))
    write_bytes(out / "contact_sheet.png", contact_sheet(rows), mode=FILE_MODE)
