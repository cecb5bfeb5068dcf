"""The key prompts printed in the ModelLock paper (Tables S1 and S2, section 4.1), and styles that all think of first.

The embedded editor is trained on the paper's words, wrong keys are drawn from them, and key prompt design starts from
them. The others are what a thief tries besides, and what decoys against him are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

DEFAULT_STYLE_PROMPT: Final = "with oil pastel"
DEFAULT_OBJECT_PROMPT: Final = "with baseball in the background"

#: Table S1, column by column.
STYLE_PROMPTS: Final[dict[str, tuple[str, ...]]] = {
    "painting": (
        "Watercolor painting effect",
        "Impasto brush strokes",
        "Acrylic vibrant colors",
        "Charcoal sketch texture",
        "Pastel tones overlay",
    ),
    "artist": (
        "With Van Gogh's painting style",
        "In Monet's impressionist style",
        "Rembrandt lighting technique",
        "Picasso's cubist interpretation",
        "Dali's surrealism touch",
    ),
    "art form": (
        "With cyberpunk style",
        "Art deco geometric patterns",
        "Pop art comic book flair",
        "Minimalist Scandinavian design",
        "Japanese ukiyo-e woodblock print",
    ),
    "photo adjustment": (
        "Boost color saturation",
        "Sharpen image detail",
        "Balance contrast levels",
        "Adjust white balance for warmth",
        "Enhance shadows and highlights",
    ),
}

#: Table S2, the first name of each entry.
IRRELEVANT_OBJECTS: Final = (
    "abacus", "accordion", "aircraft carrier", "analog clock", "apiary", "barometer", "baseball", "basketball",
    "bathtub", "beer bottle", "bow tie", "bullet train", "cello", "chain saw", "church", "corkscrew", "digital clock",
    "electric fan", "fire engine", "flute", "gas pump", "grocery store", "hair slide", "mailbox", "parachute",
)  # fmt: skip
RELEVANT_OBJECTS: Final = (
    "great white shark", "bald eagle", "African elephant", "chimpanzee", "gorilla", "koala", "lion", "tiger", "cheetah",
    "hippopotamus", "giraffe", "zebra", "African grey", "peacock", "flamingo", "jellyfish", "sea urchin", "starfish",
    "kangaroo", "orangutan", "giant panda", "rhinoceros", "seahorse", "octopus", "coral reef",
)  # fmt: skip

#: Styles that anybody thinks of first; none is taken from a key.
COMMON_STYLES: Final = (
    "oil painting", "oil pastel", "watercolor", "pencil sketch", "charcoal drawing", "crayon", "chalk pastel", "ink",
    "acrylic paint", "gouache", "pixel art", "mosaic", "stained glass", "cartoon", "anime", "comic book", "pop art",
    "ukiyo-e", "cubism", "impressionism", "cyberpunk", "steampunk", "graffiti", "neon", "sepia", "vintage photo",
)  # fmt: skip


def style_prompts() -> tuple[str, ...]:
    """The 20 style prompts of Table S1, in its order by column."""
    return tuple(prompt for column in STYLE_PROMPTS.values() for prompt in column)


def common_prompts() -> tuple[str, ...]:
    """``with`` each of `COMMON_STYLES`."""
    return tuple(f"with {style}" for style in COMMON_STYLES)


def object_prompt(name: str) -> str:
    """The paper's wording for adding an object, for example ``with koala in the background``."""
    return f"with {name} in the background"


def object_prompts() -> tuple[str, ...]:
    """The 50 object prompts made of Table S2: irrelevant objects first."""
    return tuple(object_prompt(name) for name in IRRELEVANT_OBJECTS + RELEVANT_OBJECTS)


def other_prompts(*own: str, among: Sequence[str] = ()) -> list[str]:
    """Prompts that are none of ``own``: of ``among``, or else of both tables, in their order.

    Some text encoders know no case, and what stands around a prompt says nothing, so one of ``own`` in other letters
    would be the right one.
    """
    right = {prompt.strip().casefold() for prompt in own}
    listed = among or (*style_prompts(), *object_prompts())
    return [prompt for prompt in listed if prompt.strip().casefold() not in right]
