"""A thief's own list: styles that are in no list of spellock, and so in no decoy, as a vision-language model might say.

Decoys against leaks know the styles of the attack's dictionary. Whether they help against others is what this is for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from PIL import Image

STYLES: Final = (
    "fresco", "tempera", "linocut", "woodcut", "engraving", "etching", "lithograph", "tapestry", "embroidery",
    "airbrush", "pointillism", "fauvism", "bauhaus", "baroque", "rococo", "gothic", "renaissance", "expressionism",
    "abstract", "psychedelic", "vaporwave", "noir", "low poly", "claymation", "origami", "papercut", "blueprint",
    "hologram", "glitch", "infrared", "polaroid", "daguerreotype", "tilt shift", "manga", "storybook", "caricature",
    "doodle", "marker", "felt pen", "sandstone",
)  # fmt: skip


class Proposer:
    """Stands in for a vision-language model: proposes `STYLES`, whatever it is shown."""

    name = "a list of styles"

    def answer(self, question: str, images: Sequence[Image.Image], *, attempt: int = 0) -> str:
        """See `spellock.vision.VisionModel`."""
        return json.dumps({"prompts": [f"with {style}" for style in STYLES]})
