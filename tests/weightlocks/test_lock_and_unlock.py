"""Locking and unlocking modules: exact, deterministic, and only for the right model."""

from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spellock.errors import ConfigError, ModelError
from spellock.weightlocks.fills import list_fills
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.places import Place
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.unlocking import unlock_module, unlocked
from spellock.weightlocks.weight_key import WeightKey

from .networks import SECRET, TiedText, bits, small_net
from .older import older

SELECT = SelectConfig(fraction=0.3)


def lock(net: nn.Module, fill: str = "gaussian", **changes: object) -> WeightKey:
    public = ModuleState(small_net(9)) if fill == "public" else None
    return lock_module(net, WeightLockConfig(select=SELECT, fill=fill, **changes), secret=SECRET, public=public)  # type: ignore[arg-type]


@pytest.mark.parametrize("fill", list_fills())
def test_unlocked_is_the_model_bit_for_bit(fill: str) -> None:
    net, whole = small_net(), bits(small_net())
    key = lock(net, fill)
    keyed = bits(net)
    assert {name for name in whole if keyed[name] != whole[name]} <= key.places.keys()
    x = torch.rand(5, 3, 8, 8)
    assert torch.isfinite(net(x)).all()
    assert not torch.allclose(net(x), small_net()(x), atol=0.1)
    with unlocked(net, key):
        assert bits(net) == whole
    assert bits(net) == keyed
    unlock_module(net, key)
    assert bits(net) == whole


@given(st.sampled_from(["unit", "scalar"]), st.sampled_from([torch.float16, torch.bfloat16, torch.float64]),
       st.floats(0.2, 1.0), st.integers(0, 5))  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_any_width_and_size(granularity: str, dtype: torch.dtype, fraction: float, seed: int) -> None:
    net = small_net(seed).to(dtype)
    whole = bits(net)
    config = WeightLockConfig(select=SelectConfig(granularity=granularity, fraction=fraction))  # type: ignore[arg-type]
    key = lock_module(net, config, secret=SECRET)
    assert bits(net) != whole
    unlock_module(net, key)
    assert bits(net) == whole


def test_the_same_secret_gives_the_same_model_and_key() -> None:
    first, second, other = small_net(), small_net(), small_net()
    one, two = lock(first), lock(second)
    assert bits(first) == bits(second)
    assert one.model_digest == two.model_digest
    lock_module(other, WeightLockConfig(select=SELECT), secret=bytes(32))
    assert bits(other) != bits(first)


def test_fresh_secrets_by_default() -> None:
    config = WeightLockConfig(select=SELECT)
    one, two = lock_module(small_net(), config), lock_module(small_net(), config)
    assert bytes(one.secret) != bytes(two.secret)


def test_customers_get_models_of_their_own() -> None:
    nets = [small_net(), small_net()]
    keys = [lock(net, customer=name) for net, name in zip(nets, ("Ann", "Bob"), strict=True)]
    assert keys[0].model_digest != keys[1].model_digest
    assert [key.customer for key in keys] == ["Ann", "Bob"]
    with pytest.raises(ModelError, match="not the keyed model of this key"):
        unlock_module(nets[0], keys[1])


def test_a_fill_that_is_the_same_for_all_customers_takes_no_name() -> None:
    with pytest.raises(ConfigError, match="zero, which gives all customers the same model"):
        WeightLockConfig(select=SELECT, fill="zero", customer="Ann")
    with pytest.raises(ConfigError, match="has all tensors of the key, which gives all customers the same"):
        lock(small_net(), "public", customer="Ann")
    public = small_net(9)
    public.head = nn.Linear(12, 7)  # another classifier: that of the owner is drawn for each customer
    nets = [small_net(), small_net()]
    for net, name in zip(nets, ("Ann", "Bob"), strict=True):
        config = WeightLockConfig(select=SELECT, fill="public", customer=name)
        lock_module(net, config, secret=SECRET, public=ModuleState(public))
    assert bits(nets[0])["head.weight"] != bits(nets[1])["head.weight"]
    assert bits(nets[0])["conv2.weight"] == bits(nets[1])["conv2.weight"]


def test_gaussian_is_like_the_rest_of_its_layer() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(200, 300), nn.Linear(300, 4))
    with torch.no_grad():
        net[0].weight.normal_(0.3, 2.0)
        net[0].weight[:100] = 50.0  # the key: its values must not show in the fill
    config = SelectConfig(
        score="l2", fraction=100 / 304, scope="global", of="units", include_head=False, biases="frozen"
    )
    key = lock_module(net, WeightLockConfig(select=config), secret=SECRET)
    assert key.places["0.weight"].indices.tolist() == list(range(100))
    fill = net[0].weight.detach()[:100]
    assert abs(float(fill.mean()) - 0.3) < 0.05
    assert abs(float(fill.std()) - 2.0) < 0.05


