"""The data sets of `real_results.py` and what builds on it: how each is read, and what is trained on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from spellock.locking.config import LockConfig
from spellock.training.config import FinetuneConfig
from spellock.training.objective_config import ObjectiveConfig
from spellock.training.regularisation_config import RegularisationConfig
from support import shared_data

#: The key prompt of all of them.
PROMPT = "with oil pastel"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A data set, its model and its training; ``weights`` is below the data folder.

    The baseline, which is trained anyway, teaches the locked model unless ``objective`` says otherwise.
    ``weave`` is the key's: by default none, so that the prompt's edit is the whole lock, as in the paper. So is
    ``gamma``. ``secret_use`` is the preset's.
    ``wrong_key_images`` are the test images that each of 20 wrong keys edits: fewer where an edit takes long.
    """

    read: Callable[[Path, str], shared_data.Arrays]
    test: str
    side: int
    model: str
    weights: str | None
    training: FinetuneConfig
    lock: LockConfig
    objective: ObjectiveConfig = field(default_factory=lambda: ObjectiveConfig(objective="teacher"))
    regularisation: RegularisationConfig = field(default_factory=RegularisationConfig)
    wrong_key_images: int = 200
    weave: float = 0.0
    gamma: float = 0.5
    secret_use: str = "string"


_SMALL = FinetuneConfig(
    epochs=10, batch_size=128, optimizer="sgd", learning_rate=0.05, weight_decay=5e-4, augment="crop-flip",
    unauthorised_share=0.25, validate_every=2,
)  # fmt: skip
_TWINS = LockConfig(raw_twins=True)
SETTINGS = {
    "cifar10": Setting(
        read=shared_data.cifar10, test="test", side=32, model="resnet20", weights="weights/resnet20-12fca82f.th",
        training=replace(_SMALL, epochs=8), lock=_TWINS,
    ),
    # Twice the images: how much of what a lock costs is for want of them.
    "cifar10_40000": Setting(
        read=shared_data.cifar10_40000, test="test", side=32, model="resnet20", weights="weights/resnet20-12fca82f.th",
        training=replace(_SMALL, epochs=8), lock=_TWINS,
    ),
    "gtsrb": Setting(
        read=shared_data.gtsrb, test="test", side=32, model="resnet20", weights=None,
        training=replace(_SMALL, epochs=20, learning_rate=0.1, augment="crop"), lock=_TWINS,
    ),
    "fashion_mnist": Setting(
        read=shared_data.fashion_mnist, test="test", side=32, model="resnet20", weights=None,
        training=replace(_SMALL, epochs=8, learning_rate=0.1), lock=_TWINS,
    ),
    "imagenette": Setting(
        read=lambda folder, split: shared_data.imagenette(folder, split, 128), test="val", side=96,
        model="mobilenet_v1_0.5", weights="weights/mobilenet_v1_0.5_160_imagenet.safetensors",
        training=replace(
            _SMALL, epochs=15, batch_size=64, optimizer="adamw", learning_rate=5e-4, weight_decay=0.05,
            # This network has no normalisation; bfloat16, the default on these CPUs, costs it UP (up_gap.json).
            precision="fp32",
        ),
        lock=_TWINS, wrong_key_images=100,
    ),
}  # fmt: skip
