"""Confinement in Hugging Face's `Trainer`: pass the callback, and training stays inside the key."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from spellock.errors import ConfigError
from spellock.weightlocks.confine import Confinement
from spellock.weightlocks.weight_key import WeightKey


class ConfineCallback(TrainerCallback):
    """Confines every step to ``key``; after training `new_key` is the key of the next version.

    Args:
        key: of the keyed model; the model to train must be unlocked with it.
        rounded_from: after which share of the steps a key of 4 bits learns on what it can hold, in [0, 1]; see
            `spellock.weightlocks.confine.confine`.

    Raises:
        ConfigError: ``rounded_from`` is not in its range; when training begins, the key does not fit the model.
        ModelError: when training begins, the model differs from the keyed one outside the key.
    """

    def __init__(self, key: WeightKey, *, rounded_from: float = 0.0) -> None:
        if not 0 <= rounded_from <= 1:
            raise ConfigError(f"rounded_from is {rounded_from}, expected a share of the steps from 0 to 1")
        self.key, self.rounded_from = key, rounded_from
        self._confinement: Confinement | None = None
        self._new: WeightKey | None = None

    @property
    def new_key(self) -> WeightKey:
        """The trained model's key.

        Raises:
            ConfigError: training has not ended.
        """
        if self._new is None:
            raise ConfigError("training has not ended, so there is no new key yet; call trainer.train() first")
        return self._new

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin: ``kwargs`` brings the model and the optimiser."""
        exact_steps = int(self.rounded_from * state.max_steps)
        self._confinement = Confinement(kwargs["optimizer"], self.key, kwargs["model"], exact_steps=exact_steps)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the new key, and let go."""
        if self._confinement is not None:
            self._new = self._confinement.new_key()
            self._confinement.close()
