"""How much of the content an edit keeps, in the form that fits the owner's labels.

One class an image: the accuracy of a probe. Several findings: its macro AUROC. Objects with places: the structure in
and around them, since a box or a mask is read from edges that are still there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, uniform_filter

from spellock.data.annotation import Annotation
from spellock.prompts.features import Features
from spellock.prompts.probes import FOLDS, REPEATS, Probes
from spellock.prompts.ridge import image_folds, out_of_fold
from spellock.tasks.auroc import aurocs, judgeable

Pixels = NDArray[np.uint8]
Weights = NDArray[np.float64]
#: Side of the windows that structure is compared in, and SSIM's constant (0.03 L)^2.
_WINDOW: Final = 7
_SMALL: Final = (0.03 * 255) ** 2
_MARGIN: Final = 3


class Content(Protocol):
    """One way to measure content."""

    def of(self, pixels: Pixels, features: Features) -> float:
        """How much is there in the sample's images as ``pixels``, or in their features; in [0, 1]."""
        ...

    def kept(self, edited: float, raw: float) -> float:
        """What is left of ``raw``, not below 0; 1 for all, and a little more by chance."""
        ...

    def doubt(self, raw: float) -> str | None:
        """Why figures of content say little here, where they do."""
        ...

    def in_words(self, raw: float) -> str:
        """What was found in raw images."""
        ...


@dataclass(frozen=True, kw_only=True)
class ClassContent:
    """Accuracy of a probe for one class an image."""

    probes: Probes

    def of(self, pixels: Pixels, features: Features) -> float:
        """See `Content`."""
        return self.probes.content(features)

    def kept(self, edited: float, raw: float) -> float:
        """See `Content`: the ratio."""
        return edited / raw if raw > 0 else 0.0

    def doubt(self, raw: float) -> str | None:
        """See `Content`: where raw images are hardly told apart."""
        chance = 1 / self.probes.classes
        if raw >= chance + 0.25 * (1 - chance):
            return None
        return f"the content probe is right in only {100 * raw:.0f} % of raw images (chance {100 * chance:.0f} %)"

    def in_words(self, raw: float) -> str:
        """See `Content`."""
        return f"raw images: the content probe is right in {100 * raw:.0f} %"


@dataclass(frozen=True, kw_only=True, eq=False)
class FindingContent:
    """Macro AUROC of a probe for several findings an image.

    Attributes:
        findings: zeros and ones, int64 (N, K).
        strata: int64 (N,), what folds are balanced over.
        seed: of the folds.
    """

    findings: NDArray[np.int64]
    strata: NDArray[np.int64]
    seed: int = 0

    def of(self, pixels: Pixels, features: Features) -> float:
        """See `Content`; one half where no finding has images with and without it."""
        known = self.findings[:, judgeable(self.findings)]
        if not known.shape[1]:
            return 0.5
        found = []
        for repeat in range(REPEATS):
            folds = image_folds(self.strata, FOLDS, seed=self.seed + 1000 * repeat)
            scores = out_of_fold(features, known.astype(np.float64), folds, FOLDS)
            # A probe's offset differs from fold to fold by what its training part lacks: only within one are scores
            # to be compared.
            parts = [aurocs(scores[folds == fold], known[folds == fold]) for fold in range(FOLDS)]
            values = np.concatenate(parts)
            found.append(float(values[~np.isnan(values)].mean()) if (~np.isnan(values)).any() else 0.5)
        return float(np.mean(found))

    def kept(self, edited: float, raw: float) -> float:
        """See `Content`: the ratio of what is above one half."""
        return max(0.0, edited - 0.5) / (raw - 0.5) if raw > 0.5 else 0.0

    def doubt(self, raw: float) -> str | None:
        """See `Content`: where raw images hardly tell their findings."""
        return None if raw >= 0.6 else f"the content probe has an AUROC of only {100 * raw:.0f} % on raw images"

    def in_words(self, raw: float) -> str:
        """See `Content`."""
        return f"raw images: the content probe has a macro AUROC of {100 * raw:.0f} %"


@dataclass(frozen=True, kw_only=True, eq=False)
class StructureContent:
    """Structure kept in and around objects: SSIM of grey levels (Wang et al. 2004) but for its factor of brightness.

    Attributes:
        raw: uint8 (N, R, R, 3).
        weights: float64 (N, R, R), sum 1; see `object_weights`.
    """

    raw: Pixels
    weights: Weights

    def of(self, pixels: Pixels, features: Features) -> float:
        """See `Content`; what is turned round counts as lost."""
        return max(0.0, float((structure(self.raw, pixels) * self.weights).sum()))

    def kept(self, edited: float, raw: float) -> float:
        """See `Content`: as it is, since raw images keep all."""
        return edited

    def doubt(self, raw: float) -> str | None:
        """See `Content`: there is none."""
        return None

    def in_words(self, raw: float) -> str:
        """See `Content`."""
        return "content is the structure kept in and around objects, 1 in raw images"


def structure(one: Pixels, other: Pixels) -> Weights:
    """float64 (N, R, R), at each pixel (2 cov + c) / (var1 + var2 + c) of the grey levels of two versions in a window
    of 7 x 7: 1 for the same contrast and structure at any brightness, near 0 where one has lost it, below where it is
    turned round."""
    first, second = (pixels.astype(np.float64).mean(axis=3) for pixels in (one, other))

    def mean(values: Weights) -> Weights:
        smooth: Weights = uniform_filter(values, size=(1, _WINDOW, _WINDOW), mode="reflect")
        return smooth

    low, high = mean(first), mean(second)
    covariance = mean(first * second) - low * high
    spreads = np.maximum(mean(first**2) - low**2, 0) + np.maximum(mean(second**2) - high**2, 0)
    found: Weights = (2 * covariance + _SMALL) / (spreads + _SMALL)
    return found


def object_weights(annotations: list[Annotation], side: int) -> Weights:
    """float64 (N, side, side), sum 1: each object counts alike, over its mask or box and three pixels around, where its
    outline is; all pixels alike where there are no objects.

    Args:
        annotations: of images squashed to ``side`` pixels squared.
    """
    weights = np.zeros((len(annotations), side, side))
    for place, one in enumerate(annotations):
        for mask in one.decoded()[~one.crowd]:
            near = binary_dilation(mask, iterations=_MARGIN)
            if near.any():
                weights[place] += near / near.sum()
    total = weights.sum()
    return weights / total if total else np.full_like(weights, 1 / max(1, weights.size))
