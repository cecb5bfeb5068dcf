"""How M-LOCK's cells are trained: the CPU size, and the full size for a machine with a GPU.

The paper names no size of its certificates, no target class, no learning rate, no number of epochs. It names a fully
connected network for (Fashion-)MNIST and "a simple CNN" for GTSRB; here all networks are residual ones.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from spellock.key import Scalar
from spellock.training.config import FinetuneConfig

SEEDS: Final = (0, 1, 2)
SIDE: Final = 32
#: Of the certificates, on 32 px. The paper shows them in a figure only.
SIZE: Final = 6
TARGETS: Final = {"I": "constant", "II": "next-class", "III": "random-class"}
CERTIFICATE_SETTINGS: Final[dict[str, dict[str, Scalar]]] = {
    "motif I": {"motif": "pixels", "size": SIZE, "place": "bottom-right"},
    "motif II": {"motif": "pattern", "size": SIZE, "place": "bottom-right"},
    "motif I, random place": {"motif": "pixels", "size": SIZE, "place": "random"},
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One data set's network, training and evaluation.

    Attributes:
        model: see `spellock.tasks.models.create_model`.
        weights: public weights to start from, below the data folder; None starts from random values.
        train_images, test_images: drawn from the data set; None takes all.
        training: plain drawing, and the last epoch counts: nothing is held out.
        wrong_key_images: test images that each of 20 wrong keys edits.
    """

    model: str
    training: FinetuneConfig
    weights: str | None = None
    train_images: int | None = None
    test_images: int | None = None
    wrong_key_images: int = 100

    def to_dict(self) -> dict[str, Any]:
        """As stored beside the figures."""
        return asdict(self) | {"certificate_size": SIZE, "side": SIDE}


_TRAINING: Final = FinetuneConfig(
    epochs=4, batch_size=32, optimizer="adamw", learning_rate=5e-3, augment="none", unauthorised_share=None,
    checkpoint_every=100, validate_every=100,
)  # fmt: skip
# So short a training learns little from random values.
# No crops: they cut off part of a square at the edge, and so short a training does not make up for that.
_SMALL: Final = Setting(
    model="resnet20", weights="weights/resnet20-12fca82f.th", training=_TRAINING, train_images=2000, test_images=800
)

CPU: Final[dict[str, Setting]] = {
    "mnist": _SMALL,
    "fashion_mnist": _SMALL,
    "cifar10": replace(_SMALL, train_images=2500, training=replace(_TRAINING, epochs=8)),
    "cifar100": replace(_SMALL, train_images=4000, training=replace(_TRAINING, epochs=8)),
    "svhn": replace(_SMALL, training=replace(_TRAINING, epochs=6)),
    "gtsrb": replace(_SMALL, train_images=2500, training=replace(_TRAINING, epochs=6)),
}

_FULL_TRAINING: Final = FinetuneConfig(
    epochs=60, batch_size=128, optimizer="sgd", learning_rate=0.1, weight_decay=5e-4, warmup_epochs=2.0, augment="none",
    unauthorised_share=None, checkpoint_every=10, validate_every=100,
)  # fmt: skip
_LARGE: Final = Setting(model="resnet20", training=_FULL_TRAINING, wrong_key_images=1000)
_CROPPED: Final = replace(_LARGE, model="resnet56", training=replace(_FULL_TRAINING, epochs=120, augment="crop-flip"))

FULL: Final[dict[str, Setting]] = {
    "mnist": replace(_LARGE, training=replace(_FULL_TRAINING, epochs=20)),
    "fashion_mnist": replace(_LARGE, training=replace(_FULL_TRAINING, epochs=40)),
    "cifar10": _CROPPED,
    "cifar100": _CROPPED,
    "svhn": replace(_LARGE, training=replace(_FULL_TRAINING, epochs=40)),
    "gtsrb": _LARGE,
}
