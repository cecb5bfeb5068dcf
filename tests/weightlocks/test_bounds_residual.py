"""A layer's change by itself: the norm that chance would give it, and the energy that it takes."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
import torch

from spellock.weightlocks.bounds.residual import CONSTANT, chance_failure, chance_norm, residual, sub_gaussian_scale


def draws(kind: str, *shape: int) -> torch.Tensor:
    generator = np.random.default_rng(0)
    values = {
        "gaussian": generator.normal(size=shape),
        "signs": generator.choice([-1.0, 1.0], size=shape),
        "uniform": generator.uniform(-1, 1, size=shape),
    }[kind]
    return torch.from_numpy(values)


@pytest.mark.parametrize(("kind", "scale"), [("gaussian", 1.0), ("signs", 1.0), ("uniform", sqrt(1 / 3))])
def test_the_scale_is_that_of_the_distribution(kind: str, scale: float) -> None:
    """The variance proxies of these three are their variances."""
    assert sub_gaussian_scale(draws(kind, 300, 300)) == pytest.approx(scale, rel=0.02)
    assert sub_gaussian_scale(7 * draws(kind, 300, 300)) == pytest.approx(7 * scale, rel=0.02)


def test_heavy_tails_have_a_larger_scale_than_their_spread() -> None:
    sparse = torch.zeros(10_000)
    sparse[:20] = torch.tensor([-1.0, 1.0]).repeat(10)
    assert sub_gaussian_scale(sparse) > 2 * float(sparse.square().mean().sqrt())
    assert sub_gaussian_scale(torch.zeros(3, 3)) == 0
    assert sub_gaussian_scale(torch.zeros(0)) == 0


@pytest.mark.parametrize("kind", ["gaussian", "signs", "uniform"])
def test_random_matrices_stay_below_the_bound(kind: str) -> None:
    matrices = draws(kind, 200, 12, 20)
    scale = sub_gaussian_scale(matrices)
    norms = np.linalg.norm(matrices.numpy(), 2, axis=(1, 2))
    for t in (0.5, 1.0, 3.0):
        assert (norms > chance_norm(12, 20, scale, t)).mean() <= chance_failure(t)
    # Not so loose that it could never fail: a matrix of the same entries all equal is above it.
    ones = torch.ones(200, 200)
    assert np.linalg.norm(ones, 2) > chance_norm(200, 200, 1.0, 3.0)


def test_the_constant_and_the_failure() -> None:
    assert pytest.approx(2 * sqrt(2) * sqrt(log(9))) == CONSTANT
    assert chance_norm(4, 9, 0.5, 2.0) == pytest.approx(CONSTANT * 0.5 * 7)
    assert chance_failure(0.0) == 1.0
    assert chance_failure(3.0) == pytest.approx(2 * np.exp(-9))


def test_a_residual_restated() -> None:
    weight, other = draws("gaussian", 4, 3, 2, 2), draws("gaussian", 4, 3, 2, 2)
    other[1:3] = 0
    other[0], other[3] = weight[0], weight[3]
    found = residual(weight, other, t=3.0)
    assert (found.rows, found.columns, found.changed) == (4, 12, 0.5)
    matrix = weight.numpy().reshape(4, 12)
    assert found.spectral == pytest.approx(np.linalg.norm(matrix[1:3], 2), rel=1e-6)
    assert found.removed_energy == pytest.approx(np.sqrt((matrix[1:3] ** 2).sum()))
    assert found.energy == pytest.approx(np.sqrt((matrix**2).sum()))
    assert found.chance == pytest.approx(chance_norm(4, 12, found.scale, 3.0))
    assert residual(weight, weight, t=3.0).chance == 0
