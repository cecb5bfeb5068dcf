"""Readings: the stolen model as it is, its outputs read in another way. No training."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held, one_of
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import Logits, asked, outputs_of, real_places, with_raw_statistics
from spellock.attacks.view import AttackerView, Labels
from spellock.hidden import Scalar

#: Outputs (N, R) of the real classes to scores (N, R).
Read = Callable[[NDArray[np.float32]], NDArray[np.floating]]
STATISTICS = ("kept", "raw")
KEPT_AND_RAW: Mapping[str, Mapping[str, Scalar]] = MappingProxyType(
    {"": MappingProxyType({}), "bn": MappingProxyType({"statistics": "raw"})}
)


@dataclass(frozen=True, kw_only=True)
class Reading(Attack):
    """Base of the readings.

    Attributes:
        statistics: of BatchNorm: ``kept`` as locked, or recomputed on ``raw`` images, which needs the weights.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = KEPT_AND_RAW
    labelled: ClassVar[bool] = False
    statistics: str = "kept"

    def __post_init__(self) -> None:
        one_of("statistics", self.statistics, STATISTICS)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        wanted = {Asset.QUERIES, Asset.UNLABELLED}
        if self.labelled:
            wanted |= {Asset.LABELS}
        return frozenset(wanted | ({Asset.WEIGHTS} if self.statistics == "raw" else set()))

    @abstractmethod
    def fit(self, reference: Logits, labels: Labels | None, seed: int) -> Read:
        """The reading, fitted on outputs (M, R) of raw images, labelled where ``labelled`` is set."""

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        answer = view.answer
        if self.statistics == "raw":
            answer = with_raw_statistics(view.stolen, view.unlabelled, seed=view.seed)
        limit = view.budget.at_most("queries", len(view.unlabelled)) if view.model is None else len(view.unlabelled)
        seen = outputs_of(answer, view.unlabelled[:limit], label="raw images")
        real = real_places(seen.shape[1], view, seen)
        if self.labelled:
            known = outputs_of(answer, held(view.labelled), label="labelled raw images")
            read = self.fit(known[:, real], view.labels, view.seed)
        else:
            read = self.fit(seen[:, real], None, view.seed)

        def predict(images: Tensor) -> Tensor:
            outputs = asked(answer, images).numpy()
            return torch.from_numpy(np.ascontiguousarray(read(outputs[:, real]), dtype=np.float32))

        dropped = sorted(set(range(seen.shape[1])) - {int(place) for place in real})
        return [Stolen(predict=predict, found={"dropped outputs": " ".join(map(str, dropped)) or "none"})]
