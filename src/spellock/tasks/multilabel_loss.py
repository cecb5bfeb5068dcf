"""Losses for K independent yes-or-no outputs: weighted binary cross-entropy, and the asymmetric loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from spellock.errors import ConfigError, DataError

#: In the place of 0, where a focusing below 1, which is a root, has no slope: there 1 - p comes to where p rounds to 1.
_SMALLEST = 1e-12


def asymmetric_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_neg: float = 4.0,
    gamma_pos: float = 1.0,
    clip: float = 0.05,
    positive_weights: Tensor | None = None,
) -> Tensor:
    """Eq. 7 of *Asymmetric Loss For Multi-Label Classification* (Ridnik et al., arXiv 2009.14119), entry by entry.

    For p = sigmoid(logit) and p_m = max(p - clip, 0), a target y costs
    -y (1 - p)^gamma_pos log p - (1 - y) p_m^gamma_neg log(1 - p_m). With both gammas and the clip at 0 it is binary
    cross-entropy.

    Args:
        logits: float (N, K).
        targets: float (N, K) in [0, 1].
        positive_weights: float (K,), factors of the first term; None for 1.

    Returns:
        float (N, K).
    """
    chance = torch.sigmoid(logits)
    # Two ways to the same logarithm: log(1 - p) of a large logit would be -inf where p rounds to 1.
    certain = -F.softplus(-logits)
    shifted = (chance - clip).clamp(min=_SMALLEST)
    other = -F.softplus(logits) if clip == 0 else torch.log1p(-shifted.clamp(max=1 - 1e-7))
    positive = targets * (1 - chance).clamp(min=_SMALLEST).pow(gamma_pos) * certain
    if positive_weights is not None:
        positive = positive * positive_weights
    negative = (1 - targets) * shifted.pow(gamma_neg) * other
    return -(positive + negative)


@dataclass(frozen=True, kw_only=True)
class MultiLabelLoss:
    """What a multi-label model of K outputs learns by; the mean over images and outputs.

    Attributes:
        one_class: whether an image has exactly one class, so that an answer is a distribution over them.
        num_classes: K, extra label included.
        asymmetric: gamma_neg, gamma_pos and clip of the asymmetric loss; None for binary cross-entropy.
        positive_weights: factor of the positive term of each output; empty for 1.

    Raises:
        ConfigError: a value is out of range.
    """

    one_class: ClassVar[bool] = False

    num_classes: int
    asymmetric: tuple[float, float, float] | None = None
    positive_weights: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.num_classes < 1:
            raise ConfigError(f"got {self.num_classes} findings, expected at least 1")
        if self.positive_weights and len(self.positive_weights) != self.num_classes:
            raise ConfigError(f"got {len(self.positive_weights)} weights for {self.num_classes} outputs, one each")

    def identity(self) -> dict[str, object]:
        """Settings as JSON gives them back; a checkpoint of others is not continued."""
        asymmetric = None if self.asymmetric is None else list(self.asymmetric)
        return {"asymmetric": asymmetric, "positive_weights": list(self.positive_weights)}

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss over the batch and the outputs.

        Args:
            logits: float (N, K).
            targets: float (N, K) in [0, 1].

        Raises:
            DataError: logits or targets have another width than the task has outputs.
        """
        if logits.shape[-1] != self.num_classes or targets.shape != logits.shape:
            raise DataError(
                f"got logits {tuple(logits.shape)} and targets {tuple(targets.shape)}, expected (N, {self.num_classes})"
            )
        logits, targets = logits.float(), targets.float()
        weights = logits.new_tensor(self.positive_weights) if self.positive_weights else None
        if self.asymmetric is None:
            return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
        gamma_neg, gamma_pos, clip = self.asymmetric
        return asymmetric_loss(
            logits, targets, gamma_neg=gamma_neg, gamma_pos=gamma_pos, clip=clip, positive_weights=weights
        ).mean()

    def imitation(self, logits: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
        """Mean binary cross-entropy between the softened answers of a teacher and a student, each output for itself.

        Neither the weights of positives nor the asymmetric loss appear: the teacher has learnt with them, so they are
        in its answers already.

        Args:
            logits: the student's, float (N, R), of the findings that the teacher knows.
            teacher: float (N, R).
            temperature: T above 0, by which both are divided.
        """
        return F.binary_cross_entropy_with_logits(
            logits.float() / temperature, (teacher.float() / temperature).sigmoid()
        )
