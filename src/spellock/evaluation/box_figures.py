"""The figures of a detector: COCO's average precision under each condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.data.annotation import Annotation
from spellock.evaluation.accuracy import Estimate
from spellock.tasks.average_precision import PrecisionResult, average_precision
from spellock.tasks.detections import Detections

_CONDITIONS: Final = {
    "baseline": ("Baseline", "the same fine-tuning without a lock, on raw images"),
    "up": ("UP", "images edited with the key"),
    "lp": ("LP", "raw images, the lock category among the answers"),
    "lp_suppressed": ("LP/suppressed", "lock category dropped before overlaps and rank, every score counted"),
    "lp_same_path": ("LP/same path", "raw images squashed and resampled as for the edit, not edited (gamma = 0)"),
    "lp_same_path_suppressed": ("LP/same path, suppressed", "the same, lock category dropped, every score counted"),
}
_PARTS: Final = {
    "": ("", "AP of boxes: "),
    "_50": (", AP50", "AP50 of boxes: "),
    "_75": (", AP75", "AP75 of boxes: "),
    "_mask": (", masks", "AP of masks: "),
    "_mask_50": (", masks AP50", "AP50 of masks: "),
    "_mask_75": (", masks AP75", "AP75 of masks: "),
}
#: Title and meaning of every figure, in the order of the report.
BOX_FIGURES: Final[dict[str, tuple[str, str]]] = {
    **{
        name + end: (title + more, kind + meaning)
        for name, (title, meaning) in _CONDITIONS.items()
        for end, (more, kind) in _PARTS.items()
    },
    "wrong_key_mean": ("Wrong keys, mean", "AP of boxes: images edited with wrong keys"),
    "wrong_key_max": ("Wrong keys, best", "AP of boxes: the best wrong key, chosen on one half, scored on the other"),
    "wrong_key_max_naive": ("Wrong keys, plain maximum", "chosen and scored on the same images: biased upwards"),
    "wrong_key_suppressed_max": ("Wrong keys, best, suppressed", "the best with the lock category dropped, by halves"),
    "hardened_lp": ("Hardened LP", "AP of boxes: the best keyless figure, chosen on one half, scored on the other"),
    "hardened_lp_naive": ("Hardened LP, plain maximum", "chosen and scored on the same images: biased upwards"),
    "chance": ("Chance", "AP of whoever knows nothing"),
}


@dataclass(frozen=True, kw_only=True)
class BoxReading:
    """Detections in the test images at ``indices`` (M,); a `Measured` whose figure is the AP of boxes.

    Attributes:
        truths, found: one an image, of the same sizes.
        masks: whether masks are compared too.
    """

    indices: NDArray[np.int64]
    truths: Sequence[Annotation]
    found: Sequence[Detections]
    masks: bool

    @cached_property
    def result(self) -> PrecisionResult:
        """On all images."""
        return average_precision(self.truths, self.found, masks=self.masks)

    def figures(self, name: str) -> dict[str, Estimate]:
        """All figures of condition ``name``; of masks where there are any."""
        box, mask = self.result.box, self.result.mask
        made = {name: box.ap, f"{name}_50": box.ap50, f"{name}_75": box.ap75}
        if mask is not None:
            made |= {f"{name}_mask": mask.ap, f"{name}_mask_50": mask.ap50, f"{name}_mask_75": mask.ap75}
        return {key: self.exactly(value) for key, value in made.items()}

    def exactly(self, value: float) -> Estimate:
        """An estimate without an interval: COCO's AP has none that is cheap and honest."""
        return Estimate(value=value, low=value, high=value, images=len(self.indices))

    def worth(self, half: NDArray[np.int64] | None = None) -> float:
        """See `Measured`; 0 where the half has nothing to find."""
        if half is None:
            return self.result.box.ap
        places = np.flatnonzero(np.isin(self.indices, half)).tolist()
        truths = [self.truths[place] for place in places]
        if not any((~one.crowd).any() for one in truths):
            return 0.0
        return average_precision(truths, [self.found[place] for place in places], masks=False).box.ap

    def scored(self, choose_on: NDArray[np.int64], report_on: NDArray[np.int64]) -> Estimate:
        """See `Measured`."""
        return self.exactly(self.worth(report_on))

    def naive(self) -> Estimate:
        """See `Measured`."""
        return self.exactly(self.worth())

    def estimate(self) -> Estimate:
        """See `Measured`."""
        return self.exactly(self.worth())
