"""Weave inversion: who knows or guesses the prompt looks for the tile by gradients through the stolen model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.budget import Clock
from spellock.attacks.checks import check_needs, held, positive
from spellock.attacks.fitting import Plan, fit_for
from spellock.attacks.guessing import own_secret
from spellock.attacks.guidance import doubt, frozen, locked_part, through_network
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import places_of_classes
from spellock.attacks.prompt_words import dictionary
from spellock.attacks.registry import register_attack
from spellock.attacks.translated import squashed, through
from spellock.attacks.view import AttackerView, floats
from spellock.attacks.woven import Woven
from spellock.editors.weave import CELLS, cells
from spellock.errors import ConfigError
from spellock.pixels import from_uint8, to_uint8
from spellock.progress import track


@register_attack("weave-inversion")
@dataclass(frozen=True, kw_only=True)
class WeaveInversion(Attack):
    """Trigger inversion in the form of the secret: 45 free numbers instead of a mask and a pattern.

    Raw images are edited with each prompt, without the secret's string; on top comes a tile that begins at random and
    is moved until the model answers, surely and variously (the loss of `InputSide`). The try whose loss ends lowest is
    what the thief takes. No labels, no edited image.

    Attributes:
        prompt: the key prompt, where the thief knows it.
        prompts: where he does not, the first so many of the dictionary are tried.
        images: raw images.
        restarts: tiles to begin from, for each prompt.
        steps, batch_size, learning_rate: of Adam.
    """

    prompt: str = ""
    prompts: int = 5
    images: int = 256
    restarts: int = 3
    steps: int = 300
    batch_size: int = 64
    learning_rate: float = 0.05

    def __post_init__(self) -> None:
        positive(
            prompts=self.prompts, images=self.images - 1, restarts=self.restarts, steps=self.steps,
            batch_size=self.batch_size, learning_rate=self.learning_rate,
        )  # fmt: skip

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.EDITOR})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`.

        Raises:
            ConfigError: keys of the public editor have no weave, or there was no time for a single prompt.
        """
        check_needs(view, self.needs)
        editor = held(view.editor)
        strength = float(editor.settings.get("weave", 0.0) or 0.0)
        if not strength:
            raise ConfigError("keys of this editor have no weave, expected one to look for; try prompt-search instead")
        prompts = (self.prompt,) if self.prompt else dictionary()[: self.prompts]
        prompts = prompts[: view.budget.at_most("candidates", len(prompts))]
        own = squashed(floats(view.unlabelled[: self.images]), editor.resolution, resize=editor.resize)
        raw = from_uint8(to_uint8(own))
        places = torch.from_numpy(places_of_classes(view, view.stolen, view.unlabelled))
        real = places.to(view.stolen.mean.device)
        clock, best = view.clock, None
        for number, prompt in enumerate(track(prompts, total=len(prompts), label="prompts under a tile")):
            if clock.over:
                break
            key = editor.bare(prompt, own_secret(view.seed))
            painter = editor.load(key)
            edited = painter.transform_all(raw, [f"raw#{place}" for place in range(len(raw))])
            for restart in range(self.restarts):
                name = f"tile_{number}_{restart}"
                tile = _Tile(editor.resolution, strength, seed=view.seed + 1009 * restart)
                left = (len(prompts) - number) * self.restarts - restart
                loss = self._fit(view, real, tile, _Blend(editor.gamma, raw, edited), clock.part(left), name, work)
                if best is None or loss < best[0]:
                    best = loss, Woven(painter, tile().detach())
        if best is None:
            raise ConfigError("there was no time for a single prompt, expected seconds for one; raise them")
        loss, thief = best

        def change(images: Tensor) -> Tensor:
            rounded = from_uint8(to_uint8(images))
            return thief(rounded, [f"guess#{place}" for place in range(len(rounded))])

        found = {"prompts": len(prompts), "tries": len(prompts) * self.restarts, "loss": round(loss, 4)}
        return [through(view, change, side=editor.resolution, found=found, real=places)]

    def _fit(
        self,
        view: AttackerView,
        real: Tensor,
        tile: _Tile,
        blend: _Blend,
        clock: Clock,
        name: str,
        work: Path | None,
    ) -> float:
        """Move ``tile``; the loss over all images at the end."""
        model = frozen(view.stolen)

        def loss(batch: NDArray[np.int64], _: object) -> Tensor:
            logits = through_network(model, blend(tile(), torch.from_numpy(batch)))
            return locked_part(logits, real) + doubt(logits, real)

        plan = Plan(steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)
        fit_for(
            view, tile, tile.parameters(), loss, images=len(blend.raw), plan=plan, work=work, name=name,
            label="moving a tile", clock=clock,
        )  # fmt: skip
        with torch.no_grad():
            return float(loss(np.arange(len(blend.raw)), None))


class _Tile(nn.Module):
    """A weave of the public strength: every channel's mean over the tile is 0, the tile's variance 1."""

    def __init__(self, side: int, strength: float, *, seed: int) -> None:
        super().__init__()
        drawn = torch.randn(3, CELLS, CELLS, generator=torch.Generator().manual_seed(seed))
        self.tile, self.side, self.strength = nn.Parameter(drawn), side, strength

    def forward(self) -> Tensor:
        """float32 (3, side, side)."""
        tile = self.tile - self.tile.mean((1, 2), keepdim=True)
        tile = self.strength * tile / tile.square().mean().sqrt().clamp_min(1e-8)
        rows = cells(self.side)
        return tile[:, rows][:, :, rows]


@dataclass(frozen=True)
class _Blend:
    """Eq. 1 with a weave: (1 - gamma) x + gamma clamp(G(x) + weave), for the images at some places."""

    gamma: float
    raw: Tensor
    edited: Tensor

    def __call__(self, weave: Tensor, places: Tensor) -> Tensor:
        woven = (self.edited[places] + weave).clamp(0, 1)
        blended: Tensor = (1 - self.gamma) * self.raw[places] + self.gamma * woven
        return blended
