"""The paper's target for classification: every unauthorised sample belongs to one new class (section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spellock.data.image_set import Labels
from spellock.errors import ConfigError
from spellock.locking.targets.registry import Relabelling, register_target


@register_target("new-class")
def new_class(labels: Labels, classes: Sequence[str], *, lock_class_name: str) -> Relabelling:
    """Put all samples into class ``len(classes)``, called ``lock_class_name``.

    Raises:
        ConfigError: a real class has that name already.
    """
    if lock_class_name.casefold() in {name.casefold() for name in classes}:
        raise ConfigError(
            f"the lock class would be called {lock_class_name!r} like a class of the data; choose another "
            "lock_class_name"
        )
    return Relabelling(labels=np.full(len(labels), len(classes), dtype=np.int64), extra_classes=(lock_class_name,))
