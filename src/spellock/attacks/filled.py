"""What thieves of a weight lock do with a network whose key they filled in: read it, or train it on."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from torch import nn

from spellock.attacks.base import Stolen
from spellock.attacks.finetune import Finetune
from spellock.attacks.suppressed import Suppressed
from spellock.attacks.view import AttackerView
from spellock.hidden import Scalar

THEN: Final = ("read", "finetune")


def use(
    network: nn.Module, view: AttackerView, work: Path | None, *, then: str, steps: int, found: Mapping[str, Scalar]
) -> list[Stolen]:
    """``read`` the outputs of ``network`` in the stolen model's place, or ``finetune`` it on the thief's labels."""
    filled = copy.deepcopy(view.stolen)
    filled.network = network
    attack = Suppressed() if then == "read" else Finetune(steps=steps)
    return [
        dataclasses.replace(one, found={**one.found, **found})
        for one in attack(dataclasses.replace(view, model=filled.eval()), work)
    ]
