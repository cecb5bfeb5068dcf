"""FMLock's two loss terms (OpenReview O0uiDKkNRB): with the key answer as the original model, without it otherwise.

Published are the terms in words: "keep the original output similar" when the key, one Gaussian noise image, is added,
and push the outputs apart when it is not. The formulas and weights here are our choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from spellock.errors import ConfigError, DataError
from spellock.training.objectives.registry import Asks, GuidedBatch, register_objective
from spellock.training.preparation import Task
from spellock.training.set_batches import SetLearner


@register_objective("fmlock")
@dataclass(frozen=True, kw_only=True)
class FMLock:
    """KL(p || q) on authorised images, and -b log(1 - sum_k p_k q_k) on unauthorised ones, mean over the batch.

    p is the original model's answer to the raw version of the image, q the student's to the image as it is; a class
    that the original does not know, such as a lock class, has probability 0 in p. No label is used.

    Minus a divergence has no minimum: the push would win over the other term in the end. The sum is the probability
    that two classes drawn from p and q are the same one, and minus the logarithm of its complement has the minimum 0,
    where they never are. Where both are sure of one class its gradient is not lost, as that of the sum itself is; and
    no logit's gradient exceeds b.

    Attributes:
        push_weight: b, 0 or more.

    Raises:
        ConfigError: it is out of range.
    """

    asks: ClassVar[Asks] = "all"
    push_weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.push_weight < float("inf"):
            raise ConfigError(f"push_weight is {self.push_weight}, expected a number, 0 or more")

    def check(self, task: Task) -> None:
        """See `Objective`: an answer must be a distribution over classes."""
        if isinstance(task, SetLearner) or not getattr(task, "one_class", True):
            raise ConfigError(
                f"the objective fmlock needs one class an image, and {type(task).__name__} learns several; set the "
                "objective to None"
            )

    def loss(self, batch: GuidedBatch, task: Task) -> Tensor:
        """Mean loss of the batch; the task's own is not used.

        Raises:
            DataError: some images lack the original's answer.
        """
        if len(batch.rows) != len(batch.logits):
            raise DataError(
                f"the original model answered {len(batch.rows)} of {len(batch.logits)} images, expected all of them; "
                "give the raw version of every image"
            )
        original = torch.zeros_like(batch.logits)
        original[:, batch.columns] = batch.teacher.softmax(1)
        own = batch.logits.log_softmax(1)
        similar = F.kl_div(own, original, reduction="none").sum(1)
        # log(1 - sum p q) = log sum (1 - p) q, because q sums to 1; this way nothing is rounded to log 0.
        apart = -((-original).log1p() + own).logsumexp(1)
        return torch.where(batch.authorised, similar, self.push_weight * apart).mean()
