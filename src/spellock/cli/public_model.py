"""The public weights of a control, as commands take them: a file or a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spellock.errors import ConfigError

if TYPE_CHECKING:
    from spellock.tasks.pixel_model import PixelModel


def public_model(path: Path, locked: PixelModel, classes: int, seed: int) -> PixelModel:
    """The public model of ``classes`` outputs; a file holds weights of the locked model's architecture."""
    from spellock.tasks.models import create_model

    if path.is_dir():
        return create_model(path, num_classes=classes, seed=seed)
    if locked.architecture is None:
        raise ConfigError("the locked model's network is from elsewhere; give --public as a model folder")
    mean, std = locked.mean_std
    return create_model(
        locked.architecture,
        num_classes=classes,
        weights=path,
        input_size=locked.input_size,
        mean=mean,
        std=std,
        options=locked.options,
        seed=seed,
    )
