"""MOVE: signs of gradients against finite differences, and its decisions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from spellock.errors import ConfigError, ModelError
from spellock.ownership.case import Case
from spellock.ownership.gradient_signs import gradient_signs, shared_weights
from spellock.ownership.meta_classifier import fit
from spellock.ownership.move import Move, differences
from spellock.ownership.queries import edited, raw
from spellock.ownership.suspect import Suspect
from spellock.tasks.pixel_model import wrap

from . import suspects


def test_signs_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 2, 2), nn.Flatten(), nn.Linear(18, 3)).double()
    model = wrap(net, input_size=4, mean=(0, 0, 0), std=(1, 1, 1)).float().eval()
    images = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    labels = np.array([2, 0])
    names = shared_weights(model)
    assert names == ("0.weight", "2.weight")
    found = gradient_signs(model, images, labels, names)
    assert found.shape == (2, 2 * 3 + 3 * 18)
    exact = wrap(net.double(), input_size=4, mean=(0, 0, 0), std=(1, 1, 1)).eval()

    def loss(place: int) -> float:
        with torch.no_grad():
            logits = exact.network(images[place : place + 1].double() / 255)
        return float(nn.functional.cross_entropy(logits, torch.tensor([labels[place]])))

    for place in range(2):
        signs: list[float] = []
        for weight in (net[0].weight, net[2].weight):
            slopes = np.empty(weight.numel())
            for entry in range(weight.numel()):
                flat = weight.data.view(-1)
                flat[entry] += 1e-5
                high = loss(place)
                flat[entry] -= 2e-5
                slopes[entry] = (high - loss(place)) / 2e-5
                flat[entry] += 1e-5
            slopes = slopes.reshape(weight.shape)
            signs += np.sign(slopes if slopes.ndim == 2 else slopes.max(axis=(2, 3))).ravel().tolist()
        np.testing.assert_array_equal(found[place], signs)


def test_weights_of_one_shape_alone_are_used() -> None:
    assert shared_weights(suspects.locked(), suspects.plain()) == ("1.weight",)  # heads of 5 and 4 classes
    other = suspects.network(4, 0, hidden=25)
    with pytest.raises(ModelError, match="one architecture"):
        shared_weights(suspects.plain(), other)
    assert all(weight.requires_grad for weight in suspects.plain().parameters())
    with pytest.raises(ModelError, match="has 4 classes, expected 5"):
        gradient_signs(suspects.plain(), torch.zeros(1, 3, 8, 8, dtype=torch.uint8), np.array([4]), ("1.weight",))


def test_differences_do_not_depend_on_the_order_of_classes() -> None:
    images, places = suspects.pictures(6), np.arange(6)
    changed = edited(images, places, Case(images=images, key=suspects.the_key()).editor)
    plain = raw(images, places, suspects.SIDE)
    found = differences(Suspect(suspects.locked()), changed, plain)
    with torch.no_grad():
        first, second = (suspects.locked()(part.float() / 255).softmax(1).numpy() for part in (changed, plain))
    np.testing.assert_allclose(found[:, :4], np.sort(first - second, axis=1)[:, [0, 1, -2, -1]], atol=1e-6)
    turned = Suspect(query=lambda asked: suspects.locked()(asked).flip(1))
    np.testing.assert_allclose(differences(turned, changed, plain), found, atol=1e-6)
    with pytest.raises(ConfigError, match="labels alone"):
        differences(Suspect(query=lambda asked: torch.zeros(len(asked))), changed, plain)


def test_the_classifier_tells_two_clouds_apart() -> None:
    draws = np.random.default_rng(0)
    judge = fit(draws.normal(1, 1, (40, 5)), draws.normal(-1, 1, (40, 5)))
    assert judge(np.full((1, 5), 2.0))[0] > 0.95 > 0.05 > judge(np.full((1, 5), -2.0))[0]


@pytest.mark.parametrize("way", ["white-box", "black-box"])
def test_copies_match_and_another_plain_model_does_not(way: str) -> None:
    case = Case(
        images=suspects.pictures(60, seed=2),
        key=suspects.the_key(),
        own=suspects.locked(),
        unrelated=(suspects.plain(),),
        seed=0,
    )
    method = Move(way=way, images=30)
    copy = suspects.pruned(suspects.locked(), 0.2)
    assert method(Suspect(copy), case).match
    assert not method(Suspect(suspects.plain()), case).match
    if way == "black-box":
        assert method(Suspect(query=suspects.renamed(copy)), case).queries == 4 * 30


@pytest.mark.parametrize("way", ["white-box", "black-box"])
def test_every_unrelated_model_counts_whatever_the_order(way: str) -> None:
    """Each is tested by a classifier fitted to all of them, and the largest p-value counts."""
    method, unrelated = Move(way=way, images=30), (suspects.plain(), suspects.plain(1))
    shared = {"images": suspects.pictures(60, seed=2), "key": suspects.the_key(), "own": suspects.locked(), "seed": 0}
    copy = Suspect(suspects.pruned(suspects.locked(), 0.2))
    assert method(copy, Case(**shared, unrelated=unrelated)).match
    # A suspect that is one of the unrelated models differs from the other at most.
    for order in (unrelated, unrelated[::-1]):
        found = method(Suspect(suspects.plain(1)), Case(**shared, unrelated=order))
        assert not found.match
        assert found.p_value >= 0.5
        assert found.facts["unrelated"] == 2
        assert "the nearest of 2 unrelated models" in found.words


def test_what_is_lacking() -> None:
    with pytest.raises(ConfigError, match="unrelated models"):
        Move()(
            Suspect(suspects.plain()), Case(images=suspects.pictures(8), key=suspects.the_key(), own=suspects.plain())
        )
    with pytest.raises(ConfigError, match="way"):
        Move(way="grey-box")
