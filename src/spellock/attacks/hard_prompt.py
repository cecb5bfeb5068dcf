"""Hard prompt (PEZ, Wen et al. 2023, "Hard prompts made easy"): gradients find a prompt that can be typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held, not_negative, one_of, positive
from spellock.attacks.fitting import Plan, fit
from spellock.attacks.guessing import own_secret
from spellock.attacks.inverting import LOSSES, Inversion, inversion_needs
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.hidden import Scalar

_STARTS = ("random", "dictionary")


def nearest(vectors: Tensor, vocabulary: Tensor) -> Tensor:
    """Places (n,) of the rows of ``vocabulary`` (V, D) that are nearest to ``vectors`` (n, D)."""
    return torch.cdist(vectors.detach(), vocabulary).argmin(dim=1)


def projected(vectors: Tensor, vocabulary: Tensor) -> tuple[Tensor, Tensor]:
    """Algorithm 1's step: nearest tokens (n,), and their vectors (n, D) whose gradient goes to ``vectors`` as it is."""
    tokens = nearest(vectors, vocabulary)
    return tokens, vocabulary[tokens] + (vectors - vectors.detach())


class _Words(nn.Module):
    """The continuous vectors, and the prompts of lowest cost that they passed."""

    tokens: Tensor
    costs: Tensor

    def __init__(self, vectors: Tensor, kept: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(vectors.clone())
        self.register_buffer("tokens", torch.zeros(kept, len(vectors), dtype=torch.long))
        self.register_buffer("costs", torch.full((kept,), torch.inf))

    def note(self, tokens: Tensor, cost: float) -> None:
        same = (self.tokens == tokens).all(1) & self.costs.isfinite()
        if bool(same.any()):
            # A batch's cost is partly luck, so a prompt that is passed again counts with the mean of both.
            self.costs[same] = (self.costs[same] + cost) / 2
            return
        worst = int(self.costs.argmax())
        if cost < float(self.costs[worst]):
            self.tokens[worst], self.costs[worst] = tokens, cost


@register_attack("hard-prompt")
@dataclass(frozen=True, kw_only=True)
class HardPrompt(Attack):
    """p <- p - rate * gradient at Proj(p) of how badly it explains the leaks; Proj to the vocabulary's nearest vectors.

    The best prompts passed are judged again on the same images and noise, and come back as keys: the prompt is the
    whole text, since behind the owner's prompt there may be a string of the secret's. A weave is read off the leaked
    images (`spellock.attacks.woven`).

    Attributes:
        pairs: with the raw versions of the leaked images; without, statistics of all leaked images are matched.
        loss: of pairs, ``denoising`` or ``pixels`` (one step of the sampler); see `Inversion.cost`.
        length: tokens of the prompt.
        start: ``random`` tokens, or the best of a ``dictionary``, cut or filled with random tokens to ``length``.
        steps, batch_size, learning_rate, weight_decay: of AdamW, at a constant rate.
        keep: prompts given back.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = {"": {}, "unpaired": {"pairs": False}}
    pairs: bool = True
    loss: str = "denoising"
    length: int = 16
    start: str = "random"
    steps: int = 300
    batch_size: int = 8
    learning_rate: float = 0.5
    weight_decay: float = 0.0
    keep: int = 5

    def __post_init__(self) -> None:
        one_of("loss", self.loss, LOSSES)
        one_of("start", self.start, _STARTS)
        positive(length=self.length, steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)
        positive(keep=self.keep)
        not_negative(weight_decay=self.weight_decay)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return inversion_needs(pairs=self.pairs)

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`; the prompt that explains most comes first."""
        check_needs(view, self.needs)
        clock = view.clock
        task = Inversion.of(view, pairs=self.pairs, loss=self.loss)
        vocabulary = task.soft.vocabulary
        draws = np.random.default_rng([view.seed, 0x68617264])
        tokens = torch.from_numpy(draws.integers(len(vocabulary), size=self.length))
        if self.start == "dictionary":
            first = task.best_start(clock.part(2))[: self.length]
            tokens[: len(first)] = first
        words = _Words(vocabulary[tokens], kept=4 * self.keep)

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            chosen, vectors = projected(words.vectors, vocabulary)
            generator = torch.Generator().manual_seed(int(draws.integers(2**31)))
            cost = task.cost(task.soft.states(chosen, vectors), batch, generator)
            words.note(chosen, float(cost.detach()))
            return cost

        done = fit(
            words,
            [words.vectors],
            loss,
            images=len(task.raw),
            plan=Plan(
                steps=view.budget.at_most("steps", self.steps),
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                optimizer="adamw",
                weight_decay=self.weight_decay,
                schedule="constant",
                checkpoint_every=50,
            ),
            seed=view.seed,
            clock=clock,
            checkpoint=None if work is None else work / "hard_prompt.safetensors",
            label=f"hard prompt for {len(held(view.edited))} edited images",
        )
        ranked = []
        for number in torch.argsort(words.costs).tolist()[: view.budget.at_most("candidates", 4 * self.keep)]:
            if words.costs[number].isfinite():
                # As the editor would read it: a text may be cut into other tokens than it was put together from.
                text = task.soft.prompt(words.tokens[number])
                states = task.soft.states(task.soft.tokens(text)).detach()
                ranked.append((task.score(states), number, text, states))
        ranked.sort(key=lambda one: one[:2])
        return [
            task.stolen(
                states,
                name=f"rank {place}",
                found={"steps": done, "score": score},
                guess=held(view.editor).bare(text, own_secret(view.seed)),
            )
            for place, (score, _, text, states) in enumerate(ranked[: self.keep], 1)
        ]
