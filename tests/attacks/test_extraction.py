"""Copies of an unlocked model: a few answers open a lock whose features are whole, and asking stays within limits."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.attacks.budget import Budget, Query
from spellock.attacks.customer import Customer
from spellock.attacks.few_call import choose_near_means, neighbour_labels
from spellock.attacks.levels import level_of
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.registry import make_attack
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError, DataError, ModelError
from spellock.tasks.pixel_model import PixelModel

from . import colours
from .test_weave_inversion import Plain

NAMES = ("knockoff", "few-call")


@pytest.fixture(scope="module")
def right() -> PixelModel:
    return colours.trained()


def stolen(right: PixelModel) -> PixelModel:
    """The same features under a classifier that says the next class: locked badly."""
    model = copy.deepcopy(right)
    with torch.no_grad():
        model.network[5].weight[:] = model.network[5].weight.roll(1, 0)
        model.network[5].bias[:] = model.network[5].bias.roll(1, 0)
    return model


def view(model: PixelModel, right: PixelModel, limit: int | None) -> AttackerView:
    plain = colours.view(model)
    with torch.no_grad():
        answers = right(plain.unlabelled.float() / 255).softmax(1).numpy()
    return colours.view(model, customer=Customer(answers, limit=limit))


@pytest.mark.parametrize("name", NAMES)
def test_forty_answers_make_a_copy(name: str, right: PixelModel, tmp_path: Path) -> None:
    model = stolen(right)
    assert colours.argmax(model) < 0.3
    attack = make_attack(name, {"steps": 60, "batch_size": 16, "learning_rate": 0.05})
    held = view(model, right, 40)
    (copied,) = attack(held, tmp_path)
    assert colours.accuracy(copied.predict) > 0.85
    assert copied.found["asked"] == held.customer.spent == 40
    (again,) = attack(view(stolen(right), right, 40), tmp_path)  # from its checkpoints
    assert colours.accuracy(again.predict) == colours.accuracy(copied.predict)
    assert level_of(attack.needs) == "customer"
    with pytest.raises(ConfigError, match="unlocked model"):
        attack(colours.view(model))


@pytest.mark.parametrize("name", NAMES)
def test_without_a_key_a_copy_learns_what_the_lock_says(name: str, right: PixelModel) -> None:
    options = {"asks": "locked", "steps": 60, "batch_size": 16, "learning_rate": 0.05}
    attack = make_attack(name, options)
    assert level_of(attack.needs) == "query"
    blank = colours.locked(after=lambda logits: 0 * logits)
    # Where the lock only adds a class, its answers are right below it; where it says the next class, the copy does too.
    weak = opened(right)
    for model, lock, low, high in ((weak, 4, 0.85, 1.0), (stolen(right), None, 0.0, 0.3)):
        view = colours.view(copy.deepcopy(model), lock_class=lock, public=copy.deepcopy(right))
        (copied,) = attack(view)
        assert low <= colours.accuracy(copied.predict) <= high
    limited = colours.view(copy.deepcopy(weak), lock_class=4, public=right, budget=Budget(queries=30))
    assert attack(limited)[0].found["asked"] == 30
    with pytest.raises(ConfigError, match="public weights"):
        attack(colours.view(blank))


def opened(right: PixelModel) -> PixelModel:
    """``right`` below a lock class, the fifth, which it always says."""
    weak = copy.deepcopy(right)
    weak.network[5] = torch.nn.Linear(12, 5)
    with torch.no_grad():
        weak.network[5].weight[:4], weak.network[5].bias[:4] = right.network[5].weight, right.network[5].bias
        weak.network[5].weight[4], weak.network[5].bias[4] = 0, 100
    return weak


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("student", ["public", "small_resnet8"])
def test_who_may_only_ask_pays_for_each_answer(name: str, student: str, right: PixelModel, tmp_path: Path) -> None:
    options = {"asks": "locked", "student": student, "steps": 60, "batch_size": 16, "learning_rate": 0.05}
    attack = make_attack(name, options)
    asked: list[int] = []

    def answer(images: torch.Tensor) -> torch.Tensor:
        asked.append(len(images))
        with torch.no_grad():
            return opened(right)(images)

    for limit in (50, None):
        asked.clear()
        query = Query(answer, limit=limit)
        public = copy.deepcopy(stolen(right)) if student == "public" else None
        (copied,) = attack(colours.view(None, query=query, public=public), tmp_path / f"{limit}")
        assert copied.found["asked"] == query.spent == sum(asked) == (limit or 200)
        assert colours.accuracy(copied.predict) > 0.85
        assert sum(asked) == query.spent  # the copy asks nobody
    if student == "public":
        with pytest.raises(ConfigError, match="public weights"):
            attack(colours.view(None, query=Query(answer)))


def test_a_search_for_a_key_takes_half_of_the_queries(right: PixelModel) -> None:
    editor = PublicEditor(name="plain", settings={}, gamma=1.0, resolution=8, resize="bicubic", make=Plain)
    options = {"asks": "guessed", "steps": 60, "batch_size": 16, "learning_rate": 0.05}
    query = Query(right, limit=120)
    view = colours.view(
        None, query=query, public=stolen(right), editor=editor, budget=Budget(candidates=2, queries=120)
    )
    (copied,) = make_attack("knockoff", options)(view)
    assert query.spent == 120
    assert 60 <= copied.found["asked"] < 120
    assert colours.accuracy(copied.predict) > 0.85


def test_the_copy_of_an_unlocked_model_starts_from_the_stolen_one() -> None:
    with pytest.raises(ConfigError, match="leave student out"):
        make_attack("knockoff", {"student": "small_resnet8"})
    with pytest.raises(ModelError, match="unknown model 'small_resnet9'"):
        make_attack("knockoff", {"asks": "locked", "student": "small_resnet9"})(colours.view(colours.trained()))


def test_a_guessed_key_is_asked_with(right: PixelModel, tmp_path: Path) -> None:
    """The editor paints nothing under any prompt, and the model has no lock: all that is copied is right."""
    editor = PublicEditor(name="plain", settings={}, gamma=1.0, resolution=8, resize="bicubic", make=Plain)
    view = colours.view(copy.deepcopy(right), public=stolen(right), editor=editor, budget=Budget(candidates=2))
    attack = make_attack("knockoff", {"asks": "guessed", "steps": 60, "batch_size": 16, "learning_rate": 0.05})
    (copied,) = attack(view, tmp_path)
    assert colours.accuracy(copied.predict) > 0.85
    with pytest.raises(ConfigError, match="public editor"):
        attack(colours.view(right, public=right))


def test_answers_are_counted_once_and_checked() -> None:
    customer = Customer(np.full((6, 4), 0.25, np.float32), limit=3)
    customer(np.array([0, 1, 1]))
    assert (customer.spent, customer.left) == (2, 1)
    with pytest.raises(ConfigError, match="budget has 3"):
        customer(np.array([2, 3]))
    assert customer.spent == 2  # nothing was told
    assert Customer(np.full((6, 4), 0.25, np.float32)).left == 6
    with pytest.raises(DataError, match="sum to 1"):
        Customer(np.ones((2, 3), np.float32))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.integers(0, 40))
def test_choices_are_new_even_and_as_many_as_wanted(seed: int, count: int) -> None:
    draws = np.random.default_rng(seed)
    features, classes = draws.normal(size=(40, 3)).astype(np.float32), np.arange(40) % 4
    without = draws.permutation(40)[:8]
    found = choose_near_means(features, classes, count, without=without, draws=draws)
    assert len(set(found.tolist())) == len(found) == min(count, 32)
    assert not set(found) & set(without)
    if count <= 16:  # every class has as many left
        assert np.ptp(np.bincount(classes[found], minlength=4)) <= 1


def test_one_image_far_from_its_class_is_still_drawn() -> None:
    features = np.zeros((400, 2), dtype=np.float32)
    features[7] = 1e4
    found = choose_near_means(
        features, np.zeros(400, np.int64), 400, without=np.zeros(0, np.int64), draws=np.random.default_rng(0)
    )
    assert sorted(found) == list(range(400))
    assert found[-1] == 7


def test_images_near_their_class_are_chosen_more_often() -> None:
    features = np.concatenate([np.zeros((10, 2)), np.full((10, 2), 3.0), -np.full((10, 2), 3.0)]).astype(np.float32)
    hits = np.zeros(30)
    for seed in range(200):
        found = choose_near_means(
            features, np.zeros(30, np.int64), 5, without=np.zeros(0, np.int64), draws=np.random.default_rng(seed)
        )
        hits[found] += 1
    # mean d is 12, so an inner image weighs exp(18 / 12) times an outer one at the first draw
    assert hits[:10].sum() > 1.5 * (hits[10:].sum() / 2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.integers(1, 6))
def test_neighbours_vote(seed: int, neighbours: int) -> None:
    draws = np.random.default_rng(seed)
    features, asked = draws.normal(size=(15, 4)).astype(np.float32), draws.permutation(15)[:8]
    labels = draws.integers(3, size=8)
    found = neighbour_labels(features, asked, labels, neighbours)
    for place in range(15):
        cosines = [
            float(features[place] @ features[other] / np.linalg.norm(features[place]) / np.linalg.norm(features[other]))
            for other in asked
        ]
        near = sorted(range(8), key=lambda one: -cosines[one])[:neighbours]
        votes = [int(labels[one]) for one in near]
        assert found[place] == max(sorted(set(votes)), key=votes.count)
