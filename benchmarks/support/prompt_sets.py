"""The sets that prompts are locked on at a size for CPUs: the paper's way of locking, with small models and images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice
from spellock.training.config import FinetuneConfig
from support import shared_data
from support.imagenette_trial import CPU_SIDE, cpu_trial
from support.trial import Trial

#: Images of the sets at 32 px: enough for correlations over prompts, few enough for hundreds of locks on two cores.
_TRAIN, _TEST = 1500, 600


@dataclass(frozen=True, kw_only=True)
class PromptSet:
    """One set.

    Attributes:
        title: as results name it.
        result: end of the names of result files.
        side: of edited images in pixels.
        trial: data, model and training, from the folders of data and of work.
    """

    title: str
    result: str
    side: int
    trial: Callable[[Path, Path], Trial]


def _thirty_two(
    read: Callable[[Path, str], shared_data.Arrays], name: str, weights: str | None, rate: float
) -> Callable[[Path, Path], Trial]:
    def trial(data: Path, work: Path) -> Trial:
        return Trial(
            train=_some(*read(data, "train"), _TRAIN, name="train"),
            test=_some(*read(data, "test"), _TEST, name="test"),
            choice=ModelChoice(name=name, weights=None if weights is None else data / "weights" / weights),
            training=FinetuneConfig(
                epochs=5, batch_size=32, optimizer="sgd", learning_rate=rate, weight_decay=5e-4, augment="crop"
            ),
            lock=LockConfig(validation=0.0, layout="parquet"),
            work=work,
        )

    return trial


def _some(images: np.ndarray, labels: np.ndarray, count: int, *, name: str) -> ImageSet:
    """``count`` images by chance, always the same ones."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(images))[:count])
    classes = [str(label) for label in range(int(labels.max()) + 1)]
    return numpy_images(images[chosen], labels[chosen], classes, name=name)


SETS: Final = {
    "imagenette": PromptSet(title="Imagenette", result="", side=CPU_SIDE, trial=cpu_trial),
    "cifar10": PromptSet(
        title="CIFAR-10", result="_cifar10", side=32,
        trial=_thirty_two(shared_data.cifar10, "resnet20", "resnet20-12fca82f.th", 0.05),
    ),
    "fashion_mnist": PromptSet(
        title="Fashion-MNIST", result="_fashion_mnist", side=32,
        trial=_thirty_two(shared_data.fashion_mnist, "resnet20", "resnet20-12fca82f.th", 0.05),
    ),
}  # fmt: skip
