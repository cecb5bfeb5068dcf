"""Guidance by text and by image (InstructPix2Pix, Brooks et al. 2023, Eq. 3), with no more branches than have weight.

With T, M and U the predictions for text and image, image only, and neither, guidance is
U + text (T - M) + image (M - U) = text T + (image - text) M + (1 - image) U. A branch whose weight is zero is not
computed: U at image guidance 1, M where both scales are equal, M and U without guidance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Branch = Literal["text and image", "image", "none"]


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """Both scales. As in diffusers, a text scale of at most 1 or an image scale below 1 means no guidance at all."""

    text: float
    image: float

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The predictions that `combine` wants, in its order."""
        if self.text <= 1 or self.image < 1:
            return ("text and image",)
        if self.image == 1:
            return ("text and image", "image")
        if self.image == self.text:
            return ("text and image", "none")
        return ("text and image", "image", "none")

    def combine(self, predictions: Sequence[Tensor]) -> Tensor:
        """The guided prediction, of the same shape as each of ``predictions``."""
        if len(predictions) == 1:
            return predictions[0]
        if len(predictions) == 2:
            full, base = predictions
            return base + self.text * (full - base)
        full, image, none = predictions
        return none + self.text * (full - image) + self.image * (image - none)
