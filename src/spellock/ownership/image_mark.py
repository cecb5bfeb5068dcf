"""Does an image-to-image model carry the owner's mark? A message read off its outputs, against fair coins."""

from __future__ import annotations

import numpy as np
from scipy import stats
from torch import Tensor

from spellock.editors.mark import TILE, Mark
from spellock.key import Key
from spellock.ownership.base import check_alpha
from spellock.ownership.verdict import Verdict

_METHOD = "image-mark"


def verify_images(
    images: Tensor,
    key: Key,
    *,
    inputs: Tensor | None = None,
    bits: int = 32,
    moved: bool = False,
    alpha: float = 0.01,
) -> Verdict:
    """Whether outputs of a suspect carry the mark of ``key``.

    The p-value is P(Bin(bits, 1/2) >= bits that are right). It is exact for whatever did not depend on the secret: its
    bits are then fair coins to the suspect, however photographs look. With ``moved`` the tile is looked for at all 64
    places where it may begin (cropped images), and p is 64 times the smallest (Bonferroni), at most 1.

    Args:
        images: outputs of the suspect, float32 (N, 3, H, W) in [0, 1], of the size in which images were marked.
        key: with the secret that the mark was drawn from.
        inputs: what the suspect was asked about, of the same shape, where it is known.
        bits: as the mark was made.
        alpha: p-value up to which there is a match.

    Raises:
        ConfigError: ``bits`` or ``alpha`` is out of range.
        PixelError: images or inputs have another shape.
    """
    check_alpha(alpha)
    mark = Mark.of(key, bits=bits)
    read = mark.read(images, inputs)
    right = (np.sign(read) == mark.message).sum(axis=2)
    down, across = np.unravel_index(int(right.argmax()), right.shape) if moved else (0, 0)
    met = int(right[down, across])
    p_value = float(stats.binom.sf(met - 1, bits, 0.5)) * (TILE * TILE if moved else 1)
    p_value = min(1.0, p_value)
    match = p_value <= alpha
    at = f", with the tile moved by {down} and {across} pixels" if moved and (down or across) else ""
    words = f"{met} of {bits} bits of the owner's mark are in {len(images)} images{at}, p = {p_value:.2g}. " + (
        "A model that has nothing to do with images marked under this key would show as many with that probability."
        if match
        else "That may be chance, so nothing is shown; it clears nobody."
    )
    return Verdict(
        method=_METHOD, statistic=met / bits, measured="share of the message's bits that are right", threshold=alpha,
        match=match, queries=len(images), words=words, p_value=p_value,
        facts={"bits": bits, "with inputs": inputs is not None, "moved": moved},
    )  # fmt: skip
