"""spellock: lock a fine-tuned model with a spell.

The names below are the front door; each is loaded when it is first used, so that ``import spellock`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spellock.editors.registry import load_editor
    from spellock.evaluation.evaluate import evaluate
    from spellock.key import Key
    from spellock.keyfile import load_key
    from spellock.locking.lock_images import lock_images
    from spellock.unlocking.unlocked_model import UnlockedModel

__version__ = "0.1.0"

__all__ = ["Key", "UnlockedModel", "__version__", "evaluate", "load_editor", "load_key", "lock_images"]

_HOMES = {
    "Key": "spellock.key",
    "UnlockedModel": "spellock.unlocking.unlocked_model",
    "evaluate": "spellock.evaluation.evaluate",
    "load_editor": "spellock.editors.registry",
    "load_key": "spellock.keyfile",
    "lock_images": "spellock.locking.lock_images",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
