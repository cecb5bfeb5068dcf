"""The keyless readings undo what they should, and read chance where there is nothing to undo."""

from __future__ import annotations

import numpy as np
import pytest

from spellock.attacks.permuted import best_renaming
from spellock.errors import ConfigError, DataError
from spellock.evaluation.folds import Fold, RawReadings, cross_folds
from spellock.evaluation.halves import halves, stratified_subset
from spellock.evaluation.hardened import Candidate, best_of, highest, keyless_hits
from spellock.evaluation.permuted import permuted_hits

from .fakes import CLASSES, LOCK, good_logits, labels_of, readings_of


def _figures(logits: np.ndarray, labels: np.ndarray, lock_class: int | None = LOCK) -> dict[str, float]:
    return {name: hits.mean() for name, hits in keyless_hits(readings_of(logits, labels), labels, lock_class).items()}


def test_a_lock_logit_is_an_offset_that_suppressing_undoes() -> None:
    labels = labels_of(600)
    figures = _figures(good_logits(labels, lock_logit=100.0), labels)
    assert figures["lp"] == 0.0
    assert figures["lp_suppressed"] > 0.99


def test_a_shifted_and_scaled_head_is_undone_by_centring_only() -> None:
    labels = labels_of(600)
    logits = good_logits(labels, lock_logit=1e5)
    scales, shifts = 0.01 * 3.0 ** np.arange(CLASSES), 1000.0 * np.arange(CLASSES)
    logits[:, :CLASSES] = logits[:, :CLASSES] * scales + shifts
    figures = _figures(logits, labels)
    assert figures["lp"] == 0.0
    assert figures["lp_suppressed"] < 0.3
    assert figures["lp_centred"] > 0.95


def test_the_next_class_is_undone_by_renaming() -> None:
    labels = labels_of(600)
    logits = good_logits((labels + 1) % CLASSES)[:, :CLASSES]
    figures = _figures(logits, labels, lock_class=None)
    assert figures["lp"] < 0.01
    assert figures["lp_suppressed"] < 0.01
    assert figures["lp_permuted"] > 0.99


def test_random_outputs_read_chance_in_every_way() -> None:
    labels = labels_of(4000)
    logits = np.random.default_rng(7).normal(size=(4000, CLASSES + 1)).astype(np.float32)
    figures = _figures(logits, labels)
    for name in ("lp_suppressed", "lp_centred", "lp_permuted"):
        assert 0.08 < figures[name] < 0.12, name
    # fitted and scored on the same images the same renaming reads well above chance: why halves are used
    predictions = logits[:, :CLASSES].argmax(1)
    renaming = best_renaming(predictions, labels, CLASSES + 1, LOCK)
    assert (renaming[predictions] == labels).mean() > 0.115


def test_constant_outputs_do_not_divide_by_zero() -> None:
    labels = labels_of(200)
    figures = _figures(np.zeros((200, CLASSES + 1), dtype=np.float32), labels)
    assert figures["lp_centred"] < 0.25


def test_renaming_is_one_to_one_and_leaves_the_lock_class() -> None:
    predictions, labels = np.array([0, 0, 1, 1, 2]), np.array([1, 1, 0, 0, 2])
    renaming = best_renaming(predictions, labels, 5, lock_class=3)
    assert renaming.tolist() == [1, 0, 2, 3, 4]


def test_centring_uses_a_given_unlabelled_set() -> None:
    labels = labels_of(300)
    logits = good_logits(labels)
    logits[:, 0] += 50
    reference = good_logits(labels_of(300, seed=3), seed=3)
    reference[:, 0] += 50
    everything = np.arange(300)
    given = Fold(reference=reference, reference_labels=None, indices=everything, scored=logits)
    readings = RawReadings(unlabelled=(given,), labelled=cross_folds(logits, labels, *halves(labels, seed=0)))
    assert keyless_hits(readings, labels, LOCK)["lp_centred"].mean() > 0.95
    with pytest.raises(ConfigError, match="without labels"):
        permuted_hits((given,), labels, LOCK)


def test_best_of_many_chance_readings_is_not_above_chance() -> None:
    generator = np.random.default_rng(5)
    values, naive = [], []
    for trial in range(30):
        labels = labels_of(1000, seed=trial)
        everything = np.arange(1000)
        candidates = {
            f"attack {number}": Candidate(indices=everything, hits=generator.random(1000) < 0.1) for number in range(27)
        }
        best = best_of(candidates, halves(labels, seed=trial))
        values.append(best.honest.value)
        naive.append(best.naive.value)
        assert best.naive.value == max(candidate.hits.mean() for candidate in candidates.values())
    assert np.mean(values) == pytest.approx(0.1, abs=0.006)
    assert np.mean(naive) > 0.112


def test_best_of_finds_a_real_leak_also_on_a_subset() -> None:
    labels = labels_of(1000)
    subset = stratified_subset(labels, 200, seed=0)
    generator = np.random.default_rng(0)
    candidates = {
        "lp": Candidate(indices=np.arange(1000), hits=generator.random(1000) < 0.1),
        "wrong key": Candidate(indices=subset, hits=generator.random(200) < 0.6),
    }
    best = best_of(candidates, halves(labels, seed=0))
    assert best.name == "wrong key"
    assert best.honest.value == pytest.approx(candidates["wrong key"].hits.mean(), abs=0.01)
    assert best.honest.images == 200
    with pytest.raises(ConfigError):
        best_of({}, halves(labels, seed=0))
    with pytest.raises(ConfigError, match="no image in one half"):
        best_of({"x": Candidate(indices=np.array([0]), hits=np.array([True]))}, halves(labels, seed=0))


def test_halves_are_disjoint_stratified_and_repeatable() -> None:
    labels = labels_of(503)
    first, second = halves(labels, seed=4)
    assert sorted([*first, *second]) == list(range(503))
    assert abs(len(first) - len(second)) <= 1
    for label in range(CLASSES):
        assert abs(int((labels[first] == label).sum()) - int((labels[second] == label).sum())) <= 1
    assert np.array_equal(first, halves(labels, seed=4)[0])
    assert not np.array_equal(first, halves(labels, seed=5)[0])
    with pytest.raises(DataError):
        halves(labels[:1], seed=0)


def test_stratified_subset_takes_every_class_in_turn() -> None:
    labels = np.repeat(np.arange(5), [100, 50, 20, 10, 2])
    subset = stratified_subset(labels, 22, seed=1)
    assert np.bincount(labels[subset]).tolist() == [5, 5, 5, 5, 2]
    assert np.array_equal(subset, stratified_subset(labels, 22, seed=1))
    assert stratified_subset(labels, 10_000, seed=1).tolist() == list(range(182))


def test_a_wrong_key_that_is_lucky_on_few_images_hides_no_reading() -> None:
    """Found in the demonstration: a reading of 16 % on all images, and hardened LP 3 %."""
    labels = np.zeros(400, dtype=np.int64)
    split = halves(labels, seed=0)
    reading = {"lp_permuted": Candidate(indices=np.arange(400), hits=np.arange(400) % 5 == 0)}
    few = np.concatenate([split[0][:10], split[1][:10]])
    lucky = {
        "wrong key 1": Candidate(indices=few, hits=np.arange(20) < 6),
        "wrong key 2": Candidate(indices=few, hits=np.arange(20) >= 14),
    }
    assert best_of({**reading, **lucky}, split).honest.value == 0, "the trap"
    both = highest(best_of(reading, split), best_of(lucky, split))
    assert both.honest.value == pytest.approx(0.2, abs=0.02)
    assert both.naive.value == pytest.approx(0.3)
    assert both.name == "lp_permuted"
