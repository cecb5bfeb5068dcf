"""Candidates without asking anybody: the paper's tables, hybrids of their words, and random strings."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spellock.editors.vocabulary import IRRELEVANT_OBJECTS, RELEVANT_OBJECTS, STYLE_PROMPTS, object_prompt
from spellock.errors import ConfigError
from spellock.prompts.candidate import Candidate, without_repeats
from spellock.prompts.hierarchy import Kinship, kinship, place_of, unnamed

#: Symbols of meaningless prompts, after the paper's ``#9T8oN07y1%6$`` (Table S3).
SYMBOLS: Final = string.ascii_letters + string.digits + "#$%&*+-!?@"
_LENGTH, _TAIL = 13, 6
#: Columns of Table S1 in the order of preference of section 3.2: painting and artist styles first.
_STYLES: Final = ("painting", "artist", "art form", "photo adjustment")
_WHY: Final = {
    "painting": "painting styles lock best in the paper (section 4.3)",
    "artist": "artist styles lock best in the paper (section 4.3)",
    "art form": "a style; painting and artist styles are preferable (section 3.2)",
    "photo adjustment": "photo adjustments lock least of all styles in the paper (section 4.3)",
}
_KIN: Final = {
    Kinship.UNKNOWN: "nothing is known about how close it is to your classes",
    Kinship.FAR: "has nothing to do with your classes, as advised in section 3.2",
    Kinship.BROAD: "distantly related to your classes",
    Kinship.FINE: "of the kind of one of your classes, which can cost accuracy (supplement B)",
}


@dataclass(frozen=True, kw_only=True)
class OfflineConfig:
    """Which candidates are proposed offline.

    Attributes:
        tables: the prompts of Tables S1 and S2, but for objects that are one of the data's classes.
        hybrids: how many of style + object + meaningless tail (section 4.3, hybrid key prompts).
        meaningless: how many random strings (Table S3).

    Raises:
        ConfigError: a number is negative or above 1000.
    """

    tables: bool = True
    hybrids: int = 15
    meaningless: int = 10

    def __post_init__(self) -> None:
        for name in ("hybrids", "meaningless"):
            if not 0 <= getattr(self, name) <= 1000:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected a number of prompts from 0 to 1000")


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """Candidates, and sentences about what could not be done for them."""

    candidates: tuple[Candidate, ...]
    notes: tuple[str, ...] = ()


def offline_candidates(classes: Sequence[str], config: OfflineConfig, draw: random.Random) -> Proposed:
    """Styles, objects from the farthest to the nearest, hybrids, random strings; at most 95 with the defaults.

    Args:
        classes: names of the data's classes; objects of the same name are dropped, objects of the same kind come last.
        config: which kinds.
        draw: where hybrids and strings come from. They are to be secrets: give `random.SystemRandom` unless a test
            has to repeat itself.
    """
    things, notes = sorted_objects(classes)
    styles = [(prompt, column) for column in _STYLES for prompt in STYLE_PROMPTS[column]]
    found = []
    if config.tables:
        found += [Candidate(prompt=prompt, kind=column, reason=_WHY[column]) for prompt, column in styles]
        found += [Candidate(prompt=object_prompt(name), kind="object", reason=_KIN[kin]) for name, kin in things]
    # Hybrids take of each kind what the paper prefers.
    good = [prompt for prompt, column in styles if column in ("painting", "artist")]
    far = [name for name, kin in things if kin < Kinship.BROAD] or [name for name, _ in things[:10]]
    for _ in range(config.hybrids):
        words = [draw.choice(good), object_prompt(draw.choice(far)) if far else "", _string(draw, _TAIL)]
        prompt = " ".join(word for word in words if word)
        found.append(Candidate(prompt=prompt, kind="hybrid", reason="in no list of prompts (section 4.3)"))
    for _ in range(config.meaningless):
        why = "in no list of prompts; locks less than style prompts in the paper (Table S3)"
        found.append(Candidate(prompt=_string(draw, _LENGTH), kind="meaningless", reason=why))
    return Proposed(candidates=without_repeats(found), notes=notes)


def sorted_objects(
    classes: Sequence[str], names: Sequence[str] = IRRELEVANT_OBJECTS + RELEVANT_OBJECTS
) -> tuple[list[tuple[str, Kinship]], tuple[str, ...]]:
    """Objects that are none of ``classes``, those that have least to do with them first; and what is to be said of it.

    Within a degree of kinship the order of ``names`` stays.
    """
    degrees = [(name, kinship(name, classes)) for name in names]
    kept = sorted((pair for pair in degrees if pair[1] < Kinship.SAME), key=lambda pair: pair[1])
    notes = []
    if unnamed(classes):
        notes.append(
            "the classes have no names that say what they show, so objects close to them could not be told; give the "
            "classes names, or leave objects out"
        )
    elif strange := sum(place_of(name) is None for name in classes):
        notes.append(f"{strange} of {len(classes)} class names are not in the hierarchy of things; look at the objects")
    return kept, tuple(notes)


def _string(draw: random.Random, length: int) -> str:
    return "".join(draw.choice(SYMBOLS) for _ in range(length))
