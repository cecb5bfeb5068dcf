"""The paper's way of locking at a size for CPUs: Imagenette at 64 px, a MobileNetV1 pretrained on ImageNet."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from spellock.data.memory import numpy_images
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice
from spellock.training.config import FinetuneConfig
from support import shared_data
from support.trial import Trial

CPU_SIDE: Final = 64


def cpu_trial(data: Path, work: Path) -> Trial:
    """Imagenette at 64 px; ``data`` is the folder of data sets and weights, ``work`` is for unfinished models."""
    sets = {split: shared_data.imagenette(data, split, CPU_SIDE) for split in ("train", "val")}
    classes = [str(label) for label in range(int(sets["train"][1].max()) + 1)]
    return Trial(
        train=numpy_images(*sets["train"], classes, name="train"),
        test=numpy_images(*sets["val"], classes, name="val"),
        choice=ModelChoice(
            name="mobilenet_v1_0.25", weights=data / "weights" / "mobilenet_v1_0.25_128_imagenet.safetensors",
            input_size=CPU_SIDE,
        ),
        training=FinetuneConfig(
            epochs=15, batch_size=64, optimizer="adamw", learning_rate=1e-3, weight_decay=0.05, precision="fp32",
        ),
        lock=LockConfig(validation=0.0, layout="parquet"),
        work=work,
    )  # fmt: skip
