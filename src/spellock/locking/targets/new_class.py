"""The paper's target for classification: every unauthorised sample belongs to one new class (section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spellock.errors import ConfigError
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("new-class")
@dataclass(frozen=True, kw_only=True)
class NewClass:
    """Put all samples into class K, after the K real ones.

    Attributes:
        lock_class_name: what the new class is called; no real class may have the name, capitals or not.

    Raises:
        ConfigError: the name is empty.
    """

    lock_class_name: str = "other"

    def __post_init__(self) -> None:
        if not self.lock_class_name.strip():
            raise ConfigError("lock_class_name is empty, expected a name such as 'other'")

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        check_new_name(self.lock_class_name, samples.classes)
        place = len(samples.classes)
        return Relabelling(
            labels=np.full(len(samples.labels), place, dtype=np.int64),
            extra_classes=(self.lock_class_name,),
            lock_class=place,
        )


def check_new_name(name: str, classes: Sequence[str]) -> None:
    """Check that the lock class can be told from the classes of the data.

    Raises:
        ConfigError: one of them is called so, capitals or not.
    """
    if name.casefold() in {other.casefold() for other in classes}:
        raise ConfigError(
            f"the lock class would be called {name!r} like a class of the data; choose another lock_class_name"
        )
