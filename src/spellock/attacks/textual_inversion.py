"""Textual inversion (Gal et al. 2022): free vectors in the place of a prompt, fitted to leaked edited images."""

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
from spellock.attacks.checks import check_needs, held, one_of, positive
from spellock.attacks.fitting import Plan, fit
from spellock.attacks.inverting import LOSSES, Inversion, inversion_needs
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.hidden import Scalar

_SPACES = ("words", "states")


class _Free(nn.Module):
    def __init__(self, vectors: Tensor) -> None:
        super().__init__()
        self.vectors = nn.Parameter(vectors.clone())


@register_attack("textual-inversion")
@dataclass(frozen=True, kw_only=True)
class TextualInversion(Attack):
    """v = argmin of the denoising loss of the pairs, v read by the editor in the place of a prompt.

    No prompt comes of it, only an editor that paints alike. A weave is read off the leaked images
    (`spellock.attacks.woven`).

    Attributes:
        space: ``words``, the paper's: v are ``vectors`` pseudo-words behind the dictionary's best prompt, and the text
            encoder reads both. ``states``: v is all that the denoiser sees of the text, begun at that prompt; so a
            string of the secret's behind the owner's prompt can be imitated too.
        vectors: pseudo-words; states have the encoder's number.
        pairs: with the raw versions of the leaked images; without, statistics of all leaked images are matched.
        loss: of pairs, ``denoising`` or ``pixels`` (one step of the sampler); see `Inversion.cost`.
        steps, batch_size, learning_rate: of Adam.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = {
        "": {},
        "states": {"space": "states"},
        "states, unpaired": {"space": "states", "pairs": False},
    }
    space: str = "words"
    vectors: int = 4
    pairs: bool = True
    loss: str = "denoising"
    steps: int = 300
    batch_size: int = 8
    learning_rate: float = 0.05

    def __post_init__(self) -> None:
        one_of("space", self.space, _SPACES)
        one_of("loss", self.loss, LOSSES)
        positive(vectors=self.vectors, steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return inversion_needs(pairs=self.pairs)

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        clock = view.clock
        task = Inversion.of(view, pairs=self.pairs, loss=self.loss)
        soft = task.soft
        tokens = task.best_start(clock.part(2))
        known = soft.vocabulary[tokens]
        if self.space == "words":
            # What the encoder makes of the string itself sees the pseudo-words as this token again and again.
            tokens = torch.cat([tokens, tokens[-1:].expand(self.vectors)])
            free = _Free(soft.vocabulary.mean(0).expand(self.vectors, -1))
        else:
            with torch.no_grad():
                free = _Free(soft.states(tokens))

        def states() -> Tensor:
            if self.space == "states":
                return free.vectors
            return soft.states(tokens, torch.cat([known, free.vectors]))

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            return task.cost(states(), batch, torch.Generator().manual_seed(int(draws.integers(2**31))))

        done = fit(
            free,
            free.parameters(),
            loss,
            images=len(task.raw),
            plan=Plan(
                steps=view.budget.at_most("steps", self.steps),
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                checkpoint_every=50,
            ),
            seed=view.seed,
            clock=clock,
            checkpoint=None if work is None else work / "textual_inversion.safetensors",
            label=f"textual inversion of {len(held(view.edited))} edited images",
        )
        with torch.no_grad():
            found = states()
        return [task.stolen(found, name="", found={"steps": done, "score": task.score(found)})]
