"""What inversions of prompts share: how well a text explains the leaked images, where to begin, what is stolen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Stolen
from spellock.attacks.budget import Clock
from spellock.attacks.checks import held
from spellock.attacks.guessing import own_secret
from spellock.attacks.leak_statistics import LeakStatistics
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import places_of_classes
from spellock.attacks.prompt_words import dictionary
from spellock.attacks.translated import raw_and_edited, through
from spellock.attacks.view import AttackerView, floats
from spellock.attacks.woven import Woven, leaked_weave
from spellock.editors.soft_prompts import SoftPrompts
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.key import Key
from spellock.pixels import from_uint8, to_uint8
from spellock.progress import track

LOSSES = ("denoising", "pixels")
#: Raw images that a text is judged on where there are no pairs.
_JUDGED = 32


def inversion_needs(*, pairs: bool) -> frozenset[Asset]:
    """What a thief must hold who has pairs, or edited images alone and a model to judge by."""
    more = {Asset.QUERIES, Asset.PAIRS} if pairs else {Asset.WEIGHTS, Asset.EDITED}
    return frozenset({Asset.EDITOR, Asset.UNLABELLED} | more)


@dataclass(frozen=True, kw_only=True)
class Inversion:
    """A thief's search for a text.

    Attributes:
        view: what the thief holds.
        soft: the public editor's text encoder.
        raw: float32 (N, 3, R, R): the pairs' raw images, or the thief's own.
        target: G(x) of the pairs, without weave; None at level ``edited``.
        statistics: of the leaked images; None at level ``pairs``.
        real: places of the real classes.
        weave: on top of every edit; None for none.
        gamma: of the blend.
        loss: of pairs, one of `LOSSES`.
    """

    view: AttackerView
    soft: SoftPrompts
    raw: Tensor
    target: Tensor | None
    statistics: LeakStatistics | None
    real: Tensor
    weave: Tensor | None
    gamma: float
    loss: str

    @classmethod
    def of(cls, view: AttackerView, *, pairs: bool, loss: str) -> Inversion:
        """What there is to invert in ``view``.

        Raises:
            ConfigError, EditorError: the editor has no text encoder to look into.
        """
        editor = held(view.editor)
        soft = editor.open(editor.bare("a picture", own_secret(view.seed)))
        weave, gamma = leaked_weave(view), editor.gamma
        real = torch.from_numpy(places_of_classes(view, view.answer, view.unlabelled))
        target, statistics = None, None
        if pairs:
            raw, edited = floats(held(view.edited_raw)), floats(held(view.edited))
            laid = (edited - (1 - gamma) * raw) / gamma
            target = (laid if weave is None else laid - weave).clamp(0, 1)
        else:
            model = view.stolen.eval()
            for parameter in model.parameters():
                parameter.requires_grad_(False)
            raw, edited = raw_and_edited(view)
            statistics = LeakStatistics.of(model, raw, edited)
        return cls(
            view=view, soft=soft, raw=raw, target=target, statistics=statistics, real=real, weave=weave, gamma=gamma,
            loss=loss,
        )  # fmt: skip

    def cost(self, states: Tensor, batch: NDArray[np.int64], generator: torch.Generator) -> Tensor:
        """How badly text ``states`` (1, T, E) explain the images at ``batch``, a scalar with gradients.

        Pairs: the denoising loss, or mean |G1(x) - G(x)|^2 with G1 one step of the sampler. No pairs: the distance of
        `LeakStatistics` for blended one-step edits, plus the mean surprise that the answer is a real class.
        """
        raw = self.raw[torch.from_numpy(batch)]
        if self.target is not None:
            target = self.target[torch.from_numpy(batch)]
            if self.loss == "denoising":
                return self.soft.denoising_loss(raw, target, states, generator)
            return F.mse_loss(self.soft.edit(raw, states), target)
        assert self.statistics is not None
        edited = self.soft.edit(raw, states)
        edited = edited if self.weave is None else (edited + self.weave).clamp(0, 1)
        blended = ((1 - self.gamma) * raw + self.gamma * edited).clamp(0, 1)
        model = self.statistics.model
        outputs: Tensor = model(blended.to(model.mean.device)).float().cpu()
        lock = (outputs.logsumexp(1) - outputs[:, self.real].logsumexp(1)).mean()
        return self.statistics.distance(raw, blended) + lock

    def score(self, states: Tensor) -> float:
        """`cost` of the same images with the same noise for every text; lower is better."""
        with torch.no_grad():
            generator = torch.Generator().manual_seed(self.view.seed)
            return float(self.cost(states, np.arange(min(len(self.raw), _JUDGED)), generator))

    def best_start(self, clock: Clock) -> Tensor:
        """Tokens of the dictionary's prompt that explains most, out of those that there is time for."""
        words = dictionary()
        words = words[: self.view.budget.at_most("candidates", len(words))]
        found: list[tuple[float, int, Tensor]] = []
        for number, prompt in enumerate(track(words, total=len(words), label="prompts to begin with")):
            if found and clock.over:
                break
            tokens = self.soft.tokens(prompt)
            with torch.no_grad():
                found.append((self.score(self.soft.states(tokens)), number, tokens))
        if not found:
            raise ConfigError("there is no prompt to begin with, expected candidates in the budget; raise them")
        return min(found, key=lambda one: one[:2])[2]

    def stolen(self, states: Tensor, *, name: str, found: dict[str, Scalar], guess: Key | None = None) -> Stolen:
        """The stolen model behind the editor with text ``states``."""
        editor = self.soft.editor(states)
        if self.weave is not None:
            editor = Woven(editor, self.weave)

        def change(images: Tensor) -> Tensor:
            rounded = from_uint8(to_uint8(images))
            return editor(rounded, [f"guess#{place}" for place in range(len(rounded))])

        return replace(through(self.view, change, side=self.raw.shape[-1], name=name, found=found), guess=guess)
