"""Scores of guessed keys, kept so that a search goes on where it was stopped."""

from __future__ import annotations

import math
from pathlib import Path

from torch import Tensor

from spellock.artefacts import read_json, storage_errors, write_json
from spellock.attacks.guessing import Guesser, judge
from spellock.errors import ConfigError, DataError, EditorError
from spellock.key import Key


class GuessScores:
    """Scores of keys by number; the file in ``work`` holds no prompt, since one may be right.

    Args:
        images: uint8 raw images that every key is tried on.
        ranking: see `spellock.attacks.guessing.judge`.
        run: what the numbers stand for; scores of another run are not taken up.
    """

    def __init__(self, guesser: Guesser, images: Tensor, *, ranking: str, run: str, work: Path | None) -> None:
        self._guesser, self._images, self._ranking = guesser, images, ranking
        self._path = None if work is None else work / "scores.json"
        self._run = f"{run} {len(guesser.view.unlabelled)} {len(images)} {guesser.view.seed}"
        self._known: dict[str, float | None] = {}
        if self._path is not None and self._path.exists():
            try:
                stored = read_json(self._path)
            except DataError:
                stored = {}
            if stored.get("run") == self._run:
                self._known = dict(stored["scores"])

    def of(self, number: int, key: Key) -> float | None:
        """How right the key looks, higher is better; None where the editor refuses it."""
        if str(number) not in self._known:
            try:
                score = self.judged(key)
                self._known[str(number)] = score if math.isfinite(score) else None
            except (ConfigError, EditorError):  # such as a text that its encoder does not read to the end
                self._known[str(number)] = None
            self._save()
        return self._known[str(number)]

    def judged(self, key: Key) -> float:
        """The score itself; other ways to rank overwrite it."""
        return judge(self._guesser.outputs(key, self._images), self._guesser.real, self._ranking)

    def _save(self) -> None:
        if self._path is not None:
            with storage_errors(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, {"run": self._run, "scores": self._known})
