"""What a model says about one image."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the model says about one image.

    Attributes:
        source: the path, or ``input 3`` for images without a name.
        label: place of the most probable class, the lock class included and reported as it is.
        class_name: its name.
        probability: its probability, in [0, 1].
        probabilities: float32 (K,), of all classes; they add up to 1, unless an image can have several.
    """

    source: str
    label: int
    class_name: str
    probability: float
    probabilities: NDArray[np.float32] = field(repr=False, compare=False)
