"""A locked set with tiers, small and quick, for several tests."""

from __future__ import annotations

from pathlib import Path

from spellock.data import ImageSet
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet
from spellock.locking.tiers import Tier

from .fake_editor import FakeEditor, fake_key, random_images

CLASSES = tuple(f"class {k}" for k in range(4))
GROUPS = {"class 0": "even", "class 1": "odd", "class 2": "even", "class 3": "odd"}
OTHERS = {"class 0": "first", "class 1": "last", "class 2": "last", "class 3": "last"}
TIER_PROMPT = "a lesser spell"


def tier_key(secret: int = 2) -> Key:
    return fake_key(prompt=f"{TIER_PROMPT} {secret}", secret=secret)


def tier(name: str = "coarse", *, secret: int = 2, groups: dict[str, str] | None = None, **more: float) -> Tier:
    return Tier(name=name, key=tier_key(secret), groups=groups or GROUPS, **more)


def lock(
    out: Path, *tiers: Tier, images: ImageSet | None = None, editor: FakeEditor | None = None, **config: object
) -> LockedSet:
    settings = LockConfig(**{"validation": 0.1, "raw_twins": True, **config})
    editor = editor or FakeEditor(fake_key())
    images = images or random_images(80)
    return lock_images(images, fake_key(), out, settings, tiers=tiers, editor=editor, load=FakeEditor, shard=16)
