"""How much a function without weights can stretch a difference, and a value.

For f: ||f(x) - f(y)|| <= lipschitz ||x - y||, and ||f(x)|| <= growth ||x|| + offset sqrt(numbers in f(x)). Growth can
be smaller than the Lipschitz constant: GELU stretches differences by 1.13, but never makes a value larger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Arguments = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What a function without weights can do to a difference and to a value."""

    lipschitz: float = 1.0
    growth: float = 1.0
    offset: float = 0.0


def same(factor: float) -> Stretch:
    """A linear function of this norm."""
    return Stretch(lipschitz=factor, growth=factor)
