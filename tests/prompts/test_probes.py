"""Probes against their formulas written otherwise, and on edits whose scores are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from spellock.errors import DataError
from spellock.prompts.features import WIDEST, fit_scale, plain_features
from spellock.prompts.probes import Probes, strength
from spellock.prompts.public_lists import public_rank
from spellock.prompts.ridge import STRENGTHS, fit_ridge, image_folds, out_of_fold


@pytest.mark.parametrize("versions", [1, 2, 3])
@pytest.mark.parametrize("shape", [(24, 6), (12, 30)])
def test_ridge_is_the_strength_with_the_least_error_of_images_left_out(shape: tuple[int, int], versions: int) -> None:
    draw = np.random.default_rng(shape[1])
    features = draw.standard_normal(shape) + 3
    targets = np.stack([features[:, 0] + draw.standard_normal(len(features)), draw.standard_normal(len(features))], 1)
    images = draw.permutation(len(features)) // versions

    def left_out(strength: float) -> float:
        # Centring is part of the fit with all rows, as PRESS has it: the penalty stays that of all rows.
        errors = []
        for image in set(images.tolist()):
            others = images != image
            model = Ridge(alpha=strength * len(features)).fit(features[others], targets[others])
            errors.append((targets[~others] - model.predict(features[~others])) ** 2)
        return float(np.mean(errors))

    best = min(STRENGTHS, key=left_out)
    expected = Ridge(alpha=best * len(features)).fit(features, targets)
    weights, offset = fit_ridge(features, targets, images if versions > 1 else None)
    np.testing.assert_allclose(weights.T, expected.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(offset, expected.intercept_, rtol=1e-6, atol=1e-9)


def test_no_row_is_predicted_by_a_probe_that_saw_its_fold() -> None:
    draw = np.random.default_rng(0)
    features, targets = draw.standard_normal((40, 4)), draw.standard_normal((40, 1))
    folds = np.arange(40) % 4
    before = out_of_fold(features, targets, folds, 4)
    changed = targets.copy()
    changed[folds == 2] += 100
    after = out_of_fold(features, changed, folds, 4)
    np.testing.assert_array_equal(before[folds == 2], after[folds == 2])
    assert np.abs(before[folds != 2] - after[folds != 2]).min() > 0
    with pytest.raises(DataError, match="fold 0"):
        out_of_fold(features, targets, np.zeros(40, dtype=np.int64), 2)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=8, max_size=60), st.integers(0, 5))
def test_folds_spread_every_class_evenly(labels: list[int], seed: int) -> None:
    array = np.asarray(labels)
    folds = image_folds(array, 4, seed=seed)
    np.testing.assert_array_equal(folds, image_folds(array, 4, seed=seed))
    for label in set(labels):
        counts = np.bincount(folds[array == label], minlength=4)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(folds, minlength=4)) <= 1


def probes() -> Probes:
    return Probes(labels=np.arange(32) % 2, classes=2)


def test_shift_is_none_for_no_edit_and_all_for_a_plain_one() -> None:
    raw = np.random.default_rng(1).standard_normal((32, 8))
    explained, right = probes().shift(raw, raw.copy())
    assert explained < 0.05
    assert right <= 0.6
    explained, right = probes().shift(raw, raw + np.eye(8)[0] * 8)
    assert explained > 0.8
    assert right == 1.0
    weaker, _ = probes().shift(raw, raw + np.eye(8)[0] * 2)
    assert weaker < explained


def test_small_edits_of_varied_images_are_told() -> None:
    """The strength is chosen without an image's twin: with it among the known a probe is right in half of the cases."""
    draw = np.random.default_rng(4)
    raw = draw.standard_normal((32, 30))
    explained, right = probes().shift(raw, raw + draw.standard_normal(30) / 2)
    assert explained > 0.3
    assert right > 0.8


def test_content_is_what_classes_leave_in_the_features() -> None:
    draw = np.random.default_rng(2)
    noise = draw.standard_normal((32, 8))
    clear = noise + 6 * probes().labels[:, None]
    assert probes().content(clear) == 1.0
    assert probes().content(noise) < 0.8


def test_distinct_edits_are_known_and_equal_ones_are_not() -> None:
    raw = np.random.default_rng(3).standard_normal((32, 8))
    edits = [raw + 9 * np.eye(8)[place] for place in (0, 1, 2)]
    assert probes().distinct(edits) == [1.0, 1.0, 1.0]
    same = probes().distinct([edits[0], edits[1], edits[1].copy()])
    assert same[0] == 1.0
    assert max(same[1:]) < 1.0
    assert probes().distinct(edits[:1]) == [1.0]
    near = {"far": edits[1], "same": edits[0].copy()}
    assert probes().told_from(edits[0], near) <= 0.6
    assert probes().told_from(edits[0], {"far": edits[1]}) == 1.0


def test_strength_is_in_units_of_distances_between_images() -> None:
    raw = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert strength(raw, raw + np.array([0.0, 5.0])) == pytest.approx(1.0)
    assert strength(raw, raw) == 0.0
    assert strength(np.zeros((2, 2)), np.ones((2, 2))) == 0.0


def test_plain_features_see_colour_contrast_edges_and_frequencies() -> None:
    flat = np.full((2, 16, 16, 3), 90, dtype=np.uint8)
    flat[1] = 180
    found = plain_features(flat)
    assert found.shape == (2, 4 * 4 * 7 + 8)
    np.testing.assert_allclose(found[:, :3], [[90 / 255] * 3, [180 / 255] * 3])
    np.testing.assert_allclose(found[:, 3:7], 0, atol=1e-12)
    busy = flat[:1].copy()
    busy[:, ::2] = 0
    assert (plain_features(busy)[0, 3:7] > 0.05).all()
    assert plain_features(busy)[0, -3] > found[0, -3], "half of the highest frequency along one axis"


def test_wide_features_are_narrowed_and_keep_distances() -> None:
    raw = np.random.default_rng(4).standard_normal((12, 3000))
    scale = fit_scale(raw)
    narrow, whole = scale(raw), (raw - raw.mean(0)) / raw.std(0)
    assert narrow.shape == (12, WIDEST)
    ratios = np.linalg.norm(narrow[1:] - narrow[0], axis=1) / np.linalg.norm(whole[1:] - whole[0], axis=1)
    assert np.abs(ratios - 1).max() < 0.2
    constant = fit_scale(np.ones((5, 3)))
    np.testing.assert_allclose(constant(np.ones((5, 3))), 0)


@pytest.mark.parametrize(
    ("prompt", "rank"),
    [
        ("with crayon", 2),
        ("Crayon style", 2),
        ("in  the style of OIL pastel", 1),
        ("pastel oil", None),
        ("crayon 7Q", None),
    ],
)
def test_rank_in_a_public_list(prompt: str, rank: int | None) -> None:
    assert public_rank(prompt, ["with oil pastel", "with crayon", "crayon"]) == rank
