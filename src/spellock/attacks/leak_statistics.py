"""How far images are from leaked edited ones that are no partners of theirs: statistics of pixels and of features."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spellock.attacks.features import stages_of
from spellock.attacks.outputs import BATCH
from spellock.editors.spectrum import rings_of
from spellock.tasks.heads import pool
from spellock.tasks.pixel_model import PixelModel

_SMALLEST = 1e-6


@dataclass(frozen=True, kw_only=True)
class LeakStatistics:
    """What an edit must do to raw images for them to be like leaked edited ones.

    f(x) are numbers of one image in groups: its mean colour and the covariances of its colours; the logarithms of its
    power at each wavelength; the stolen model's pooled features after each stage. With d = mean f(leaked) - mean f(raw)
    and v the variance of f over raw images, the distance of an edit y of raw x is

        mean over groups of mean over numbers of n (mean(f(y) - f(x)) - d)^2 / v,   n leaked images,

    which is about 1 for the right edit, whatever n: the leaked images' own chance. Comparing changes, and not means,
    takes out the chance of which raw images are edited.

    Attributes:
        model: the stolen model, in evaluation mode.
        stages: names of its layers after which features are taken.
        wanted: d, and ``spread``: v, one tensor (K,) a group.
        leaked: n.
    """

    model: PixelModel
    stages: tuple[str, ...]
    wanted: tuple[Tensor, ...]
    spread: tuple[Tensor, ...]
    leaked: int

    @classmethod
    def of(cls, model: PixelModel, raw: Tensor, leaked: Tensor) -> LeakStatistics:
        """From float32 raw (M, 3, R, R) and leaked edited images (n, 3, R, R) in [0, 1]."""
        stages = stages_of(model)
        before, after = (_numbers_of_all(images, model, stages) for images in (raw, leaked))
        return cls(
            model=model,
            stages=stages,
            wanted=tuple(a.mean(0) - b.mean(0) for a, b in zip(after, before, strict=True)),
            spread=tuple(one.var(0).clamp_min(_SMALLEST) for one in before),
            leaked=len(leaked),
        )

    def distance(self, raw: Tensor, edited: Tensor) -> Tensor:
        """The distance of the edit ``raw`` (B, 3, R, R) to ``edited``, a scalar with gradients."""
        with torch.no_grad():
            before = numbers(raw, self.model, self.stages)
        after = numbers(edited, self.model, self.stages)
        groups = [
            (self.leaked * ((a - b).mean(0) - wanted).square() / spread).mean()
            for a, b, wanted, spread in zip(after, before, self.wanted, self.spread, strict=True)
        ]
        return torch.stack(groups).mean()


def numbers(images: Tensor, model: PixelModel, stages: tuple[str, ...]) -> tuple[Tensor, ...]:
    """f of each image, one tensor (N, K) a group, on the CPU: colours, spectrum, features of each stage."""
    return (_colours(images), _spectrum(images), *_features(images, model, stages))


def _numbers_of_all(images: Tensor, model: PixelModel, stages: tuple[str, ...]) -> tuple[Tensor, ...]:
    """The same, a batch in memory at a time; no gradients."""
    with torch.no_grad():
        parts = [numbers(images[start : start + BATCH], model, stages) for start in range(0, len(images), BATCH)]
    return tuple(torch.cat(group) for group in zip(*parts, strict=True))


def _colours(images: Tensor) -> Tensor:
    flat = images.flatten(2)
    mean = flat.mean(2)
    around = flat - mean[:, :, None]
    covariance = around @ around.transpose(1, 2) / flat.shape[2]
    rows, columns = torch.triu_indices(3, 3)
    return torch.cat([mean, covariance[:, rows, columns]], dim=1)


def _spectrum(images: Tensor) -> Tensor:
    """log of 1 + mean power (N, 3 * rings) at each wavelength but the mean's; pixels in levels of 0..255."""
    side = images.shape[-1]
    rings = rings_of(side)
    power = torch.fft.rfft2(255 * images, norm="ortho").abs().square().flatten(2)
    sums = power.new_zeros(len(images), 3, int(rings.max()) + 1).index_add(2, rings, power)
    means = sums / torch.bincount(rings)
    logarithms: Tensor = (means[:, :, 1 : side // 2 + 1] + 1).log().flatten(1)
    return logarithms


def _features(images: Tensor, model: PixelModel, stages: tuple[str, ...]) -> list[Tensor]:
    kept: dict[str, Tensor] = {}
    layers = dict(model.network.named_modules())

    def keep(name: str) -> object:
        def note(_: nn.Module, __: object, output: Tensor) -> None:
            # Pooled at once: the next layer may write into the same memory.
            kept[name] = pool(output).float().cpu()

        return note

    handles = [layers[name].register_forward_hook(keep(name)) for name in stages]
    try:
        model.eval()(images.to(model.mean.device))
    finally:
        for handle in handles:
            handle.remove()
    return [kept[name] for name in stages]
