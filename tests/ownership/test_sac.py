"""SAC against the same formulas in plain loops, and its decisions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from spellock.data.image_set import ImageSet
from spellock.errors import ConfigError, DataError
from spellock.ownership.case import Case
from spellock.ownership.correlation import area, best_threshold, correlations, distance
from spellock.ownership.cutmix import cutmix
from spellock.ownership.queries import choose, edited, raw
from spellock.ownership.sac import Sac
from spellock.ownership.suspect import Answers, Suspect

from . import suspects


def cosine(first: list[float], second: list[float]) -> float:
    dot = sum(a * b for a, b in zip(first, second, strict=True))
    return dot / math.sqrt(sum(a * a for a in first) * sum(b * b for b in second))


def loops(outputs: list[list[float]]) -> np.ndarray:
    return np.array([[(1 - cosine(one, other)) / 2 for other in outputs] for one in outputs])


def test_correlations_of_scores_and_of_labels() -> None:
    scores = np.random.default_rng(0).dirichlet(np.ones(4), size=6)
    answers = Answers(labels=scores.argmax(1), scores=scores)
    np.testing.assert_allclose(correlations(answers), loops(scores.tolist()), atol=1e-12)
    rows = []
    for label in answers.labels:
        powers = [math.exp(1.0 if place == label else 0.01) for place in range(4)]
        rows.append([power / sum(powers) for power in powers])
    for hard in (answers, Answers(labels=answers.labels), Answers(labels=90 - answers.labels)):
        np.testing.assert_allclose(correlations(hard, hard_classes=4), loops(rows), atol=1e-12)
    first, second = correlations(answers), loops(rows)
    wanted = sum(abs(first[i, j] - second[i, j]) for i in range(6) for j in range(6)) / 36
    assert distance(first, second) == pytest.approx(wanted)


def test_area_and_threshold() -> None:
    copies, unrelated = [0.1, 0.2, 0.4], [0.4, 0.5, 0.6, 0.3]
    wins = sum((a < b) + 0.5 * (a == b) for a in copies for b in unrelated)
    assert area(copies, unrelated) == pytest.approx(wins / 12)
    assert best_threshold([0.1, 0.2], [0.4, 0.6]) == pytest.approx(0.3)
    assert best_threshold([0.1, 0.9], [0.4, 0.6]) == pytest.approx(0.25)
    for farther in ([0.5], [0.5, 0.9], [0.6, 0.7]):
        assert best_threshold(farther, [0.1, 0.5]) is None


@pytest.mark.parametrize("side", [8, 32, 33])
def test_pieces_come_from_one_other_image_and_lie_in_a_corner(side: int) -> None:
    images = torch.arange(5, dtype=torch.uint8)[:, None, None, None].expand(5, 3, side, side)
    for seed in range(10):
        changed = cutmix(images, seed=seed) != images
        touched = changed.any(0).any(0)
        rows, columns = (np.flatnonzero(touched.any(axis).numpy()) for axis in (1, 0))
        if not len(rows):
            continue  # the permutation of so few images moved none
        half = max(1, int(0.2 * side) // 2)
        for places in (rows, columns):
            assert len(places) <= 2 * half
            assert places[0] <= side / 6 or places[-1] >= side * 5 / 6 - half - 1
    assert torch.equal(cutmix(images, seed=1), cutmix(images, seed=1))


def case(**changes: object) -> Case:
    values = {"images": suspects.pictures(80, seed=2), "key": suspects.the_key(), "own": suspects.locked(), "seed": 0}
    return Case(**{**values, "unrelated": tuple(map(suspects.plain, range(3))), **changes})


@pytest.mark.parametrize("hard", [False, True])
def test_the_distance_is_that_of_the_samples(hard: bool) -> None:
    held = case()
    found = Sac(images=40, alpha=0.25, hard=hard)(Suspect(suspects.pruned(suspects.locked())), held)
    samples = cutmix(edited(held.images, choose(held.images, 40, seed=0), held.editor), seed=0)

    def rows(model: object) -> list[list[float]]:
        with torch.no_grad():
            scores = model(samples.float() / 255)
        if hard:
            scores = torch.where(scores == scores.amax(1, keepdim=True), 1.0, 0.01)
            if scores.shape[1] == 4:
                scores = torch.cat([scores, torch.full((40, 1), 0.01)], 1)
        return scores.softmax(1).double().tolist()

    own = loops(rows(suspects.locked()))
    assert found.statistic == pytest.approx(
        np.abs(loops(rows(suspects.pruned(suspects.locked()))) - own).mean(), abs=1e-6
    )
    nearest = min(np.abs(loops(rows(suspects.plain(seed))) - own).mean() for seed in range(3))
    assert found.facts["unrelated_nearest"] == pytest.approx(nearest, abs=1e-6)
    assert found.queries == 40


def test_copies_are_nearer_than_unrelated_models() -> None:
    copies = (suspects.finetuned(suspects.locked()),)
    method = Sac(images=60)
    own = method(Suspect(query=suspects.renamed(suspects.locked())), case(copies=copies))
    assert own.match
    assert own.statistic < own.threshold
    assert "AUC" in own.words
    other = method(Suspect(suspects.network(4, 7)), case(copies=copies))  # not trained at all
    assert not other.match
    assert other.statistic > own.statistic


def test_copies_that_are_no_nearer_blame_nobody() -> None:
    held = case(copies=(suspects.network(4, 7),), unrelated=(suspects.pruned(suspects.locked(), 0.1),))
    for suspect in (suspects.locked(), suspects.plain(), suspects.network(4, 7)):
        found = Sac(images=40)(Suspect(suspect), held)
        assert not found.match
        assert "AUC 0.000, so the copies given are no nearer than these and no distance tells" in found.words


def test_wrong_samples_are_those_that_the_own_model_gets_wrong() -> None:
    asked: list[Tensor] = []

    def query(images: Tensor) -> Tensor:
        asked.append(images)
        return suspects.locked()(images)

    held = case(key=None, own=suspects.plain(), images=_mislabelled())
    Sac(form="wrong", images=10, alpha=0.25)(Suspect(query=query), held)
    everything = raw(held.images, np.arange(len(held.images)), suspects.SIDE).float() / 255
    with torch.no_grad():
        wrong = suspects.plain()(everything).argmax(1).numpy() != held.images.labels
    expected = {image.numpy().tobytes() for image in everything[torch.from_numpy(wrong)]}
    assert {image.numpy().tobytes() for image in torch.cat(asked)} <= expected
    assert 2 <= len(torch.cat(asked)) <= 10


def _mislabelled() -> ImageSet:
    """A quarter of the images carries the label of the next class."""
    images = suspects.pictures(40, seed=2)
    images.labels = np.where(np.arange(40) % 4 == 0, (images.labels + 1) % 4, images.labels)
    return images


def test_what_is_lacking() -> None:
    with pytest.raises(ConfigError, match="unrelated models"):
        Sac()(Suspect(suspects.plain()), case(unrelated=()))
    with pytest.raises(ConfigError, match="form"):
        Sac(form="mixup")
    with pytest.raises(DataError, match="gets 0 of 80 images wrong"):
        Sac(form="wrong", alpha=0.25)(Suspect(suspects.plain()), case())


def test_too_few_unrelated_models_for_a_match_are_refused_before_a_query() -> None:
    suspect = Suspect(suspects.locked())
    with pytest.raises(
        ConfigError, match=r"3 unrelated models give no p-value below 0\.25, expected 0\.05 .* take 19 of"
    ):
        Sac(images=20)(suspect, case())
    assert suspect.spent == 0
    two = case(unrelated=(suspects.plain(), suspects.plain(1)))
    with pytest.raises(ConfigError, match=r"or known copies, or for weaker evidence alpha=0\.334$"):
        Sac(images=20)(suspect, two)
    assert Sac(images=20, alpha=0.334)(suspect, two).match
    assert Sac(images=20)(suspect, case(copies=(suspects.pruned(suspects.locked(), 0.1),))).p_value == 0.25
