"""What suspects answer, how they are counted, and what is chosen to ask them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spellock.errors import ConfigError, DataError, ModelError
from spellock.ownership.case import Case, Evidence
from spellock.ownership.queries import choose, raw
from spellock.ownership.suspect import Suspect, read_answers

from . import suspects


def test_logits_probabilities_and_labels_are_told_apart() -> None:
    logits = np.array([[1.0, 3.0, -2.0], [0.0, 0.0, 5.0]])
    wanted = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for given in (logits, wanted, logits + 7):
        answers = read_answers(given, 2)
        np.testing.assert_allclose(answers.scores, wanted, atol=1e-12)
        assert answers.labels.tolist() == [1, 2]
    labels = read_answers(np.array([4, 0]), 2)
    assert labels.scores is None
    assert labels.labels.tolist() == [4, 0]


@pytest.mark.parametrize(
    "wrong", [np.zeros((3, 4)), np.zeros((2, 1)), np.zeros((2, 3, 1)), np.array([[1.0, np.nan]] * 2)]
)
def test_other_answers_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ModelError, match="suspect gave"):
        read_answers(wrong, 2)


def test_single_numbers_that_are_no_labels_are_refused() -> None:
    assert read_answers(np.array([4.0, 0.0]), 2).labels.tolist() == [4, 0]
    for wrong in ([0.2, 0.9], [1.0, np.nan]):  # as of two classes, where one probability says all
        with pytest.raises(ModelError, match="no whole number"):
            read_answers(np.array(wrong), 2)


def test_answers_that_change_their_shape_are_refused() -> None:
    images = raw(suspects.pictures(129), np.arange(129), suspects.SIDE)
    for query in (lambda asked: asked.mean((2, 3)).squeeze(), lambda asked: asked.mean((1, 2, 3)).round().squeeze()):
        with pytest.raises(ModelError, match="must not squeeze"):
            Suspect(query=query).ask(images)


def test_queries_are_counted_and_limited() -> None:
    images = raw(suspects.pictures(6), np.arange(6), suspects.SIDE)
    suspect = Suspect(query=lambda asked: asked.mean((2, 3)), limit=10)
    suspect.ask(images)
    assert suspect.spent == 6
    with pytest.raises(ConfigError, match="12 answers, expected at most 10"):
        suspect.ask(images)
    with pytest.raises(ConfigError, match="only its answers"):
        _ = suspect.model
    for wrong in ({}, {"model": suspects.network(2, 0), "query": torch.sum}, {"query": torch.sum, "limit": 0}):
        with pytest.raises(ConfigError):
            Suspect(**wrong)


def test_a_model_is_asked_in_evaluation_mode_and_left_as_it_was() -> None:
    model = suspects.network(3, 0)
    model.network.insert(1, torch.nn.Dropout(0.9))
    model.train()
    images = raw(suspects.pictures(4), np.arange(4), suspects.SIDE)
    first, second = (Suspect(model).ask(images).scores for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert model.training


def test_images_are_chosen_evenly_and_by_the_seed() -> None:
    images = suspects.pictures(40).subset([*range(0, 40, 4), *range(1, 40, 2)])  # 10 of a, b twice as rare as d
    chosen = choose(images, 12, seed=3)
    counts = np.bincount(images.labels[chosen])
    assert counts[counts > 0].tolist() == [4, 4, 4]
    assert chosen.tolist() == choose(images, 12, seed=3).tolist() != choose(images, 12, seed=4).tolist()
    assert len(set(choose(images, 12, seed=0, labelled=False))) == 12
    with pytest.raises(DataError, match="30 images, expected at least 31"):
        choose(images, 31, seed=0)


def test_a_case_says_what_it_lacks_and_finds_labels_by_name() -> None:
    case = Case(images=suspects.pictures(8), classes=("d", "x", "c", "b", "a"))
    assert case.own_labels.tolist() == [4, 3, 2, 0] * 2
    with pytest.raises(ConfigError, match="needs the key and the owner's model"):
        case.require(frozenset({Evidence.KEY, Evidence.OWN, Evidence.LABELS}))
    with pytest.raises(DataError, match="has a class 'b'"):
        _ = Case(images=suspects.pictures(8), classes=("a", "c", "d")).own_labels
    with pytest.raises(DataError, match="holds no images"):
        Case(images=suspects.pictures(0))
    several = suspects.pictures(8)
    several.labels = np.eye(4, dtype=np.int64)[several.labels]
    with pytest.raises(DataError, match="several labels an image"):
        Case(images=several)
    assert not Case(images=several, labelled=False).labelled
