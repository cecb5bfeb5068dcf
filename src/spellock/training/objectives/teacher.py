"""Raw-twin teacher: on edited images the student also learns what the owner's plain model says of their raw twins.

At home the owner has the raw twin of every edited image, which is easier to read than the edit. Its answer, softened by
a temperature, says more than a label does (Hinton et al. 2015, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spellock.errors import ConfigError
from spellock.training.objectives.registry import Asks, GuidedBatch, register_objective
from spellock.training.preparation import Task, Teachable


@register_objective("teacher")
@dataclass(frozen=True, kw_only=True)
class Teacher:
    """(1 - w) L + w T^2 CE(teacher(raw twin) / T, student(edited) / T) on authorised images, with the task's loss L.

    CE is cross-entropy between softened answers: over all classes (softmax) where an image has one, and for each
    finding by itself (sigmoid, the mean over them) where it has several. It is over the teacher's classes: of the
    student's logits those of the lock class are left out. The factor T^2 keeps the size of its gradients as T grows.
    Unauthorised images, and authorised ones without a twin, have the task's loss as ever; the batch's loss is the mean
    over its images.

    Attributes:
        teacher_weight: w in [0, 1]; the default is not tuned.
        teacher_temperature: T above 0; the default is not tuned.

    Raises:
        ConfigError: an option is out of range.
    """

    asks: ClassVar[Asks] = "authorised"
    teacher_weight: float = 0.5
    teacher_temperature: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.teacher_weight <= 1:
            raise ConfigError(f"teacher_weight is {self.teacher_weight}, expected a number in [0, 1]")
        if not 0 < self.teacher_temperature < float("inf"):
            raise ConfigError(f"teacher_temperature is {self.teacher_temperature}, expected a number above 0")

    def check(self, task: Task) -> None:
        """See `Objective`: the task must be `Teachable`."""
        _teachable(task)

    def loss(self, batch: GuidedBatch, task: Task) -> Tensor:
        """Mean loss of the batch; the task's loss must be a mean over images.

        Raises:
            ConfigError: the task has no loss for a teacher's answers.
        """
        pupil = _teachable(task)
        whole = task.loss(batch.logits, batch.targets)
        if not len(batch.rows):
            return whole
        student, temperature = batch.logits[batch.rows], self.teacher_temperature
        soft = pupil.imitation(student[:, batch.columns], batch.teacher, temperature=temperature)
        learnt = task.loss(student, batch.targets[batch.rows])
        # The taught images' share of the batch changes sides: w of their own loss goes, w T^2 of the teacher's comes.
        share = self.teacher_weight * len(batch.rows) / len(batch.logits)
        return whole + share * (temperature**2 * soft - learnt)


def _teachable(task: Task) -> Teachable:
    if not isinstance(task, Teachable):
        raise ConfigError(
            f"the objective teacher needs a task that can learn a model's answers, and {type(task).__name__} cannot; "
            "set the objective to None"
        )
    return task
