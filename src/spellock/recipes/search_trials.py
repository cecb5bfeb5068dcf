"""The keys that a search looks at: those of an earlier call with the same wishes, and as many more as are wanted."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from spellock.artefacts import read_json
from spellock.editors.vocabulary import DEFAULT_STYLE_PROMPT, STYLE_PROMPTS
from spellock.errors import ConfigError, DataError
from spellock.prompts.candidate import Candidate
from spellock.prompts.space import Space
from spellock.prompts.trial import Trial, draw_trial, listed_trial
from spellock.recipes.private_files import write_private_json

#: Where the numbers and the secret of a trial come from, by its number.
Randomness = Callable[[int], random.Random]
#: What a searched key is compared with: the printed style prompts.
LISTED: Final = tuple(
    Candidate(prompt=prompt, kind=kind, reason="a printed style prompt, with the preset's own numbers")
    for kind, prompts in (("painting", (DEFAULT_STYLE_PROMPT,)), *STYLE_PROMPTS.items())
    for prompt in prompts
)
#: A secret for scoring only, known to all, where the key that is written gets one of its own.
PUBLIC_SECRET: Final = hashlib.sha256(b"spellock prompts search").digest()
_MOST_BYTES: Final = 64_000_000


def system_randomness(number: int) -> random.Random:
    """Randomness that nobody can repeat: the drawn key is to be a secret."""
    return random.SystemRandom()


def repeatable(seed: int) -> Randomness:
    """Randomness for tests and benchmarks: whoever knows the seed knows every key."""
    return lambda number: random.Random(f"key search {seed} {number}")


def find_trials(
    path: Path,
    candidates: Sequence[Candidate],
    space: Space,
    usual: dict[str, float],
    *,
    count: int,
    fresh_secret: bool,
    randomness: Randomness,
) -> tuple[Trial, ...]:
    """The listed trials, then ``count`` drawn ones; written to ``path`` before any is used.

    A larger ``count`` than that of an earlier call keeps the keys that were drawn then and draws more.

    Args:
        path: a file that nobody else may read; it holds secrets.
        candidates: prompts to draw from.
        space: ranges to draw from.
        usual: numbers of the listed trials.
        count: how many are drawn.
        fresh_secret: whether all get `PUBLIC_SECRET`, so that the file knows nothing of the key that is written.
        randomness: see `Randomness`.
    """
    wishes = {
        "space": asdict(space), "usual": usual, "fresh_secret": fresh_secret,
        "candidates": [[one.prompt, one.kind] for one in candidates],
    }  # fmt: skip
    trials = _read(path, wishes)
    for number in range(len(trials) + 1, len(LISTED) + count + 1):
        source = randomness(number)
        if number <= len(LISTED):
            trial = listed_trial(number, LISTED[number - 1], usual, source)
        else:
            trial = draw_trial(number, candidates, space, source)
        trials.append(replace(trial, secret=PUBLIC_SECRET) if fresh_secret else trial)
    write_private_json(path, {"wishes": wishes, "trials": [one.to_dict() for one in trials]})
    return tuple(trials[: len(LISTED) + count])


def _read(path: Path, wishes: dict[str, Any]) -> list[Trial]:
    try:
        stored = read_json(path, max_bytes=_MOST_BYTES)
        if stored["wishes"] != wishes:
            return []
        found = [Trial.from_dict(values) for values in stored["trials"]]
    except (DataError, KeyError, TypeError, ValueError, AttributeError, ConfigError):
        return []
    return found if [one.number for one in found] == list(range(1, len(found) + 1)) else []
