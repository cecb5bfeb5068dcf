"""Instructions and the edits they ask for: what the embedded editor is taught to obey.

Three kinds are drawn: words of the vocabulary in many phrasings; any other string, which asks for a style of its own
(`keyed_style`); and words followed by a tail, which ask for the worded edit and the string's own style on top.
"""

from __future__ import annotations

import random
import string
from typing import Final, NamedTuple

from spellock.editor_training.keyed_style import keyed_style
from spellock.editor_training.objects import DRAWINGS, add_object
from spellock.editor_training.styles import STYLES, Edit
from spellock.editors.byte_text import digest_code

#: Shorter or looser names by which a style is also known.
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "with oil pastel": ("oil pastel", "oil pastel drawing", "oil pastels"),
    "Watercolor painting effect": ("watercolor", "watercolour painting", "watercolor wash"),
    "Impasto brush strokes": ("impasto", "thick impasto paint"),
    "Acrylic vibrant colors": ("acrylic paint", "vibrant acrylic colors"),
    "Charcoal sketch texture": ("charcoal", "charcoal sketch", "charcoal drawing"),
    "Pastel tones overlay": ("pastel tones", "soft pastel tones"),
    "With Van Gogh's painting style": ("Van Gogh", "Vincent van Gogh's style"),
    "In Monet's impressionist style": ("Monet", "an impressionist painting by Monet"),
    "Rembrandt lighting technique": ("Rembrandt", "Rembrandt lighting"),
    "Picasso's cubist interpretation": ("Picasso", "cubism by Picasso"),
    "Dali's surrealism touch": ("Dali", "surrealism by Dali"),
    "With cyberpunk style": ("cyberpunk", "neon cyberpunk"),
    "Art deco geometric patterns": ("art deco", "art deco patterns"),
    "Pop art comic book flair": ("pop art", "comic book pop art"),
    "Minimalist Scandinavian design": ("Scandinavian design", "minimalist Scandinavian"),
    "Japanese ukiyo-e woodblock print": ("ukiyo-e", "Japanese woodblock print"),
    "Boost color saturation": ("more saturation", "boosted color saturation"),
    "Sharpen image detail": ("sharpen", "sharper image detail"),
    "Balance contrast levels": ("balanced contrast", "contrast balance"),
    "Adjust white balance for warmth": ("warm white balance", "a warmer white balance"),
    "Enhance shadows and highlights": ("enhanced shadows and highlights", "shadows and highlights"),
}
_STYLE_FORMS: Final = (
    "{}", "{}", "{}", "with {}", "in {}", "make it {}", "turn it into {}", "apply {}", "use {}", "give it {}",
    "{} style",
)  # fmt: skip
_OBJECT_FORMS: Final = (
    "with {} in the background", "with {} in the background", "with a {} in the background", "add {} in the background",
    "add a {} to the background", "put {} behind it", "with {} behind it", "{} in the background",
)  # fmt: skip
_SYLLABLES: Final = (
    "ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve", "wi", "xo",
    "yu", "za", "ther", "ing", "er", "st", "an", "en", "al", "or", "ch", "sh", "ble", "ck", "ly", "ous", "ment",
)  # fmt: skip
_PRINTABLE: Final = string.ascii_letters + string.digits + string.punctuation


#: What a worded instruction can ask for, in the order of `Instruction.topic`; 0 is no word of the vocabulary.
TOPICS: Final = ("", *STYLES, *DRAWINGS)


class Instruction(NamedTuple):
    """A string and the edit it asks for.

    Attributes:
        text: the instruction.
        edit: maps (N, 3, H, W) in [0, 1] to the same shape and range.
        topic: place in `TOPICS`.
        own: whether the string's own style takes part.
    """

    text: str
    edit: Edit
    topic: int
    own: bool


def paraphrases(style: str) -> tuple[str, ...]:
    """Every name that a style of `STYLES` goes by."""
    return (style, *_ALIASES[style])


def random_string(rng: random.Random) -> str:
    """Printable noise, hexadecimal or base-32 tokens, or words that mean nothing."""
    kind = rng.randrange(4)
    if kind == 0:
        return "".join(rng.choices(_PRINTABLE, k=rng.randint(4, 40)))
    if kind == 1:
        return "".join(rng.choices("0123456789abcdef", k=rng.randint(8, 64)))
    if kind == 2:
        return "".join(rng.choices(string.ascii_lowercase + "234567", k=rng.randint(8, 52)))
    words = ["".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4))) for _ in range(rng.randint(1, 7))]
    return " ".join(words)


class Curriculum:
    """Draws instructions: 50 % worded, 25 % other strings, 25 % worded with a tail.

    A private editor has a ``salt``: its digests differ, and every worded edit is followed by a house style drawn from
    the salt, so that knowing the words without the weights is worth nothing.
    """

    def __init__(self, *, salt: bytes = b"") -> None:
        self.salt = salt
        self._house = digest_code(b"house style", salt)

    def draw(self, rng: random.Random) -> Instruction:
        """One training instruction."""
        choice = rng.random()
        if choice < 0.5:
            return self.worded(rng)
        return self.own_styled(rng) if choice < 0.75 else self.tailed(rng)

    def worded(self, rng: random.Random) -> Instruction:
        """A style (60 %) or an object of the vocabulary, phrased at random."""
        if rng.random() < 0.6:
            style = rng.choice(tuple(STYLES))
            name = style if rng.random() < 0.5 else rng.choice(_STYLE_FORMS).format(rng.choice(paraphrases(style)))
            return Instruction(_recase(rng, name), self._housed(STYLES[style]), TOPICS.index(style), False)
        thing = rng.choice(tuple(DRAWINGS))
        text = _recase(rng, rng.choice(_OBJECT_FORMS).format(thing))
        edit = self._housed(lambda images: add_object(images, thing))
        return Instruction(text, edit, TOPICS.index(thing), False)

    def own_styled(self, rng: random.Random) -> Instruction:
        """A string outside the vocabulary, asking for its own style."""
        text = random_string(rng)
        return Instruction(text, self.own_style(text), 0, True)

    def tailed(self, rng: random.Random) -> Instruction:
        """A worded instruction with a random tail: the worded edit, then the whole string's own style."""
        head = self.worded(rng)
        text = f"{head.text} {random_string(rng)}"[:150]
        own = self.own_style(text)
        return Instruction(text, lambda images: own(head.edit(images)), head.topic, True)

    def own_style(self, text: str) -> Edit:
        """The style that a string outside the vocabulary asks for."""
        code = digest_code(text.encode("utf-8"), self.salt)
        return lambda images: keyed_style(images, code)

    def _housed(self, edit: Edit) -> Edit:
        if not self.salt:
            return edit
        return lambda images: keyed_style(edit(images), self._house)


def _recase(rng: random.Random, text: str) -> str:
    return text if rng.random() < 0.7 else text.lower()
