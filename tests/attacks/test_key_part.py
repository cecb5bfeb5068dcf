"""A part of a weight key: put in as it is, and its rest filled from public weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from spellock.attacks.base import Stolen
from spellock.attacks.leaked_part import LeakedPart
from spellock.attacks.levels import level_of
from spellock.attacks.registry import make_attack
from spellock.errors import ConfigError
from spellock.tasks.pixel_model import PixelModel
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.parts import part_of
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.weight_key import WeightKey

from . import colours

SECRET = bytes(range(32))


@pytest.fixture(scope="module")
def owned() -> PixelModel:
    return colours.trained()


@pytest.fixture(scope="module")
def locked(owned: PixelModel) -> tuple[PixelModel, WeightKey]:
    """A weight lock of three quarters of every layer and the whole classifier."""
    keyed = copy.deepcopy(owned)
    select = SelectConfig(fraction=0.75, head="5")
    return keyed, lock_module(keyed.network, WeightLockConfig(select=select), secret=SECRET)


def steal(
    keyed: PixelModel, key: WeightKey, held: float, public: PixelModel | None = None, **options: object
) -> Stolen:
    holdings: dict[str, object] = {
        "key_part": LeakedPart.of(part_of(key, held), ModuleState(keyed.network)),
        "public": public,
    }
    if options.get("then") == "finetune":
        holdings |= colours.with_labels(20)
    (stolen,) = make_attack("key-part", options)(colours.view(copy.deepcopy(keyed), **holdings))
    return stolen


def test_a_lock_whose_key_leaks_is_open_and_half_a_key_is_not(
    owned: PixelModel, locked: tuple[PixelModel, WeightKey]
) -> None:
    keyed, key = locked
    assert colours.argmax(keyed) < 0.6
    images = colours.pictures(30, seed=5)[0].float() / 255
    whole = steal(keyed, key, 1.0)
    with torch.no_grad():
        assert torch.equal(whole.predict(images), owned(images))
    half = steal(keyed, key, 0.5)
    assert half.found["units of the part"] < whole.found["units of the part"]
    assert colours.accuracy(half.predict) < colours.accuracy(whole.predict)


def test_the_rest_comes_from_the_public_model(owned: PixelModel, locked: tuple[PixelModel, WeightKey]) -> None:
    """Where the public model is the owner's own, half a key and the public weights are the whole key."""
    keyed, key = locked
    filled = steal(keyed, key, 0.5, owned, rest="public", share=1.0)
    images = colours.pictures(30, seed=5)[0].float() / 255
    with torch.no_grad():
        assert torch.allclose(filled.predict(images), owned(images), atol=1e-5)
    assert colours.accuracy(steal(keyed, key, 0.5).predict) < colours.accuracy(filled.predict)


def test_of_the_rest_the_suspicious_rows_are_filled_and_the_part_stays(
    owned: PixelModel, locked: tuple[PixelModel, WeightKey]
) -> None:
    keyed, key = locked
    public = copy.deepcopy(owned)
    with torch.no_grad():
        for parameter in public.parameters():
            parameter.add_(0.25)
    part = part_of(key, 0.5)
    stolen = steal(keyed, key, 0.5, public, rest="public", share=0.5)
    wanted = copy.deepcopy(keyed).network.state_dict()
    theirs, names = public.network.state_dict(), list(part.places)
    assert "1.running_mean" in names
    for name in names:
        mine = wanted[name]
        if mine.ndim <= 1:
            mine.copy_(theirs[name])
        else:
            unit = part.places[name].unit
            gap = (mine - theirs[name]).reshape(-1, unit).norm(dim=1).numpy()
            chosen = torch.from_numpy(np.sort(np.argsort(-gap, kind="stable")[: len(gap) // 2]))
            mine.view(-1, unit)[chosen] = theirs[name].reshape(-1, unit)[chosen]
        mine.view(-1, part.places[name].unit)[torch.from_numpy(part.places[name].indices)] = part.values[name]
    restated = copy.deepcopy(keyed)
    restated.network.load_state_dict(wanted)
    images = colours.pictures(30, seed=5)[0].float() / 255
    with torch.no_grad():
        assert torch.allclose(stolen.predict(images), restated(images), atol=1e-5)


@pytest.mark.parametrize("granularity", ["unit", "block", "scalar"])
def test_a_part_tells_what_its_key_is_made_of(owned: PixelModel, granularity: str) -> None:
    keyed = copy.deepcopy(owned)
    public = copy.deepcopy(owned)
    with torch.no_grad():
        for parameter in public.parameters():
            parameter.add_(0.25)
    select = SelectConfig(granularity=granularity, fraction=0.5, include_head=False, norms="frozen", biases="frozen")  # type: ignore[arg-type]
    key = lock_module(keyed.network, WeightLockConfig(select=select), secret=bytes(32))
    found = steal(keyed, key, 0.5, public, rest="public", share=0.5)
    halves = [max(1, place.info.scalars // place.unit // 2) for place in key.places.values()]
    assert found.found["filled units"] == sum(halves)


def test_labels_train_on_from_the_part(locked: tuple[PixelModel, WeightKey]) -> None:
    keyed, key = locked
    assert colours.accuracy(steal(keyed, key, 0.5, then="finetune", steps=30).predict) > 0.8


def test_what_it_needs(locked: tuple[PixelModel, WeightKey], owned: PixelModel) -> None:
    keyed, key = locked
    for options in ({}, {"then": "finetune"}, {"rest": "public"}):
        assert level_of(make_attack("key-part", options).needs) == "part"
    with pytest.raises(ConfigError, match="a part of the weight key"):
        make_attack("key-part")(colours.view(copy.deepcopy(keyed)))
    with pytest.raises(ConfigError, match="public weights"):
        steal(keyed, key, 0.5, rest="public")
    with pytest.raises(ConfigError, match="belongs to another model"):
        make_attack("key-part")(colours.view(colours.locked(), key_part=LeakedPart.of(key, ModuleState(keyed.network))))
    for options in ({"mark": "loud"}, {"share": 1.5}, {"share": 0.0}, {"then": "sell"}, {"rest": "guess"}):
        with pytest.raises(ConfigError):
            make_attack("key-part", options)


def test_what_leaked_holds_no_secret(locked: tuple[PixelModel, WeightKey]) -> None:
    model, key = locked
    keyed = ModuleState(model.network)
    part = LeakedPart.of(part_of(key, 0.5), keyed)
    assert set(vars(part)) == {"places", "values"}
    assert part.digest == LeakedPart.of(part_of(key, 0.5), keyed).digest != LeakedPart.of(key, keyed).digest
    assert "values" not in repr(part)
