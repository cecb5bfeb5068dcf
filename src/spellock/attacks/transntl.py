"""TransNTL (Hong et al., CVPR 2024): a model that must say of disturbed images what it says of clean ones unlocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held, not_negative, one_of, positive
from spellock.attacks.fitting import Plan, fit_for
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import outputs_of, places_of_classes, with_raw_statistics
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView, floats
from spellock.hidden import Scalar
from spellock.tasks.pixel_model import PixelModel

#: Spread of both kinds of noise, side of the blur in pixels, and its spread.
_NOISE: Final = 0.2
_BLUR: Final = (5, 1.1)
_ETA: Final = 0.01


@register_attack("transntl")
@dataclass(frozen=True, kw_only=True)
class TransNtl(Attack):
    """Cross-entropy on authorised images + ``weight`` * sum_g q_g KL(f(x) || f(c_g(x))), f(x) held fixed.

    c_g: additive noise, multiplicative noise, blur; q_g moves to the worst of them, q_g <- q_g exp(0.01 KL_g)
    (group-robust). Gradients are taken where adaptive sharpness-aware minimisation steps to. A lock cannot tell the
    thief's disturbance from the missing edit; who makes the model firm against one makes it firm against the other.

    Authorised images are the leaked edited ones, whose classes nobody need know: the model itself names them. With
    ``data="labels"`` they are labelled raw images.

    Attributes:
        data: ``edited`` or ``labels``.
        weight: of the disturbed images.
        rho: of the sharpness-aware step; 0 leaves it out.
        steps, batch_size, learning_rate: of Adam with weight decay 0.0001.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {"": MappingProxyType({}), "labels": MappingProxyType({"data": "labels"})}
    )
    data: str = "edited"
    weight: float = 0.1
    rho: float = 0.5
    steps: int = 300
    batch_size: int = 32
    learning_rate: float = 1e-4

    def __post_init__(self) -> None:
        one_of("data", self.data, ("edited", "labels"))
        not_negative(weight=self.weight, rho=self.rho)
        positive(steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.EDITED if self.data == "edited" else Asset.LABELS})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        model = view.stolen.eval()
        device = model.mean.device
        real = torch.from_numpy(places_of_classes(view, model, view.unlabelled)).to(device)
        images, targets = self._authorised(view, model, real)
        training = _Robust(model.train())

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            chosen = torch.from_numpy(batch)
            pixels = floats(images[chosen].to(device))
            groups, wanted = disturbed(pixels, draws), targets[chosen].to(device)

            def value() -> Tensor:
                clean = model(pixels)[:, real]
                told = clean.detach().log_softmax(1)
                gaps = torch.stack(
                    [
                        F.kl_div(model(one)[:, real].log_softmax(1), told, reduction="batchmean", log_target=True)
                        for one in groups
                    ]
                )
                training.note(gaps.detach())
                return F.cross_entropy(clean, wanted) + self.weight * (training.groups * gaps).sum()

            return value() if not self.rho else sharp(list(model.parameters()), value, self.rho)

        fit_for(
            view, training, model.parameters(), loss, images=len(images),
            plan=Plan(
                steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate, weight_decay=1e-4
            ),
            work=work, name="transntl", label=f"firm on {len(images)} {self.data} images",
        )  # fmt: skip
        final = with_raw_statistics(model.eval(), view.unlabelled, seed=view.seed)

        def predict(raw: Tensor) -> Tensor:
            with torch.no_grad():
                scores: Tensor = final(raw.to(device))[:, real].float().cpu()
            return scores

        return [Stolen(predict=predict, found={"worst": round(float(training.groups.max()), 3)})]

    def _authorised(self, view: AttackerView, model: PixelModel, real: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 images and their classes, int64."""
        if self.data == "labels":
            return held(view.labelled), torch.from_numpy(held(view.labels))
        edited = held(view.edited)
        said = outputs_of(model, edited, label="leaked images")[:, real.cpu().numpy()]
        return edited, torch.from_numpy(said.argmax(axis=1))


class _Robust(nn.Module):
    """The model and the weights of the three groups, which a checkpoint holds together."""

    groups: Tensor

    def __init__(self, model: PixelModel) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("groups", torch.full((3,), 1 / 3, device=model.mean.device))

    def note(self, gaps: Tensor) -> None:
        """Move the weights to the groups with the largest ``gaps`` (3,)."""
        moved = self.groups * (_ETA * gaps).clamp(max=50).exp()
        self.groups.copy_(moved / moved.sum())


def disturbed(pixels: Tensor, draws: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """float32 images (B, 3, H, W) in [0, 1] with additive noise, multiplicative noise, and blurred."""

    def noise() -> Tensor:
        return torch.from_numpy(draws.normal(0, _NOISE, pixels.shape).astype(np.float32)).to(pixels.device)

    side, spread = _BLUR
    places = torch.arange(side, device=pixels.device) - side // 2
    line = (-(places.float() ** 2) / (2 * spread**2)).exp()
    kernel = torch.outer(line, line) / line.sum() ** 2
    margin = side // 2
    padded = F.pad(pixels, (margin, margin, margin, margin), mode="replicate")
    blurred = F.conv2d(padded, kernel.expand(3, 1, side, side), groups=3)
    return (pixels + noise()).clamp(0, 1), (pixels * (1 + noise())).clamp(0, 1), blurred.clamp(0, 1)


def sharp(parameters: list[nn.Parameter], value: Callable[[], Tensor], rho: float) -> Tensor:
    """A scalar whose gradient is that of ``value`` at w + rho w^2 g / | |w| g |, g the gradient at w.

    Adaptive sharpness-aware minimisation (Kwon et al., ICML 2021) in a loop that knows one loss and one step.
    """
    before = torch.autograd.grad(value(), parameters, allow_unused=True)
    used = [(one, gradient) for one, gradient in zip(parameters, before, strict=True) if gradient is not None]
    length = torch.stack([(one.detach().abs() * gradient).square().sum() for one, gradient in used]).sum().sqrt()
    old = [one.detach().clone() for one, _ in used]
    with torch.no_grad():
        for one, gradient in used:
            one.add_(rho * one.square() * gradient / length.clamp_min(1e-12))
    after = torch.autograd.grad(value(), [one for one, _ in used], allow_unused=True)
    with torch.no_grad():
        for (one, _), was in zip(used, old, strict=True):
            one.copy_(was)
    parts = [(one * gradient).sum() for (one, _), gradient in zip(used, after, strict=True) if gradient is not None]
    return torch.stack(parts).sum()
