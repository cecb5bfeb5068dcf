"""Whole weight locks by name: what is selected, what stands in its place, and how the key holds its values."""

from __future__ import annotations

from typing import Final

from spellock.weightlocks.lock_config import DEFAULT, WeightLockConfig
from spellock.weightlocks.select_config import PRESETS as SELECTIONS
from spellock.weightlocks.value_coding import EXACT

#: The first two are this project's. What CoreLocker leaves is nothing, and AdaLoc's code builds on it; both keep
#: values as they are.
PRESETS: Final = {
    "default": DEFAULT,
    "delta": WeightLockConfig(select=SELECTIONS["delta"], fill="public", coding="int4-delta"),
    **{
        name: WeightLockConfig(select=SELECTIONS[name], fill="zero", coding=EXACT)
        for name in ("adaloc", "adaloc-text", "corelocker")
    },
}
