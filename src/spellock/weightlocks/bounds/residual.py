"""What a layer's change of weights is by itself: its norm, the norm that chance would give it, and the energy it takes.

If the entries of a p x q matrix D are independent, of mean zero and sub-Gaussian with variance proxy s^2 (that is,
E exp(l D_ij) <= exp(l^2 s^2 / 2) for all l), then with probability at least 1 - 2 exp(-t^2)

    ||D|| <= C s (sqrt p + sqrt q + t),    C = 2 sqrt(2 ln 9) = 4.193...

Proof: with 1/4-nets of both unit spheres (at most 9^p and 9^q points) ||D|| <= 2 max <D x, y>; each <D x, y> is
sub-Gaussian with the same s, so the maximum exceeds u with probability at most 9^(p+q) exp(-u^2 / (2 s^2)); take
u = s sqrt(2) (sqrt(ln 9) (sqrt p + sqrt q) + t).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

import torch
from torch import Tensor

from spellock.weightlocks.bounds.operators import spectral_norm

#: The constant of the bound above.
CONSTANT: Final = 2 * sqrt(2 * log(9))
#: Where the moment generating function is looked at, in units of one over the entries' root mean square.
_POINTS: Final = (0.25, 0.5, 1.0, 2.0, 3.0)


@dataclass(frozen=True, kw_only=True)
class Residual:
    """The change D of one layer's weights, as a matrix of p rows (outputs) and q columns (all the rest).

    Attributes:
        rows, columns: p and q.
        spectral: ||D||_2, measured. Of a convolution this is the matrix's norm, not the operator's.
        scale: s, estimated from the entries.
        chance: C s (sqrt p + sqrt q + t), which a matrix of independent entries exceeds with probability 2 exp(-t^2)
            at most. A change that is not random, such as one learnt, may well be above or far below.
        removed_energy: ||m * W||_F, m marking the entries that changed: what the change takes away if it fills zeros.
        energy: ||W||_F.
        changed: share of the entries that changed.
    """

    rows: int
    columns: int
    spectral: float
    scale: float
    chance: float
    removed_energy: float
    energy: float
    changed: float


def residual(base: Tensor, other: Tensor, *, t: float) -> Residual:
    """Measure the change from ``base`` to ``other``, weights of one shape with outputs first."""
    weight = base.detach().double().flatten(1)
    change = other.detach().double().flatten(1) - weight
    rows, columns = change.shape
    scale = sub_gaussian_scale(change)
    return Residual(
        rows=rows,
        columns=columns,
        spectral=float(spectral_norm(change)),
        scale=scale,
        chance=chance_norm(rows, columns, scale, t),
        removed_energy=float(weight[change != 0].norm()),
        energy=float(weight.norm()),
        changed=float((change != 0).double().mean()),
    )


def chance_norm(rows: int, columns: int, scale: float, t: float) -> float:
    """C s (sqrt p + sqrt q + t)."""
    return CONSTANT * scale * (sqrt(rows) + sqrt(columns) + t)


def chance_failure(t: float) -> float:
    """The probability with which a random matrix may be above `chance_norm`: 2 exp(-t^2), 1 at most."""
    return min(1.0, 2 * exp(-(t**2)))


def sub_gaussian_scale(entries: Tensor) -> float:
    """An estimate of s: the largest of sqrt(2 ln(mean exp(l x)) / l^2) over a few l of both signs, and the RMS.

    An estimate from a sample, no bound: rare large entries are only seen if they are there.
    """
    values = entries.flatten().double()
    rms = float(values.square().mean().sqrt()) if values.numel() else 0.0
    if rms == 0:
        return 0.0
    found = [1.0]
    for point in _POINTS:
        for sign in (-1.0, 1.0):
            log_mean = float(torch.logsumexp(sign * point * values / rms, 0)) - log(values.numel())
            found.append(sqrt(max(0.0, 2 * log_mean)) / point)
    return rms * max(found)
