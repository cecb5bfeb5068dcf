"""Patient-wise splits: no patient in two parts, shares nearly kept, the same whatever the order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.data import numpy_vectors, split_patients
from spellock.data.split_patients import check_patients, take_patients
from spellock.errors import ConfigError, DataError

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}


def made(count: int, patients: int, *, seed: int = 0, rates: tuple[float, ...] = (0.4, 0.1, 0.03)):
    draws = np.random.default_rng(seed)
    labels = (draws.random((count, len(rates))) < rates).astype(np.int64)
    owners = [f"p{number}" for number in draws.integers(patients, size=count)]
    names = [f"f{place}" for place in range(len(rates))]
    return numpy_vectors(np.zeros((count, 1, 1), np.uint8), labels, names, patients=owners)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**32))
def test_patients_are_kept_together(count: int, patients: int, share: float, seed: int) -> None:
    images = made(count, patients, seed=seed)
    ranks = np.random.default_rng(seed).integers(2**63, size=count).astype(np.uint64)
    taken = take_patients(images.labels, images.patients, share, ranks)
    owners = np.array(images.patients)
    assert not set(owners[taken]) & set(owners[~taken])
    largest = max(np.unique(owners, return_counts=True)[1])
    assert abs(taken.sum() - share * count) <= (images.labels.shape[1] + 1) * largest


def test_every_part_has_its_share_of_rare_findings() -> None:
    images = made(3000, 1200)
    parts = split_patients(images, SHARES, seed=3)
    check_patients(list(parts.values()))
    assert sum(len(part) for part in parts.values()) == 3000
    for name, share in SHARES.items():
        assert len(parts[name]) / 3000 == pytest.approx(share, abs=0.01)
        rare = parts[name].labels.sum(axis=0) / images.labels.sum(axis=0)
        assert rare == pytest.approx(share, abs=0.03), name


def test_the_seed_decides_and_the_order_does_not() -> None:
    images = made(200, 60)
    here = split_patients(images, SHARES, seed=1)["test"]
    order = np.random.default_rng(0).permutation(200)
    there = split_patients(images.subset(order), SHARES, seed=1)["test"]
    assert set(here.ids) == set(there.ids)
    assert set(split_patients(images, SHARES, seed=2)["test"].ids) != set(here.ids)


def test_without_patients_each_image_is_its_own() -> None:
    images = numpy_vectors(np.zeros((40, 1, 1), np.uint8), np.eye(2, dtype=int)[np.arange(40) % 2], ("a", "b"))
    parts = split_patients(images, {"one": 0.5, "two": 0.5})
    assert [part.labels.sum(axis=0).tolist() for part in parts.values()] == [[10, 10], [10, 10]]


def test_refusals() -> None:
    images = made(4, 1)
    for shares in ({}, {"a": 0.5}, {"a": 1.5, "b": -0.5}):
        with pytest.raises(ConfigError, match="add up to 1"):
            split_patients(images, shares)
    with pytest.raises(DataError, match="too few patients"):
        split_patients(images, {"a": 0.5, "b": 0.5})
    with pytest.raises(DataError, match="1 patients are in two splits, first 'p0'"):
        check_patients([images, images])
