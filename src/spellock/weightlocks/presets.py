"""Whole weight locks by name: what is selected, what stands in its place, and how the key holds its values."""

from __future__ import annotations

from typing import Final

from spellock.weightlocks.lock_config import DEFAULT, WeightLockConfig
from spellock.weightlocks.select_config import PRESETS as SELECTIONS
from spellock.weightlocks.value_coding import EXACT

#: The default is this project's. What CoreLocker leaves is nothing, and AdaLoc's code builds on it; both keep values.
PRESETS: Final = {
    "default": DEFAULT,
    **{
        name: WeightLockConfig(select=SELECTIONS[name], fill="zero", coding=EXACT)
        for name in ("adaloc", "adaloc-text", "corelocker")
    },
}
