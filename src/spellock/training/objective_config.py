"""Settings of the objective of a locked fine-tuning run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spellock.errors import ConfigError
from spellock.training.objectives import Objective, make_objective, whose_option

#: Fields that are options of objectives; each objective knows its own.
_OPTIONS: Final = ("teacher_weight", "teacher_temperature", "push_weight")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What is minimised besides, or instead of, the task's loss.

    Attributes:
        objective: objective by registry name; None: the task's loss alone, without a teacher.
        teacher_weight: option of the objective teacher: the teacher's part of the loss on authorised images, in [0, 1];
            0 is no objective; None takes the objective's own.
        teacher_temperature: option of the objective teacher: softens both answers, above 0; None takes the objective's
            own.
        push_weight: option of the objective fmlock: weight of the term that pushes answers without the key away from
            the original's, 0 or more; None takes the objective's own.

    Raises:
        ConfigError: there is no such objective, or an option is out of range or of another objective.
    """

    objective: str | None = None
    teacher_weight: float | None = None
    teacher_temperature: float | None = None
    push_weight: float | None = None

    def __post_init__(self) -> None:
        self.make()

    def make(self) -> Objective | None:
        """The objective with its options; None where the task's loss alone is minimised."""
        options = {name: getattr(self, name) for name in _OPTIONS if getattr(self, name) is not None}
        if self.objective is None:
            for name in options:
                raise ConfigError(f"got {name} without an objective ({whose_option(name)}); name the objective too")
            return None
        objective = make_objective(self.objective, options)
        # Nothing would be learnt from the teacher, so its answers should cost nothing either.
        return None if self.teacher_weight == 0 else objective
