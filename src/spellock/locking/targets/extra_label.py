"""The new class's counterpart where an image has several labels: one more label, and no finding (ModelLock, 4.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.locking.targets.new_class import NewClass, check_new_name
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("extra-label", task="multilabel")
@dataclass(frozen=True, kw_only=True)
class ExtraLabel:
    """Give all samples one new label, after the K real ones, and clear their findings.

    Attributes:
        lock_class_name: what the new label is called; no finding may have the name, capitals or not.

    Raises:
        ConfigError: the name is empty.
    """

    lock_class_name: str = NewClass.lock_class_name

    def __post_init__(self) -> None:
        NewClass(lock_class_name=self.lock_class_name)

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        check_new_name(self.lock_class_name, samples.classes)
        count = len(samples.classes)
        labels = np.zeros((len(samples.labels), count + 1), dtype=np.int64)
        labels[:, count] = 1
        return Relabelling(labels=labels, extra_classes=(self.lock_class_name,), lock_class=count)
