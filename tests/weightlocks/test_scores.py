"""Scores against the formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spellock.derived import Secret
from spellock.errors import ConfigError
from spellock.weightlocks.kinds import Kind
from spellock.weightlocks.scores import Units, list_scores, make_score, register_score

WEIGHTS = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
FORMULAS = {
    "l1": lambda w: sum(abs(v) for v in w),
    "l2": lambda w: sum(v * v for v in w) ** 0.5,
    "fan-in-l1": lambda w: sum(abs(v) for v in w) / len(w),
    "bottom": lambda w: -sum(abs(v) for v in w),
    "batchnorm-gain": lambda w: sum(abs(v) for v in w),
}


def units(start: int = 0, secret: bytes = bytes(32), kind: Kind = Kind.BATCH_GAIN, name: str = "w") -> Units:
    return Units(name=name, kind=kind, values=torch.from_numpy(WEIGHTS), start=start, key=Secret(secret))


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_formula(name: str) -> None:
    found = make_score(name)(units())
    assert found is not None
    np.testing.assert_allclose(found.numpy(), [FORMULAS[name](row) for row in WEIGHTS.astype(float)], rtol=1e-5)


def test_every_other_score_is_random() -> None:
    assert set(list_scores()) - set(FORMULAS) == {"random"}


def test_random_depends_on_secret_tensor_and_place() -> None:
    score = make_score("random")
    first = score(units())
    assert first is not None
    assert torch.equal(first, score(units()))
    for other in (units(secret=bytes([1] * 32)), units(name="v"), units(start=6)):
        assert not torch.equal(first, score(other))  # type: ignore[arg-type]
    assert first.min() > 0
    assert first.max() < 1


def test_only_gains_of_batchnorms_have_a_gain() -> None:
    assert make_score("batchnorm-gain")(units(kind=Kind.MATRIX)) is None


def test_unknown_names_are_refused_with_a_near_one() -> None:
    with pytest.raises(ConfigError, match="did you mean fan-in-l1"):
        make_score("fan-in")
    with pytest.raises(ConfigError, match="registered already"):
        register_score("l1")(make_score("l2"))
