"""What a fine-tuning run gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spellock.training.run_state import RunState


@dataclass(frozen=True, kw_only=True)
class FinetuneResult:
    """How a run went.

    Attributes:
        best_epoch: epoch (from 1) whose weights the model has now.
        best_score: its validation score; None without validation.
        rule: how that epoch was chosen.
        history: the log, a row an epoch.
        seconds: spent by this call, without epochs done before a resume.
        resumed_from: epochs that were done before.
        folder: where log, configuration and checkpoints lie.
    """

    best_epoch: int
    best_score: float | None
    rule: str
    history: tuple[Mapping[str, float], ...]
    seconds: float
    resumed_from: int
    folder: Path

    @classmethod
    def of(
        cls, state: RunState, *, epochs: int, select: str, seconds: float, resumed_from: int, folder: Path
    ) -> FinetuneResult:
        """The result of a run that ended in ``state`` after ``epochs``, its best epoch chosen by the score ``select``,
        or the last one where none was judged."""
        return cls(
            best_epoch=state.best_epoch or epochs,
            best_score=state.best_score,
            rule=f"highest validation {select}, the earlier epoch of equals" if state.best_epoch else "the last epoch",
            history=tuple(state.history),
            seconds=seconds,
            resumed_from=resumed_from,
            folder=folder,
        )
