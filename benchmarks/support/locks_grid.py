"""What `locks_compared.py` measures: its cells, their keys, and how often training images still show a patch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from spellock.editors.any_key import new_editor_key
from spellock.editors.registry import load_editor
from spellock.key import Key
from spellock.training.augment import make_augment
from support.cells import Figures
from support.locks_tables import AUGMENTS, PATCHES, cell_name

SECRET = hashlib.sha256(b"benchmark locks_compared").digest()
#: The paper's patches are 5, 20 and 50 pixels on 224; here the same share of the side, at least one pixel.
REFERENCE_SIDE = 224


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A lock, where its patch is (empty for locks without one), and the augmentation of the training.

    With ``twins`` every training image is there raw as well, a quarter of each batch: not the paper's way, but it shows
    whether the edit can be learnt at all.
    """

    lock: str
    place: str
    augment: str
    twins: bool = False

    @property
    def name(self) -> str:
        return cell_name(self.lock, self.place, self.augment, twins=self.twins)


def grid() -> list[Cell]:
    """Patches with every augmentation and at both places, the other locks with both usual augmentations; then patches
    with raw twins."""
    cells = []
    for augment in AUGMENTS:
        cells.append(Cell(lock="none", place="", augment=augment))
        cells += [Cell(lock=lock, place="bottom-right", augment=augment) for lock in PATCHES]
        if augment != "none":
            others = ("Blend", "WaNet", "Nashville", "ModelLock")
            cells += [Cell(lock=lock, place="", augment=augment) for lock in others]
    cells += [Cell(lock=lock, place="centre", augment=augment) for augment in AUGMENTS for lock in PATCHES]
    return cells + [
        Cell(lock=lock, place=place, augment=augment, twins=True)
        for augment in AUGMENTS
        for place in ("bottom-right", "centre")
        for lock in PATCHES
        if augment != "none"
    ]


def make_key(cell: Cell, side: int, diffusion: Callable[[], Key]) -> Key:
    """The cell's key; WaNet with its published strength, since the paper names only its k."""
    if cell.lock in PATCHES:
        size = max(1, round(PATCHES[cell.lock] * side / REFERENCE_SIDE))
        return new_editor_key("patch", resolution=side, secret=SECRET, size=size, place=cell.place)
    if cell.lock == "Blend":
        return new_editor_key("blend", resolution=side, secret=SECRET, alpha=0.2)
    if cell.lock == "WaNet":
        return new_editor_key("warp", resolution=side, secret=SECRET, k=32, s=0.5, scale_with_size=False)
    if cell.lock == "ModelLock":
        return diffusion()
    return new_editor_key("photo_filter", resolution=side, secret=SECRET, name="nashville")


def patch_in_view(cell: Cell, key: Key) -> Figures:
    """Share of 1,000 augmented training images that still show the patch somewhere at half its contrast or more."""
    black = np.zeros((1000, key.resolution, key.resolution, 3), dtype=np.uint8)
    marked = load_editor(key).edit_uint8(black)
    augment = make_augment(cell.augment)
    assert augment is not None
    # With the same draws twice, noise that erases is the same twice and only the patch is left of the difference.
    with_patch, without = (
        augment(torch.from_numpy(images).permute(0, 3, 1, 2), torch.Generator().manual_seed(0)).int()
        for images in (marked, black)
    )
    seen = ((with_patch - without).abs() > 127).flatten(1).any(1)
    return {"share": 100 * float(seen.float().mean())}
