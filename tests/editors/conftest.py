"""Tiny checkpoints and pictures for the editor tests, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spellock.editors.presets import new_key
from spellock.key import Key

from . import tiny

SECRET = bytes(range(32))


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of the tiny checkpoint of a kind: sd, xl or embedded."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            made[kind] = tiny.CHECKPOINTS[kind](tmp_path_factory.mktemp("weights") / kind)
        return made[kind]

    return get


@pytest.fixture(scope="session")
def key_for(checkpoint: Callable[[str], Path]) -> Callable[..., Key]:
    """A key for a tiny checkpoint: modellock settings at 32 px, changed as asked."""

    def make(kind: str, **changes: object) -> Key:
        values = {"prompt": tiny.PROMPT, "resolution": tiny.SIDE, "secret": SECRET, **changes}
        return new_key("modellock", weights=str(checkpoint(kind)), **values)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def pictures() -> NDArray[np.uint8]:
    """Eleven smooth random pictures, uint8 (11, 32, 32, 3)."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (11, 6, 6, 3), dtype=np.uint8)
    side = (tiny.SIDE, tiny.SIDE)
    return np.stack([np.asarray(Image.fromarray(each).resize(side, Image.Resampling.BICUBIC)) for each in small])
