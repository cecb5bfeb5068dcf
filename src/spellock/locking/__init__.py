"""Locking a data set: split, edit, relabel, write."""

from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet

__all__ = ["LockConfig", "LockedSet", "lock_images"]
