"""The loss of one step, whole or in the two parts whose sum it is: the task's and the lock's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.errors import ConfigError
from spellock.training.alone import Passes
from spellock.training.combination import Parts
from spellock.training.guide import Guide
from spellock.training.preparation import Task
from spellock.training.sampler import Indices


@dataclass(frozen=True, kw_only=True)
class BatchLoss:
    """What a step's loss is made of.

    Attributes:
        task: whose loss is minimised where there is no guide.
        logits: (B, K).
        targets: int64 (B,) or float (B, K).
        indices: numbers of the batch's images.
        authorised: bool (B,), images that the model shall work on; None where nobody says.
        guide: an objective in the place of the task's loss.
        answers: the teacher's, for the guide's rows of the batch.
        term: of the regularisers.
    """

    task: Task
    logits: Passes
    targets: Tensor
    indices: Indices
    authorised: NDArray[np.bool_] | None = None
    guide: Guide | None = None
    answers: Tensor | None = None
    term: Tensor | None = None

    def whole(self) -> Tensor:
        """Mean over the batch plus the regularisers' term, a scalar."""
        return self._with_term(self._of(np.ones(len(self.indices), dtype=np.bool_)))

    def parts(self) -> Parts:
        """The same in two parts. Objectives and tasks' losses are means over images, so the sum is `whole`.

        Raises:
            ConfigError: nobody says which images are authorised.
        """
        if self.authorised is None:
            raise ConfigError("projection needs to know which images are authorised; pass authorised= (bool, one each)")
        share = float(self.authorised.mean())
        task = share * self._of(self.authorised) if share > 0 else None
        lock = self._with_term((1 - share) * self._of(~self.authorised)) if share < 1 else None
        return Parts(task=task, lock=lock, share=share)

    def _of(self, rows: NDArray[np.bool_]) -> Tensor:
        """Mean over some images of the batch."""
        logits, targets = self.logits.at(rows).float(), self.targets
        if not rows.all():
            targets = targets[torch.from_numpy(rows).to(targets.device)]
        if self.guide is None:
            return self.task.loss(logits, targets)
        answers = self.answers
        if answers is not None and not rows.all():
            answers = answers[torch.from_numpy(rows[self.guide.rows(self.indices)]).to(answers.device)]
        return self.guide.loss(logits, targets, self.indices[rows], answers, self.task)

    def _with_term(self, loss: Tensor) -> Tensor:
        return loss if self.term is None else loss + self.term


@dataclass(frozen=True)
class SetLoss:
    """Loss of a step whose targets are of changing length; it comes from the model as one number."""

    value: Tensor

    def whole(self) -> Tensor:
        """A scalar."""
        return self.value

    def parts(self) -> Parts:
        """There are none.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("a detector's loss comes in one piece, which cannot be split; set combination to sum")
