"""The fill "gaussian": its numbers restated one by one, its distribution, and the layer's mean and spread."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm

from spellock.derived import Secret
from spellock.keystream import Keystream
from spellock.weightlocks.fills import Hole, make_fill
from spellock.weightlocks.places import Place
from spellock.weightlocks.states import TensorInfo


def hole(tensor: torch.Tensor, indices: np.ndarray, unit: int) -> Hole:
    info = TensorInfo(dtype=tensor.dtype, shape=tuple(tensor.shape))
    place = Place(name="t", info=info, unit=unit, indices=indices)
    return Hole(place=place, tensor=tensor, stream=Keystream(Secret(bytes(32)), "a fill"))


def restated(words: np.ndarray) -> np.ndarray:
    """Between neighbours of the 65,535 inner quantiles in a straight line; beyond them the inverse itself."""
    part, within = words >> 16, ((words & 0xFFFF) + 0.5) / 65536
    wanted = norm.ppf((part + within) / 65536)
    inner = (part > 0) & (part < 65535)
    lower, upper = norm.ppf(part[inner] / 65536), norm.ppf((part[inner] + 1) / 65536)
    wanted[inner] = lower + within[inner] * (upper - lower)
    return wanted


def test_the_numbers_are_those_of_the_keystream() -> None:
    count = 200_000
    tensor = torch.tensor([-1.0, 1.0]).repeat(count)  # outside the key: mean 0, standard deviation 1
    found = make_fill("gaussian")(hole(tensor, np.arange(count), 1))[0:count].numpy().ravel()
    words = Keystream(Secret(bytes(32)), "a fill").bytes(4 * count).view("<u4").astype(np.int64)
    # The lowest part is that of the most negative signed word.
    wanted = restated((words + 2**31) % 2**32)
    assert ((np.abs(wanted) > norm.ppf(65535 / 65536)).sum()) > 2, "no number of the outer parts was drawn"
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-6)
    assert kstest(found, "norm").pvalue > 0.001


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_mean_and_spread_of_a_large_tensor_are_those_outside_the_key(dtype: torch.dtype, scale: float) -> None:
    """The key's values may be many times larger than the others, as those chosen by magnitude are."""
    tensor = torch.randn(1100, 1000, generator=torch.Generator().manual_seed(0)) * 0.02 + 0.001
    indices = np.arange(0, 1100, 3)
    tensor[torch.from_numpy(indices)] *= scale
    tensor = tensor.to(dtype)
    others = np.delete(tensor.double().numpy(), indices, axis=0)
    mean, spread = hole(tensor, indices, 1000).mean_and_spread()
    assert mean == pytest.approx(others.mean(), rel=1e-4, abs=1e-7)
    assert spread == pytest.approx(others.std(ddof=1), rel=1e-4)


@pytest.mark.parametrize("unit", [1, 16, 1000])
def test_mean_and_spread_of_a_very_large_tensor_are_estimated(unit: int) -> None:
    tensor = torch.randn(4000, 1000, generator=torch.Generator().manual_seed(0)) * 0.02 + 0.1
    tensor[::2] += 0.05  # rows differ
    count = 4_000_000 // unit
    indices = np.flatnonzero(np.random.default_rng(0).random(count) < 0.3)
    flat = tensor.reshape(-1, unit)
    flat[torch.from_numpy(indices)] *= 100
    others = np.delete(tensor.double().numpy().reshape(-1, unit), indices, axis=0)
    mean, spread = hole(tensor, indices, unit).mean_and_spread()
    assert mean == pytest.approx(others.mean(), rel=0.01)
    assert spread == pytest.approx(others.std(), rel=0.01)


def test_a_key_that_takes_all_that_was_looked_at_does_not_count() -> None:
    """The first half of the tensor is key, and the other in pieces: what little is left tells mean and spread."""
    tensor = torch.full((4000, 1000), 7.0)
    tensor[3999] = torch.linspace(-1, 1, 1000)
    mean, spread = hole(tensor, np.arange(3999), 1000).mean_and_spread()
    assert (mean, spread) == pytest.approx((0.0, float(tensor[3999].std())), abs=1e-6)


def test_a_large_tensor_of_which_little_is_left_has_the_mean_of_that() -> None:
    tensor = torch.full((1100, 1000), 5.0)
    tensor[7, :3] = torch.tensor([1.0, 2.0, 3.0])
    indices = np.delete(np.arange(1_100_000), [7000, 7001, 7002])
    assert hole(tensor, indices, 1).mean_and_spread() == pytest.approx((2.0, 1.0), rel=1e-6)


def test_a_large_tensor_that_is_all_key_has_its_own_mean_and_spread() -> None:
    tensor = torch.randn(1100, 1000, generator=torch.Generator().manual_seed(1)) * 3 + 1
    mean, spread = hole(tensor, np.arange(1100), 1000).mean_and_spread()
    assert (mean, spread) == pytest.approx((1.0, 3.0), rel=0.01)
