"""Only what is missing is trained: a weight lock whose place shows falls to a few labels."""

from __future__ import annotations

import copy

import pytest
import torch

from spellock.attacks.base import Stolen
from spellock.attacks.confined_model import ConfinedModel
from spellock.attacks.key_places import KeyPlaces
from spellock.attacks.levels import level_of
from spellock.attacks.registry import make_attack
from spellock.errors import ConfigError
from spellock.tasks.pixel_model import PixelModel
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.select_config import SelectConfig

from . import colours


@pytest.fixture(scope="module")
def keyed() -> PixelModel:
    """A weight lock that shows its place: zeros in half of the filters and the whole classifier."""
    model = colours.trained()
    select = SelectConfig(fraction=0.5, head="5", norms="frozen", biases="frozen")
    lock_module(model.network, WeightLockConfig(select=select, fill="zero"), secret=bytes(32))
    return model


def steal(model: PixelModel, labels: int = 20, **options: object) -> Stolen:
    attack = make_attack("key-places", {"steps": 40, **options})
    (stolen,) = attack(colours.view(copy.deepcopy(model), **colours.with_labels(labels)))
    return stolen


def test_a_few_labels_fill_a_hole_that_shows(keyed: PixelModel) -> None:
    assert colours.argmax(keyed) < 0.5
    stolen = steal(keyed, share=0.5)
    assert colours.accuracy(stolen.predict) > 0.9
    assert stolen.found["trained units"] == 6 + 12 + 12 + 12 + 4 * 12 + 4  # filters; conv, norm, classifier
    assert stolen.found["learning rate"] in (0.1, 0.01, 0.001)


def test_the_rest_stands_still(keyed: PixelModel) -> None:
    model = copy.deepcopy(keyed)
    places = KeyPlaces(mark="low", share=0.5, head="ranked")._places(model.network)
    zeros = keyed.network[0].weight.flatten(1).norm(dim=1) == 0
    assert places["0.weight"].indices.tolist() == zeros.nonzero().flatten().tolist(), "zeros come first"
    assert len(places["5.weight"].indices) == 2
    before = {name: tensor.clone() for name, tensor in keyed.network.state_dict().items()}
    confined = ConfinedModel(model, places).train()
    optimizer = torch.optim.SGD(confined.values, lr=0.1, momentum=0.9, weight_decay=0.1)
    images, labels = colours.pictures(16)
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(confined(images.float() / 255), torch.from_numpy(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(torch.equal(model.network.state_dict()[name], tensor) for name, tensor in before.items())
    restated = copy.deepcopy(keyed)
    for (name, place), values in zip(places.items(), confined.values, strict=True):
        assert not torch.equal(values.detach(), place.take(before[name])), name
        place.put(restated.network.state_dict()[name], values.detach())
    with torch.no_grad():
        assert torch.allclose(confined(images.float() / 255), restated(images.float() / 255), atol=1e-6)


def test_what_it_needs(keyed: PixelModel) -> None:
    assert level_of(make_attack("key-places").needs) == "labels"
    with pytest.raises(ConfigError, match="labels"):
        make_attack("key-places")(colours.view(copy.deepcopy(keyed)))
    for options in ({"mark": "difference"}, {"share": 1.5}, {"granularity": "layer"}, {"head": "new"}, {"steps": 0}):
        with pytest.raises(ConfigError):
            make_attack("key-places", options)
