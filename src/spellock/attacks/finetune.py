"""Fine-tuning on labelled raw images: what any thief with labels does (NTLBench's four ways: all or head, old or new).

The learning rate is chosen on a fifth of the labels, then all of them train. The length is given: the rate falls to 0
over it. Every start gets the same grid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

from spellock.attacks.checks import one_of
from spellock.attacks.labelled_training import Prepare
from spellock.attacks.registry import register_attack
from spellock.attacks.retraining import Retraining
from spellock.attacks.view import AttackerView
from spellock.hidden import Scalar
from spellock.tasks.heads import find_head, replace_head
from spellock.tasks.own_seed import own_seed
from spellock.tasks.pixel_model import PixelModel


@register_attack("finetune")
@dataclass(frozen=True, kw_only=True)
class Finetune(Retraining):
    """Cross-entropy on the real classes, SGD with momentum.

    Attributes:
        layers: ``all`` of them train, or the ``head`` alone.
        head: ``kept``, or ``new``: re-initialised.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = {
        "": {},
        "new head": {"head": "new"},
        "head only": {"layers": "head"},
        "new head only": {"layers": "head", "head": "new"},
    }
    run_name: ClassVar[str] = "finetuned"
    layers: str = "all"
    head: str = "kept"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("layers", self.layers, ("all", "head"))
        one_of("head", self.head, ("kept", "new"))

    def change(
        self, model: PixelModel, real: NDArray[np.int64], view: AttackerView
    ) -> tuple[NDArray[np.int64], Prepare]:
        """See `Retraining.change`."""
        if self.head == "kept":
            return real, self._prepared
        with own_seed(view.seed):
            replace_head(model.network, view.classes)
        return np.arange(view.classes), self._prepared

    def _prepared(self, model: PixelModel) -> tuple[nn.Module, Iterable[nn.Parameter]]:
        _, head = find_head(model.network)
        model.train(self.layers == "all")
        return model, model.parameters() if self.layers == "all" else head.parameters()
