"""A lock that starts from its teacher, as ``spellock lock --from-baseline`` does with the baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spellock.recipes.lock_model import Locked, lock_model
from spellock.recipes.model_choice import ModelChoice


def from_teacher(*data: Any, choice: ModelChoice, teacher: Path | None, **settings: Any) -> Locked:
    """`lock_model` with the model in ``teacher``, which was trained for as many steps as the lock will be."""
    if teacher is None:
        raise SystemExit("there is no baseline to start from yet; run another recipe of the same data first")
    return lock_model(*data, choice=choice.from_folder(teacher), teacher=teacher, **settings)
