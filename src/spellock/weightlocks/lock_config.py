"""Settings of a weight lock: which weights, what stands in their place, and how the key holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from spellock.errors import ConfigError
from spellock.weightlocks.fills import make_fill
from spellock.weightlocks.select_config import PRESETS as SELECTIONS
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.value_coding import EXACT, check_coding


@dataclass(frozen=True, kw_only=True)
class WeightLockConfig:
    """Settings of a weight lock.

    Attributes:
        select: which weights are the key.
        fill: registry name of what stands in their place.
        customer: whom this keyed model is for; another name gives another fill. Empty: the same for all.
        coding: how the key holds its values: rounded to "int8" or "int4", for a key of about a quarter or an eighth of
            the size for 32-bit weights, where the opened model has the rounded values; "int8-delta" or "int4-delta"
            for what they differ by from the public model's; or "exact".

    Raises:
        ConfigError: fill or coding are unknown, the coding holds deltas and the fill is not "public", the customer's
            name is longer than 200 characters, or there is one with the fill "zero", which gives all customers the same
            model.
    """

    select: SelectConfig = field(default_factory=SelectConfig)
    fill: str = "gaussian"
    customer: str = ""
    coding: str = EXACT

    def __post_init__(self) -> None:
        make_fill(self.fill)
        check_coding(self.coding)
        if self.coding.endswith("-delta") and self.fill != "public":
            raise ConfigError(
                f"got the coding {self.coding} with the fill {self.fill}; differences to {self.fill} values are no "
                f"smaller than the weights; take the fill public, or the coding {self.coding.removesuffix('-delta')}"
            )
        if len(self.customer) > 200:
            raise ConfigError(
                f"the customer's name has {len(self.customer)} characters, expected at most 200; shorten it"
            )
        if self.customer and self.fill == "zero":
            raise ConfigError(
                "got a customer's name with the fill zero, which gives all customers the same model; take the fill "
                "gaussian or shuffled, or leave the name out"
            )


#: What is locked by where nothing else is said: a small key that learns nearly what the whole model would.
DEFAULT: Final = WeightLockConfig(select=SELECTIONS["default"], coding="int8")
