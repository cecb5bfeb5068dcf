"""Asking a vision-language model for candidates, as the paper asked GPT-4V: objects least relevant, and styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image

from spellock.editors.vocabulary import object_prompt
from spellock.errors import ConfigError
from spellock.prompts.candidate import Candidate, without_repeats
from spellock.prompts.hierarchy import Kinship, kinship
from spellock.prompts.offline import Proposed
from spellock.vision import VisionModel, first_object, short_line, usable_answer

_PREPOSITIONS: Final = ("with ", "in ", "as ", "like ")
_MOST_IMAGES: Final = 16


@dataclass(frozen=True, kw_only=True)
class AskConfig:
    """How a model is asked.

    Attributes:
        count: how many objects and as many styles, 1 to 50 (the paper: 5).
        images: how many example images it is shown, 1 to 16.
        tries: how often a question is asked before nonsense is reported, 1 to 10.

    Raises:
        ConfigError: a number is out of range.
    """

    count: int = 5
    images: int = 4
    tries: int = 3

    def __post_init__(self) -> None:
        for name, most in (("count", 50), ("images", _MOST_IMAGES), ("tries", 10)):
            if not 1 <= getattr(self, name) <= most:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected a number from 1 to {most}")


def question(count: int) -> str:
    """What the model is asked (section 3.2, Key Prompt Design); class names are not told."""
    return (
        f"Look at these images. List the {count} everyday objects that are least relevant to what they show, and "
        f"{count} painting styles. Use one to four English words for each, all different. Answer with one JSON object "
        'and nothing else: {"objects": ["...", ...], "styles": ["...", ...]}'
    )


def ask_candidates(
    model: VisionModel, images: Sequence[Image.Image], classes: Sequence[str], config: AskConfig
) -> Proposed:
    """Candidates that ``model`` proposes for ``images``; objects that are one of ``classes`` are dropped.

    Raises:
        ModelError: the model cannot be reached, or gave no usable answer in all tries. What it said is not repeated:
            it may hold the key prompt to be.
    """
    objects, styles = usable_answer(
        model, question(config.count), images, lambda text: parse_answer(text, config.count), tries=config.tries
    )
    return _candidates(objects, styles, classes)


def parse_answer(text: str, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(objects, styles) of an answer, at most ``count`` each, tidied, without repeats.

    The first JSON object in the text counts, so that a fence or a polite sentence around it does no harm.

    Raises:
        ValueError: there is none, a list is missing or empty, or an entry is no short line of words.
    """
    found = first_object(text)
    lists = []
    for name in ("objects", "styles"):
        entries = found.get(name)
        if not isinstance(entries, list) or not entries:
            raise ValueError(f"no list of {name}")
        words = [short_line(entry) for entry in entries]
        lists.append(tuple({word.casefold(): word for word in words}.values())[:count])
    return lists[0], lists[1]


def _candidates(objects: Sequence[str], styles: Sequence[str], classes: Sequence[str]) -> Proposed:
    near = [name for name in objects if kinship(name, classes) == Kinship.SAME]
    found = [
        Candidate(prompt=_style_prompt(style), kind="proposed style", reason="proposed for your images as a style")
        for style in styles
    ]
    found += [
        Candidate(
            prompt=object_prompt(name), kind="proposed object", reason="proposed as least relevant to your images"
        )
        for name in objects
        if name not in near
    ]
    note = f"{len(near)} proposed objects are classes of yours and were left out"
    return Proposed(candidates=without_repeats(found), notes=(note,) if near else ())


def _style_prompt(style: str) -> str:
    """The paper's wording: "Oil pastel style" becomes "with oil pastel style"."""
    return style if style.casefold().startswith(_PREPOSITIONS) else f"with {style[0].lower()}{style[1:]}"
