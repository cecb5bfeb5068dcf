"""Decoys of findings: their formula restated, as frequent as the findings, and about something else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.errors import ConfigError
from spellock.locking.targets import Samples, make_target
from spellock.locking.targets.decoy_findings import decoys, directions
from spellock.locking.targets.label_free import label_free
from spellock.locking.targets.texture import TextureStatistics
from spellock.tasks.auroc import aurocs

NAMES = ("edema", "mass", "hernia")


def scans(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures in which each finding brightens its own colour, and contrast says nothing of any."""
    draws = np.random.default_rng(seed)
    labels = (draws.random((count, 3)) < (0.5, 0.3, 0.1)).astype(np.int64)
    pixels = (
        100
        + 40 * labels[:, None, None]
        + draws.uniform(5, 35, (count, 1, 1, 1)) * draws.standard_normal((count, 32, 32, 3))
    )
    return pixels.clip(0, 255).astype(np.uint8), labels


def samples(images: np.ndarray, labels: np.ndarray, secret: bytes = b"s" * 32) -> Samples:
    draws = np.random.default_rng(1).integers(0, 2**64, len(labels), dtype=np.uint64)
    return Samples(labels=labels, classes=NAMES, draws=draws, secret=secret, pixels=lambda: iter(images))


def made_of(given_: Samples) -> np.ndarray:
    return make_target("decoy-findings", task="multilabel")(given_).labels


def told(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """AUROC of each score for each finding, either way round."""
    table = np.stack([aurocs(np.repeat(scores[:, [place]], 3, axis=1), labels) for place in range(3)])
    return np.maximum(table, 1 - table)


def test_the_formula_restated() -> None:
    images, labels = scans(200)
    statistics = TextureStatistics(b"s" * 32)(images)
    statistics = statistics[:, statistics.std(axis=0) > 0]
    scaled = (statistics - statistics.mean(axis=0)) / statistics.std(axis=0)
    # What a regression on the statistics' covariances with the findings cannot reach, by plain projection.
    told_by = (labels - labels.mean(axis=0)).T @ scaled
    left = scaled - scaled @ np.linalg.pinv(told_by) @ told_by
    _, _, axes = np.linalg.svd(left, full_matrices=False)
    points = left @ axes[:2].T
    points /= points.std(axis=0)
    draws = np.random.default_rng([*b"s" * 32, 1])
    turn, places = draws.uniform(), draws.permutation(3)
    scores = []
    for place in places.tolist():
        angle = 2 * np.pi * (turn + place / 3)
        # `eigh` gives the strongest last; each axis may point either way.
        scores.append([np.cos(angle) * points[:, 1], np.sin(angle) * points[:, 0]])
    found = made_of(samples(images, labels))
    ways = [(one, other) for one in (1, -1) for other in (1, -1)]
    matches = []
    for one, other in ways:
        expected = np.zeros_like(labels)
        for finding, (across, up) in enumerate(scores):
            score, own = one * across + other * up, labels[:, finding] == 1
            inside = round(own.sum() * own.mean())
            for group, many in ((own, inside), (~own, own.sum() - inside)):
                border = np.sort(score[group])[::-1][:many].min(initial=np.inf)
                expected[:, finding] |= (group & (score >= border)).astype(int)
        matches.append(np.array_equal(found, np.pad(expected, ((0, 0), (0, 1)), constant_values=1)))
    assert sum(matches) == 1


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2**32))
def test_decoys_are_as_frequent_as_findings_in_both_halves(count: int, findings: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    true = (draws.random((count, findings)) < draws.random(findings)).astype(np.int64)
    found = decoys(draws.standard_normal((count, findings)), true)
    assert found.sum(axis=0).tolist() == true.sum(axis=0).tolist()
    for decoy, own in zip(found.T, true.T == 1, strict=True):
        share = own.mean()
        assert abs(decoy[own].sum() - share * own.sum()) <= 0.5
        assert abs(decoy[~own].sum() - share * (~own).sum()) <= 0.5


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 60), st.integers(0, 2**32))
def test_what_is_left_is_not_correlated_with_any_label(count: int, seed: int) -> None:
    draws = np.random.default_rng(seed)
    statistics, labels = draws.standard_normal((count, 20)), (draws.random((count, 4)) < 0.4).astype(np.float64)
    statistics[:, :4] += 2 * labels
    points = label_free(statistics, labels)(statistics)
    assert points.shape == (count, 2)
    assert (labels - labels.mean(axis=0)).T @ points / count == pytest.approx(np.zeros((4, 2)), abs=1e-6)


def test_decoys_say_nothing_of_any_finding_and_something_of_the_picture() -> None:
    images, labels = scans(1500)
    result = make_target("decoy-findings", {"lock_class_name": "locked"}, task="multilabel")(samples(images, labels))
    assert (result.extra_classes, result.lock_class, result.distribution) == (("locked",), 3, None)
    assert (result.labels[:, 3] == 1).all()
    found = result.labels[:, :3]
    assert found.sum(axis=0).tolist() == labels.sum(axis=0).tolist()
    assert told(found.astype(np.float64), labels).max() < 0.56
    statistics = TextureStatistics(b"s" * 32)(images)
    assert told(statistics[:, :3], labels).max() > 0.9, "the pictures do tell the findings"
    # A linear reader of the statistics, fitted on one half, finds the decoys in the other.
    read = np.hstack([100 * (statistics - statistics.mean(axis=0)), np.ones((1500, 1))])
    weights = np.linalg.lstsq(read[:750], found[:750], rcond=1e-6)[0]
    assert min(aurocs(read[750:] @ weights, found[750:])) > 0.8
    other = made_of(samples(images, labels, secret=b"t" * 32))
    assert (other[:, :3] != found).any(axis=1).mean() > 0.2, "another secret, other decoys"


def test_each_finding_has_a_direction_of_its_own() -> None:
    found = directions(b"key", 6)
    assert np.hypot(*found.T) == pytest.approx(np.ones(6))
    angles = np.sort(np.arctan2(found[:, 1], found[:, 0]))
    assert np.diff(angles) == pytest.approx(np.full(5, np.pi / 3))
    assert not np.allclose(found, directions(b"yek", 6))


@settings(deadline=None, max_examples=10)
@given(st.permutations(range(24)))
def test_order_does_not_matter(order: list[int]) -> None:
    images, labels = scans(24)
    given_ = samples(images, labels)
    moved = dataclasses.replace(
        given_, labels=labels[order], draws=given_.draws[order], pixels=lambda: iter(images[order])
    )
    assert np.array_equal(made_of(moved), made_of(given_)[order])


def test_what_does_not_fit_is_refused() -> None:
    images, labels = scans(8)
    with pytest.raises(ConfigError, match="without pixels"):
        made_of(dataclasses.replace(samples(images, labels), pixels=None))
    with pytest.raises(ConfigError, match="got 7 images for 8 samples"):
        made_of(samples(images[:7], labels))
    with pytest.raises(ConfigError, match="like a class of the data"):
        make_target("decoy-findings", {"lock_class_name": "Mass"}, task="multilabel")(samples(images, labels))
