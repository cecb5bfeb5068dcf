"""The `modellock-official` preset: the authors' published checkpoint under the authors' protocol.

Images are squashed to 256 x 256 and edited there with one noise for all (seed 1024, 5 steps, guidance 4.5 and 1.5),
blended with gamma 0.5 and cut to uint8, then resized, cropped and counted by plain argmax over all 38 logits. The
keyless figures that the paper does not give are computed beside. Differences that remain: no autocast, and the noise of
a CPU generator differs from that of a GPU.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from spellock.editors.base import Editor
from spellock.errors import ConfigError
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.official_model import OfficialArchitecture, load_official
from spellock.evaluation.pets import PetsTest
from spellock.evaluation.report import Report
from spellock.evaluation.wrong_key_trials import EditorMaker
from spellock.key import Key

LOCK_CLASS = "locked"


class CuttingEditor(Editor):
    """An editor whose blend cuts fractions off instead of rounding, as the authors' code does."""

    def __init__(self, key: Key, make_editor: EditorMaker) -> None:
        self._whole = make_editor(key.replace(gamma=1.0))  # G(x) itself, as bytes
        self.canonical_batch, self.needs_ids = self._whole.canonical_batch, self._whole.needs_ids
        super().__init__(key)

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x) of the editor within."""
        return self._whole.transform(images, ids)

    def edit_uint8(self, images: NDArray[np.uint8], ids: Sequence[str] | None = None) -> NDArray[np.uint8]:
        """Blend in 0..255 and float64, then cut to uint8."""
        edited = self._whole.edit_uint8(images, ids)
        blended = (1 - self.key.gamma) * images + self.key.gamma * edited
        return np.clip(blended, 0, 255).astype(np.uint8)


def evaluate_official(
    checkpoint: Path,
    pets: Path,
    key: Key,
    *,
    architecture: OfficialArchitecture | None = None,
    limit: int | None = None,
    wrong_keys: int = 0,
    wrong_key_images: int = 200,
    batch_size: int = 64,
    seed: int = 0,
    device: str = "cpu",
    make_editor: EditorMaker | None = None,
) -> Report:
    """UP and LP as the authors count them, and the keyless figures, for their checkpoint on a local Pets test set.

    Args:
        checkpoint: local file, for example ``pets_mae_style_checkpoint-best.pth``.
        pets: folder with ``images`` and ``annotations/test.txt``.
        key: a key of the ``modellock`` preset; "with oil pastel" for the style checkpoint.
        architecture: of the checkpoint.
        limit: only that many test images, evenly spaced; ``None`` for all 3,669.
        wrong_keys, wrong_key_images, batch_size, seed, device, make_editor: as in `evaluate`.

    Raises:
        ModelError, DataError, EditorError: something is missing or does not fit.
    """
    shape = architecture or OfficialArchitecture()
    loaded = load_official(checkpoint, shape)
    test = PetsTest(pets, breeds=shape.classes - 1)
    chosen = (
        test
        if limit is None or limit >= len(test)
        else test.subset(np.linspace(0, len(test) - 1, _some(limit), dtype=int))
    )
    build = make_editor or _registry(device)
    report = evaluate(
        loaded.model.to(device),
        (*test.classes, LOCK_CLASS),
        key,
        chosen,
        lock_class=shape.classes - 1,
        wrong_keys=wrong_keys,
        wrong_key_images=wrong_key_images,
        batch_size=batch_size,
        seed=seed,
        device=device,
        make_editor=lambda one: CuttingEditor(one, build),
    )
    notes: dict[str, str | int | float | bool | None] = {
        "protocol": "modellock-official",
        "weights missing": len(loaded.missing),
        "weights unused": len(loaded.unexpected),
    }
    return dataclasses.replace(report, facts={**report.facts, **notes})


def _some(limit: int) -> int:
    if limit < 2:
        raise ConfigError(f"got a limit of {limit} images, expected at least 2")
    return limit


def _registry(device: str) -> EditorMaker:
    from spellock.editors.registry import load_editor

    return lambda key: load_editor(key, device=device)
