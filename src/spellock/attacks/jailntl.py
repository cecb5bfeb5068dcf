"""JailNTL (CVPR 2025) without edited images: raw images learn to be answered, and stay what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.base import Attack, Predict, Stolen
from spellock.attacks.checks import check_needs, not_negative, one_of, positive
from spellock.attacks.fitting import Plan, fit_for
from spellock.attacks.guidance import doubt, frozen, locked_part, through_network
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import places_of_classes
from spellock.attacks.registry import register_attack
from spellock.attacks.translated import squashed, through
from spellock.attacks.translator import Net
from spellock.attacks.view import AttackerView, floats
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.tasks.own_seed import own_seed

#: Side of the maps that images are moved along when the model is only asked, and how far they are moved.
_GRID: Final = 8
_STEP: Final = 0.02


@register_attack("jailntl")
@dataclass(frozen=True, kw_only=True)
class JailNTL(Attack):
    """T changes raw images, R undoes it; only T is kept.

    Small, over batches x of raw images: what the model says of T(x), which is the lock class's part and ``confidence``
    and ``balance`` times doubt and imbalance (model-guided, Eq. 9 to 14 there); and what keeps the picture
    (data-intrinsic, Eq. 3), ``feedback`` times |R(T(x) + n) - x| and ``closeness`` times |T(x) - x|, means over pixels.
    n is noise of deviation ``noise``, so that R cannot read the picture out of what no eye sees.

    Attributes:
        model: ``gradients`` of stolen weights, or ``asked``: differences of answers along random smooth
            maps.
        directions: maps an image and step, where the model is asked.
        width, depth: of T and of R.
        steps, batch_size, learning_rate: of Adam.
        confidence, balance, feedback, closeness, noise: see above.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {"": MappingProxyType({}), "asked": MappingProxyType({"model": "asked"})}
    )
    model: str = "gradients"
    directions: int = 4
    width: int = 16
    depth: int = 4
    steps: int = 400
    batch_size: int = 32
    learning_rate: float = 2e-3
    confidence: float = 1.0
    balance: float = 1.0
    feedback: float = 10.0
    closeness: float = 1.0
    noise: float = 0.05

    def __post_init__(self) -> None:
        one_of("model", self.model, ("gradients", "asked"))
        positive(directions=self.directions, width=self.width, depth=self.depth - 1)
        positive(steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)
        not_negative(confidence=self.confidence, balance=self.balance, feedback=self.feedback)
        not_negative(closeness=self.closeness, noise=self.noise)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.QUERIES if self.model == "asked" else Asset.WEIGHTS, Asset.UNLABELLED})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`. Raises `ConfigError` where the queries do not suffice for a step."""
        check_needs(view, self.needs)
        # Answers that are counted are for learning: a batch of them tells the lock class as well as all images do.
        few = view.query is not None and view.query.left is not None
        sample = view.unlabelled[: self.batch_size] if few else view.unlabelled
        real = torch.from_numpy(places_of_classes(view, view.answer, sample))
        side = view.unlabelled.shape[-1] if view.model is None else view.model.input_size
        raw = squashed(floats(view.unlabelled), side)
        if self.model == "gradients":
            real = real.to(frozen(view.stolen).mean.device)
        with own_seed(view.seed):
            both = nn.ModuleList([Net(self.width, self.depth), Net(self.width, self.depth)])
        change, undo = both

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            before = raw[torch.from_numpy(batch)]
            after = change(before).clamp(0, 1)
            hidden = after + self.noise * torch.from_numpy(draws.standard_normal(after.shape, dtype=np.float32))
            if self.model == "gradients":
                told = self.said(through_network(view.stolen, after), real).cpu()
            else:
                told = asked_slope(_answers(view), after, lambda z: self.said(z, real), draws, self.directions)
            return told + self.kept(before, after, undo(hidden))

        steps = fit_for(
            view,
            both,
            both.parameters(),
            loss,
            images=len(raw),
            plan=Plan(steps=self._steps(view), batch_size=self.batch_size, learning_rate=self.learning_rate),
            work=work,
            name="jailntl",
            label="jailbreak without pairs",
        )
        return [through(view, change.eval(), side=side, found={"steps": steps}, real=real)]

    def said(self, logits: Tensor, real: Tensor) -> Tensor:
        """The model-guided part, of outputs (B, K) with the real ones at ``real``."""
        return locked_part(logits, real) + doubt(logits, real, confidence=self.confidence, balance=self.balance)

    def kept(self, before: Tensor, after: Tensor, undone: Tensor) -> Tensor:
        """The data-intrinsic part, of images (B, 3, H, W), T of them, and R of that."""
        return self.feedback * F.l1_loss(undone, before) + self.closeness * F.l1_loss(after, before)

    def _steps(self, view: AttackerView) -> int:
        """Steps that the queries left allow."""
        left = None if self.model == "gradients" or view.query is None else view.query.left
        if left is None:
            return self.steps
        price = min(self.batch_size, len(view.unlabelled)) * (1 + 2 * self.directions)
        if left < price:
            raise ConfigError(f"{left} queries are left, a step of this attack asks {price}; raise queries")
        return min(self.steps, left // price)


def asked_slope(answer: Predict, images: Tensor, cost: Predict, draws: np.random.Generator, directions: int) -> Tensor:
    """A number whose gradient in ``images`` (B, 3, H, W) is an estimate of that of ``cost(answer(images))``.

    The gradient in the answers is exact. How each image's answers move is measured by central differences along
    ``directions`` smooth maps of normal numbers, and scaled so that slow changes of the image keep their weight.
    """
    at = images.detach()
    with torch.enable_grad():
        outputs = answer(at).detach().requires_grad_()
        (inner,) = torch.autograd.grad(cost(outputs), outputs)
    count, channels, height, width = at.shape
    grid = min(_GRID, height, width)
    slope = torch.zeros_like(at)
    for _ in range(directions):
        coarse = torch.from_numpy(draws.standard_normal((count, channels, grid, grid), dtype=np.float32))
        along = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
        # Images at the border of [0, 1] move on one side only: what is divided by is how far they really went.
        up, down = (at + _STEP * along).clamp(0, 1), (at - _STEP * along).clamp(0, 1)
        moved = ((up - down) * along).sum((1, 2, 3)) / along.square().sum((1, 2, 3)).clamp_min(1e-6)
        change = ((answer(up) - answer(down)) * inner).sum(1) / moved.clamp_min(_STEP / 10)
        slope += change.view(-1, 1, 1, 1) * along
    scale = grid * grid / (height * width) / directions
    return (scale * slope * images).sum()


def _answers(view: AttackerView) -> Predict:
    """The model as a function that gives no gradients, on whatever device it is."""

    def answer(images: Tensor) -> Tensor:
        device = images.device if view.model is None else view.model.mean.device
        with torch.no_grad():
            return view.answer(images.to(device)).float().cpu()

    return answer
