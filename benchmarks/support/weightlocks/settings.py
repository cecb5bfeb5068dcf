"""Sizes of the benchmark: what fits one core of a CPU, and the authors' settings for a machine with a GPU."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

#: Sizes of the keys: of the authors' selection in units, of ours in bytes of the model, places included.
PERCENTS: Final = (1, 5, 10)
#: The one size of keys of deltas: what a thief gets of theirs is the public model, to the byte.
DELTA_PERCENT: Final = 10
#: After which share of the steps such a key learns on what it can hold, in the cells of that name.
LATE: Final = 0.67
LATE_WAY: Final = f"delta {DELTA_PERCENT} %, rounded late"
#: Ten cycles so, and with the better of both in each.
LATE_CYCLES: Final = "delta, rounded late"
EITHER_CYCLES: Final = "delta, either rounding"
#: The sizes that thefts and cycles are measured at.
THEFT_PERCENT: Final = 5
CYCLES: Final = 10
#: Of ours the whole file counts, with the digests of the keyed model, for that is what a customer gets each time.
CYCLE_PERCENT: Final = {"default": 9.9, "delta": 9.9, "adaloc": 5}
#: The arrivals that the learning rate of the cycles is chosen on, and the seed that chooses for all.
RATE_CYCLES: Final = (4, 8)
RATE_SEED: Final = 0
#: What each selection ships in the key's place: ours noise, or the public model; the authors' nothing.
SHIPPED_FILL: Final = {"default": "gaussian", "delta": "public", "adaloc": "zero"}
FILLS: Final = ("zero", "gaussian", "shuffled", "public")
PARTS: Final = (25, 50, 75)
#: Shares of the owner's training data that a thief has labels of, in percent.
LABELLED: Final = (1, 10)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """One budget for every way to adapt a model.

    Attributes:
        optimizer: "adamw" or "sgd" (momentum 0.9).
        cosine: the learning rate falls to 0 along a cosine; else it stays.
        rates: the grid of learning rates; the best on validation data is taken, for each way by itself.
        epochs: of one adaptation.
        cycle_epochs: of each of ten adaptations in a row.
        thief_steps: optimiser steps of a thief.
    """

    epochs: int
    cycle_epochs: int
    rates: tuple[float, ...]
    thief_steps: int = 100
    batch_size: int = 32
    optimizer: str = "adamw"
    weight_decay: float = 0.01
    cosine: bool = True


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An architecture, and the data that its owner adapts it to.

    Attributes:
        train, validation: examples drawn from the training data, for images without a common track; None takes all but
            a tenth for validation.
        pretraining_epochs: to make the public model, where there are no public weights.
    """

    network: str
    data: str
    budget: Budget
    train: int | None = None
    validation: int | None = None
    pretraining_epochs: int = 0

    @property
    def name(self) -> str:
        return f"{self.network}, {self.data}"

    @property
    def text(self) -> bool:
        return self.data in ("SST-2", "AG News")

    def to_dict(self) -> dict[str, Any]:
        """As stored beside the figures."""
        return asdict(self)


#: Keys want higher rates than whole networks: with 0.01 as the highest, most of them chose that one.
_IMAGES: Final = Budget(epochs=6, cycle_epochs=6, rates=(1e-3, 3e-3, 1e-2, 3e-2))
_TEXTS: Final = Budget(epochs=4, cycle_epochs=4, rates=(3e-4, 1e-3, 3e-3, 1e-2))


def cpu_pairs(scale: float = 1.0) -> list[Pair]:
    """Four networks on GTSRB, a text encoder on SST-2 and AG News; ``scale`` below 1 is for trying things out."""

    def count(examples: int) -> int:
        return max(1, round(scale * examples))

    images = {"resnet20": 0, "densenet": 4, "convnext": 4, "vit": 4}
    texts = {"SST-2": (3000, 1000), "AG News": (3000, 800)}
    return [
        Pair(network=network, data="GTSRB", budget=_IMAGES, train=count(2150), validation=count(645),
             pretraining_epochs=epochs)
        for network, epochs in images.items()
    ] + [
        Pair(network="bert", data=data, budget=_TEXTS, train=count(train), validation=count(held),
             pretraining_epochs=4)
        for data, (train, held) in texts.items()
    ]  # fmt: skip


#: The authors' optimisers; beside each learning rate of theirs one ten times as large, for keys alone learn slowly.
_SGD: Final = Budget(
    epochs=50, cycle_epochs=10, rates=(1e-3, 1e-2), batch_size=64, optimizer="sgd", weight_decay=0.0, cosine=False,
    thief_steps=1000,
)  # fmt: skip
_ADAMW: Final = Budget(epochs=50, cycle_epochs=10, rates=(1e-4, 1e-3), batch_size=64, cosine=False, thief_steps=1000)
FULL_NETWORKS: Final = {
    "torchvision:resnet18": _SGD, "torchvision:densenet121": _SGD, "timm:convnextv2_tiny": _ADAMW,
}  # fmt: skip
FULL_SIDE: Final = 224
