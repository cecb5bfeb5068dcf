"""Locking with the stand-in editor, as most tests of this folder do it."""

from __future__ import annotations

from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images

from .fake_editor import FakeEditor


def lock(images, key, out, **config):
    return lock_images(images, key, out, LockConfig(**config), editor=FakeEditor(key), load=FakeEditor)
