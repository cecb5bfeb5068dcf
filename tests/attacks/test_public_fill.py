"""A weight lock on a model that was fine-tuned as a whole falls to the public weights, wherever its place shows."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from spellock.attacks.base import Stolen
from spellock.attacks.levels import level_of
from spellock.attacks.registry import make_attack
from spellock.errors import ConfigError
from spellock.tasks.pixel_model import PixelModel

from . import colours


@pytest.fixture(scope="module")
def owned() -> PixelModel:
    return colours.trained()


def weakly_keyed(owned: PixelModel) -> tuple[PixelModel, PixelModel]:
    """A keyed model that lost its loudest filters, and the public model it is near to."""
    keyed, public = copy.deepcopy(owned), copy.deepcopy(owned)
    with torch.no_grad():
        filters = keyed.network[0].weight
        chosen = filters.flatten(1).norm(dim=1).argsort(descending=True)[:6]
        filters[chosen] = 0
        keyed.network[5].weight[:] = torch.randn(4, 12, generator=torch.Generator().manual_seed(1))
        for parameter in public.parameters():
            noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
            parameter += 0.02 * parameter.std() * noise if parameter.numel() > 1 else 0
    return keyed, public


def steal(model: PixelModel, public: PixelModel | None, **options: object) -> Stolen:
    holdings = {"public": public, "lock_class": None}
    if options.get("then") == "finetune":
        holdings |= colours.with_labels(20)
    (stolen,) = make_attack("public-fill", options)(colours.view(copy.deepcopy(model), **holdings))
    return stolen


def test_the_difference_gives_the_place_away_and_public_weights_fill_it(owned: PixelModel) -> None:
    keyed, public = weakly_keyed(owned)
    assert colours.argmax(keyed) < 0.6
    stolen = steal(keyed, public, share=1.0)
    assert colours.accuracy(stolen.predict) > 0.9
    assert stolen.found["filled units"] == 12 + 4
    few = steal(keyed, public, share=0.5)
    assert few.found["filled units"] == 6 + 2


def test_what_is_filled_is_what_differs_most(owned: PixelModel) -> None:
    """Restated: of each tensor the filters with the largest difference take the public values, all else stays."""
    keyed, public = weakly_keyed(owned)
    stolen = steal(keyed, public, share=0.5)
    images, _ = colours.pictures(30, seed=5)
    wanted = copy.deepcopy(keyed)
    with torch.no_grad():
        for place in (0, 5):
            mine, theirs = wanted.network[place].weight, public.network[place].weight
            gap = (mine - theirs).flatten(1).norm(dim=1).numpy()
            chosen = np.argsort(-gap, kind="stable")[: len(gap) // 2]
            mine[torch.from_numpy(chosen)] = theirs[torch.from_numpy(chosen)]
        assert torch.allclose(stolen.predict(images.float() / 255), wanted(images.float() / 255), atol=1e-5)


@pytest.mark.parametrize("mark", ["high", "low", "outlier", "typical"])
def test_zeros_are_found_without_the_public_models_help(owned: PixelModel, mark: str) -> None:
    keyed, public = copy.deepcopy(owned), owned
    with torch.no_grad():
        keyed.network[0].weight[:6] = 0
    before = colours.argmax(keyed)
    assert colours.accuracy(steal(keyed, public, mark=mark, share=0.5).predict) >= max(0.85, before)


def test_labels_train_on_from_the_fill(owned: PixelModel) -> None:
    keyed, public = weakly_keyed(owned)
    attack = make_attack("public-fill", {"then": "finetune", "steps": 30, "share": 0.5})
    assert level_of(attack.needs) == "labels"
    assert level_of(make_attack("public-fill").needs) == "weights"
    assert colours.accuracy(steal(keyed, public, then="finetune", steps=30, share=0.5).predict) > 0.8


def test_what_does_not_fit_is_said(owned: PixelModel) -> None:
    with pytest.raises(ConfigError, match="public weights"):
        steal(owned, None)
    with pytest.raises(ConfigError, match="shape"):
        steal(owned, colours.plain(nn.Sequential(nn.Flatten(), nn.Linear(192, 4))))
    for options in ({"mark": "loud"}, {"share": 1.5}, {"share": 0.0}, {"then": "sell"}):
        with pytest.raises(ConfigError):
            make_attack("public-fill", options)
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_attack("public-fill").share = 0.2  # type: ignore[misc]
