"""Candidates for key prompts: those of an earlier call with the same wishes, or fresh ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spellock.artefacts import read_json
from spellock.data.image_set import ImageSet
from spellock.errors import ConfigError, DataError
from spellock.prompts.asking import AskConfig, ask_candidates
from spellock.prompts.candidate import Candidate, without_repeats
from spellock.prompts.offline import OfflineConfig, Proposed, offline_candidates
from spellock.recipes.private_files import write_private_json
from spellock.vision import VisionModel


def propose(
    images: ImageSet,
    places: Sequence[int] | np.ndarray[Any, np.dtype[np.int64]],
    path: Path,
    *,
    offline: OfflineConfig,
    ask: AskConfig,
    seed: int,
    vision: VisionModel | None,
    given: Sequence[Candidate],
    draw: random.Random | None = None,
) -> Proposed:
    """The candidates of an earlier call with the same wishes, or fresh ones; written before they are used.

    Args:
        images: whose classes the prompts are for.
        places: of the images that a vision-language model is shown, the first ones.
        path: the file of candidates, read and written.
        offline: which candidates are proposed without asking anybody.
        ask: how ``vision`` is asked.
        seed: of the sample; another one is another wish.
        vision: asked as well; None for nobody.
        given: the owner's own candidates.
        draw: where hybrids and strings come from; None: the system's own randomness, since they are to be secrets.
    """
    wishes = {
        "images": images.name, "classes": list(images.classes), "tables": offline.tables,
        "hybrids": offline.hybrids, "meaningless": offline.meaningless, "seed": seed,
        "model": None if vision is None else vision.name,
        "ask": None if vision is None else [ask.count, ask.images],
        "given": [one.prompt for one in given],
    }  # fmt: skip
    kept = _read(path, wishes)
    if kept is not None:
        return kept
    parts = [Proposed(candidates=tuple(given))]
    if vision is not None:
        shown: list[Image.Image] = [images.open(int(place)) for place in places[: ask.images]]
        parts.append(ask_candidates(vision, shown, images.classes, ask))
    parts.append(offline_candidates(images.classes, offline, draw or random.SystemRandom()))
    found = Proposed(
        candidates=without_repeats(one for part in parts for one in part.candidates),
        notes=tuple(note for part in parts for note in part.notes),
    )
    listed = [[one.prompt, one.kind, one.reason] for one in found.candidates]
    write_private_json(path, {"wishes": wishes, "candidates": listed, "notes": list(found.notes)})
    return found


def _read(path: Path, wishes: dict[str, Any]) -> Proposed | None:
    try:
        stored = read_json(path)
        if stored["wishes"] != wishes:
            return None
        listed = [Candidate(prompt=words, kind=kind, reason=reason) for words, kind, reason in stored["candidates"]]
        return Proposed(candidates=tuple(listed), notes=tuple(stored["notes"]))
    except (DataError, KeyError, TypeError, ValueError, ConfigError):
        return None
