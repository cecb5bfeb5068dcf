"""Single-label classification: loss, lock class and accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from spellock.errors import ConfigError, DataError


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What a classifier learns and how well it does.

    Attributes:
        num_classes: width of the logits, lock class included.
        lock_class: index of the class that unauthorised inputs are sent to; None where there is none.
        label_smoothing: share of the probability spread evenly over all classes, in [0, 1).
    """

    num_classes: int
    lock_class: int | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.num_classes < 2:
            raise ConfigError(f"got {self.num_classes} classes, expected at least 2; one class says nothing")
        if self.lock_class is not None and not 0 <= self.lock_class < self.num_classes:
            raise ConfigError(f"got lock class {self.lock_class}, expected 0 to {self.num_classes - 1}")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ConfigError(f"got label smoothing {self.label_smoothing}, expected a number in [0, 1)")

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy over the batch, the L of Eq. 2 of ModelLock.

        The mean over a batch with share s of unauthorised images is (1 - s) times the learning task plus s times the
        locking task; with s = 0.5 it is Eq. 2 itself, halved.

        Args:
            logits: float (N, K).
            targets: labels, int64 (N,), or probabilities, float (N, K).

        Raises:
            DataError: the logits have another width than the task has classes.
        """
        if logits.shape[-1] != self.num_classes:
            raise DataError(
                f"got logits of {logits.shape[-1]} classes, expected {self.num_classes}; "
                "create the model with the task's number of classes"
            )
        return F.cross_entropy(logits.float(), targets, label_smoothing=self.label_smoothing)

    def accuracy(self, logits: Tensor, labels: Tensor) -> float:
        """Share of (N, K) logits whose largest entry is at the label (N,), lock class included; in [0, 1]."""
        return float((logits.argmax(1) == labels).double().mean())
