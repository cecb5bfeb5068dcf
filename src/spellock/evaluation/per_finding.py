"""An attack that takes one class an image, on each of several findings by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.view import AttackerView


def per_finding(attack: Attack, view: AttackerView, known: NDArray[np.int64]) -> Stolen:
    """``attack`` on each finding by itself, as a yes and a no; a score (N, F) is the yes minus the no.

    Args:
        known: (M, F) zeros and ones of the view's labelled images. A finding that all or none of them have is scored 0.
    """
    parts: list[Stolen | None] = []
    for place, column in enumerate(known.T):
        told, clock = 0 < column.sum() < len(column), view.clock.part(known.shape[1] - place)
        one = replace(view, classes=2, labels=column.copy(), started=clock)
        parts.append(attack(one)[0] if told else None)

    def predict(images: Tensor) -> Tensor:
        columns = []
        for part in parts:
            if part is None:
                columns.append(torch.zeros(len(images)))
            else:
                scores = part.predict(images)
                columns.append(scores[:, 1] - scores[:, 0])
        return torch.stack(columns, dim=1)

    fitted = sum(part is not None for part in parts)
    return Stolen(predict=predict, found={"findings fitted": fitted})
