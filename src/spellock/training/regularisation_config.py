"""Settings of the parts of locked fine-tuning beside the objective: regularisers, and how gradients are combined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spellock.errors import ConfigError

# Importing it registers the combination.
from spellock.training import projection as projection
from spellock.training.combination import Combination, make_combination
from spellock.training.regularisers import Regulariser, make_regulariser, regulariser_options, whose_option

#: Fields that are options of regularisers; each regulariser knows its own.
_OPTIONS: Final = ("anchor_weight", "blind_weight", "probe_weight", "probe_fourier", "unlikelihood_weight")


@dataclass(frozen=True, kw_only=True)
class RegularisationConfig:
    """What is minimised beside the objective, and how the gradients of both sides become one step.

    Attributes:
        regularisers: regularisers by registry name, each once: anchor, probe, unlikelihood; empty for
            none.
        anchor_weight: option of the regulariser anchor: weight of staying at the start weights' features on raw
            images, 0 or more; None takes the regulariser's own.
        blind_weight: option of the regulariser anchor: weight of the head's blindness to the classes of raw images,
            0 or more; None takes the regulariser's own.
        probe_weight: option of the regulariser probe: weight of what fresh readers find at the stages, 0 or more; None
            takes the regulariser's own.
        probe_fourier: option of the regulariser probe: random features of its reader that is not linear, 0 for none;
            None takes the regulariser's own.
        unlikelihood_weight: option of the regulariser unlikelihood: weight of the true classes' probability above
            chance, 0 or more; None takes the regulariser's own.
        combination: sum, or projection: the lock's gradient without what works against the task's.
        task_loss_limit: option of the combination projection: what the loss on authorised images may be, above 0; the
            lock's weight rises while it is less and falls while it is more; None keeps the weight at 1.

    Raises:
        ConfigError: there is no such regulariser or combination, one is named twice, or an option is out of range or of
            one that is not used.
    """

    regularisers: tuple[str, ...] = ()
    anchor_weight: float | None = None
    blind_weight: float | None = None
    probe_weight: float | None = None
    probe_fourier: int | None = None
    unlikelihood_weight: float | None = None
    combination: str = "sum"
    task_loss_limit: float | None = None

    def __post_init__(self) -> None:
        if len(set(self.regularisers)) < len(self.regularisers):
            raise ConfigError(f"got the regularisers {', '.join(self.regularisers)}, expected each once")
        self.make()
        self.make_combination()

    def make(self) -> tuple[Regulariser, ...]:
        """The regularisers with their options."""
        options = {name: getattr(self, name) for name in _OPTIONS if getattr(self, name) is not None}
        known = {name: regulariser_options(name) for name in self.regularisers}
        for option in options:
            if not any(option in names for names in known.values()):
                raise ConfigError(
                    f"got {option}, but no regulariser in use has it ({whose_option(option)}); name that one too"
                )
        return tuple(
            make_regulariser(name, {option: value for option, value in options.items() if option in names})
            for name, names in known.items()
        )

    def make_combination(self) -> Combination:
        """The combination with its options."""
        options = {} if self.task_loss_limit is None else {"task_loss_limit": self.task_loss_limit}
        return make_combination(self.combination, options)
