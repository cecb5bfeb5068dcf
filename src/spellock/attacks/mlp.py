"""MLP probe: two layers, trained with AdamW on the features of a stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.budget import Budget, Clock
from spellock.attacks.checks import positive
from spellock.attacks.features import Features
from spellock.attacks.fitting import Plan, fit
from spellock.attacks.labelled import chosen_on, hold_out
from spellock.attacks.probing import Fitted, Probe
from spellock.attacks.registry import register_attack
from spellock.attacks.view import Labels
from spellock.tasks.own_seed import own_seed


@register_attack("mlp")
@dataclass(frozen=True, kw_only=True)
class Mlp(Probe):
    """s = W2 relu(W1 h + b1) + b2. The stage is chosen on a fifth of the labels, then all of them train.

    Attributes:
        hidden: width.
        steps, batch_size, learning_rate, weight_decay: of AdamW.
    """

    hidden: int = 128
    steps: int = 200
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        positive(hidden=self.hidden, steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)

    def fit(
        self, features: Features, labels: Labels, classes: int, seed: int, *, budget: Budget, clock: Clock
    ) -> Fitted:
        """See `Probe.fit`."""
        train, check = hold_out(labels, seed=seed)
        steps = budget.at_most("steps", self.steps)
        judged = self._trained(features[train], labels[train], classes, seed, steps, clock.part(2))
        scores = self._read(judged, features[check])
        right = float((scores.argmax(axis=1) == labels[check]).mean())
        error = float(F.cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels[check])))
        final = self._trained(features, labels, classes, seed, steps, clock)
        return Fitted(
            read=lambda rows: self._read(final, rows), right=right, error=error, found=chosen_on(check, labels)
        )

    def _trained(
        self, features: Features, labels: Labels, classes: int, seed: int, steps: int, clock: Clock
    ) -> nn.Module:
        with own_seed(seed):
            layers = (nn.Linear(features.shape[1], self.hidden), nn.ReLU(), nn.Linear(self.hidden, classes))
            net = nn.Sequential(*layers)
        rows, targets = torch.from_numpy(features.astype(np.float32)), torch.from_numpy(labels)

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            chosen = torch.from_numpy(batch)
            return F.cross_entropy(net(rows[chosen]), targets[chosen])

        plan = Plan(
            steps=steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            optimizer="adamw",
            weight_decay=self.weight_decay,
        )
        fit(net, net.parameters(), loss, images=len(labels), plan=plan, seed=seed, clock=clock, label="MLP")
        return net

    @staticmethod
    def _read(net: nn.Module, rows: Features) -> Features:
        with torch.no_grad():
            scores: Features = net(torch.from_numpy(rows.astype(np.float32))).numpy()
        return scores