def test_shuffled_takes_values_from_outside_the_key() -> None:
    net = small_net()
    outside = small_net().conv2.weight.detach()
    key = lock(net, "shuffled")
    place = key.places["conv2.weight"]
    rest = set(outside[~place.mask()].tolist())
    assert set(place.take(net.conv2.weight).flatten().tolist()) <= rest


def test_public_takes_the_public_values() -> None:
    net = small_net()
    key = lock(net, "public")
    assert all(
        torch.equal(place.take(net.state_dict()[name]), place.take(small_net(9).state_dict()[name]))
        for name, place in key.places.items()
        if "running" not in name and "num_batches" not in name
    )


def test_public_fill_and_public_model_go_together() -> None:
    with pytest.raises(ConfigError, match="go together"):
        lock_module(small_net(), WeightLockConfig(select=SELECT, fill="public"))


def test_tied_weights_stay_tied() -> None:
    net = TiedText()
    before = bits(net)
    key = lock_module(net, WeightLockConfig(select=SelectConfig(fraction=0.5, head="mix")), secret=SECRET)
    assert net.lm_head.weight is net.embed.weight
    assert bits(net)["embed.weight"] != before["embed.weight"]
    unlock_module(net, key)
    assert bits(net) == before


@pytest.mark.parametrize("name", ["conv1.weight", "bn1.running_mean", "conv2.weight", "head.bias"])
def test_a_model_altered_by_one_bit_is_refused(name: str) -> None:
    net = small_net()
    key = lock(net)
    flat = net.state_dict()[name].reshape(-1).view(torch.uint8)
    flat[3] ^= 1
    with pytest.raises(ModelError, match=f"{name} differ"):
        unlock_module(net, key)
    unlock_module(net, key, check=False)


def test_models_of_another_shape_are_refused_even_unchecked() -> None:
    key = lock(small_net())
    other = nn.Sequential(nn.Linear(3, 3))
    for check in (True, False):
        with pytest.raises(ConfigError, match="the key is for another model"):
            unlock_module(other, key, check=check)


def test_a_wrong_key_unchecked_gives_another_model() -> None:
    net = small_net()
    lock(net)
    wrong = lock(small_net(3))
    unlock_module(net, wrong, check=False)
    assert bits(net) != bits(small_net())


def test_digests_are_plain_sha256() -> None:
    net = small_net()
    key = lock(net)
    name = "conv1.weight"
    data = b"torch.float32 [8, 3, 3, 3]\n" + net.conv1.weight.detach().numpy().tobytes()
    assert key.digests[name] == hashlib.sha256(data).hexdigest()
    zeroed = net.conv1.weight.detach().numpy().copy()
    zeroed[key.places[name].indices] = 0
    data = b"torch.float32 [8, 3, 3, 3]\n" + zeroed.tobytes()
    assert older(key, net).outside[name] == hashlib.sha256(data).hexdigest()


def test_keys_do_not_show_themselves() -> None:
    key = lock(small_net())
    value = float(np.asarray(key.values["head.weight"]).flat[0])
    assert str(value)[:6] not in repr(key)
    assert SECRET.hex() not in repr(key)
    with pytest.raises(ConfigError, match="use save_weight_key"):
        pickle.dumps(key)


def test_a_model_that_moves_within_the_block_is_keyed_again() -> None:
    net = small_net()
    key = lock(net)
    keyed = bits(net)
    whole = bits(small_net().to(torch.float64))
    with unlocked(net, key):
        net.to(torch.float64)  # as another device would, this gives the module other tensors
        assert bits(net) == whole
    assert bits(net.to(torch.float32)) == keyed


def test_an_interruption_leaves_the_model_keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    net = small_net()
    key = lock(net)
    keyed, put, calls = bits(net), Place.put, iter(range(99))

    def interrupted(place: Place, tensor: torch.Tensor, values: torch.Tensor) -> None:
        put(place, tensor, values)
        if next(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Place, "put", interrupted)
    with pytest.raises(KeyboardInterrupt), unlocked(net, key):
        raise AssertionError("not reached")
    assert bits(net) == keyed


def test_a_lock_that_fails_leaves_the_model_as_it_was() -> None:
    net = small_net()
    with torch.no_grad():
        net.head.weight[0, 0] = torch.inf  # has no 8 bits, and comes last
    whole = bits(net)
    with pytest.raises(ConfigError, match="not finite"):
        lock(net, coding="int8")
    assert bits(net) == whole

    def interrupted(name: str) -> None:
        if name == "fc1.weight":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lock_module(net, WeightLockConfig(select=SELECT), each=interrupted)
    assert bits(net) == whole


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="no fill 'zeros'; did you mean zero"):
        WeightLockConfig(fill="zeros")
    with pytest.raises(ConfigError, match="at most 200"):
        WeightLockConfig(customer="x" * 201)
    key = lock(small_net())
    with pytest.raises(ConfigError, match="version"):
        key.replace(version=0)
    with pytest.raises(ConfigError, match="do not belong together"):
        key.replace(values={})
