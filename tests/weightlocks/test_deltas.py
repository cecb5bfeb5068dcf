"""Keys of deltas: what differs from the public model in the key's place, rounded, against a restatement of the rule."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from spellock.errors import ConfigError, ModelError
from spellock.weightlocks.confine import confine
from spellock.weightlocks.deltas import standing_values, stood_values
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.model_files import lock_files, unlock_files
from spellock.weightlocks.parts import part_of
from spellock.weightlocks.presets import PRESETS
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import FileState, ModuleState
from spellock.weightlocks.unlocking import unlock_module, unlocked
from spellock.weightlocks.weight_key import WeightKey
from spellock.weightlocks.weight_keyfile import load_weight_key, save_weight_key

from .networks import SECRET, SmallNet, bits, small_net

LARGEST = {"int8-delta": 127, "int4-delta": 7}


def tuned(public: SmallNet, size: float = 0.05, seed: int = 1) -> SmallNet:
    """The public model after a training that moved every weight a little."""
    generator = torch.Generator().manual_seed(seed)
    net = copy.deepcopy(public)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += size * torch.randn(parameter.shape, generator=generator)
    return net


def locked(coding: str = "int4-delta", fraction: float = 0.6, granularity: str = "block"
           ) -> tuple[SmallNet, SmallNet, SmallNet, WeightKey]:  # fmt: skip
    """Public, whole and keyed model, and the key."""
    public = small_net()
    whole = tuned(public)
    keyed = copy.deepcopy(whole)
    select = SelectConfig(fraction=fraction, granularity=granularity)  # type: ignore[arg-type]
    config = WeightLockConfig(select=select, fill="public", coding=coding)
    return public, whole, keyed, lock_module(keyed, config, secret=SECRET, public=ModuleState(public))


def restated(values: np.ndarray, standing: np.ndarray, coding: str) -> np.ndarray:
    """(k, unit) float32: what stands there plus its difference, in multiples of a power of two of 32 of them."""
    delta = (values - standing).astype(np.float32)
    rows = delta.reshape(1, -1) if delta.shape[1] == 1 else delta
    out = np.empty_like(rows)
    for row, into in zip(rows, out, strict=True):
        for start in range(0, len(row), 32):
            block = row[start : start + 32].astype(np.float64)
            peak = np.abs(block).max()
            power = 0 if peak == 0 else int(np.ceil(np.log2(peak / LARGEST[coding])))
            into[start : start + 32] = np.round(block / 2.0**power) * 2.0**power
    return standing + out.reshape(delta.shape)


@pytest.mark.parametrize("coding", LARGEST)
@pytest.mark.parametrize("granularity", ["block", "unit", "scalar"])
def test_what_is_opened_is_the_public_value_and_the_rounded_difference(coding: str, granularity: str) -> None:
    public, whole, keyed, key = locked(coding, granularity=granularity)
    unlock_module(keyed, key)
    for name, tensor in keyed.state_dict().items():
        place, true = key.places.get(name), whole.state_dict()[name]
        if place is None or tensor.dim() < 2:
            assert torch.equal(tensor, true), name
            continue
        assert torch.equal(tensor[~place.mask()], true[~place.mask()])
        wanted = restated(place.take(true).numpy(), place.take(public.state_dict()[name]).numpy(), coding)
        np.testing.assert_array_equal(place.take(tensor).numpy(), wanted)


def test_the_keyed_model_has_the_public_values_in_the_key_s_place() -> None:
    public, whole, keyed, key = locked()
    for name, place in key.places.items():
        if place.info.shape and "running" not in name:
            assert torch.equal(place.take(keyed.state_dict()[name]), place.take(public.state_dict()[name]))
    assert bits(keyed) != bits(whole)


def test_small_differences_lose_less_than_the_weights_themselves() -> None:
    lost, sizes = {}, set()
    for coding in ("int4", "int4-delta"):
        _, whole, keyed, key = locked(coding, fraction=1.0)
        sizes.add(key.value_bytes)
        unlock_module(keyed, key)
        lost[coding] = max(
            float((a - b).detach().abs().max()) for a, b in zip(keyed.parameters(), whole.parameters(), strict=True)
        )
    assert len(sizes) == 1
    assert lost["int4-delta"] < 0.1 * lost["int4"]


@given(st.sampled_from(list(LARGEST)), st.sampled_from([torch.float16, torch.bfloat16, torch.float64]),
       st.floats(0.2, 1.0), st.integers(0, 5))  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_any_width(coding: str, dtype: torch.dtype, fraction: float, seed: int) -> None:
    public = small_net(seed).to(dtype)
    whole = tuned(public, seed=seed + 1)
    keyed = copy.deepcopy(whole)
    config = WeightLockConfig(select=SelectConfig(fraction=fraction), fill="public", coding=coding)
    key = lock_module(keyed, config, secret=SECRET, public=ModuleState(public))
    shipped = bits(keyed)
    with unlocked(keyed, key):
        for (name, tensor), true in zip(keyed.named_parameters(), whole.parameters(), strict=True):
            step = 0.4 / LARGEST[coding] * 2  # of the largest difference, four or five deviations of 0.05
            near = torch.finfo(dtype).eps * float(true.detach().abs().max())
            assert float((tensor - true).detach().abs().double().max()) <= step + near, name
    assert bits(keyed) == shipped


def test_files_and_modules_agree_and_a_stored_key_opens_the_same(tmp_path: Path) -> None:
    public, whole, keyed, key = locked()
    for name, net in (("public", public), ("whole", whole)):
        save_file(net.state_dict(), tmp_path / f"{name}.safetensors")
    config = WeightLockConfig(select=SelectConfig(fraction=0.6, granularity="block"), fill="public",
                              coding="int4-delta")  # fmt: skip
    other = lock_files(
        tmp_path / "whole.safetensors", tmp_path / "keyed", config, secret=SECRET,
        public=tmp_path / "public.safetensors",
    )  # fmt: skip
    assert other.model_digest == key.model_digest
    save_weight_key(other, tmp_path / "my.key", passphrase=None, plain=True)
    read = load_weight_key(tmp_path / "my.key")
    assert read.coding == "int4-delta"
    unlock_files(tmp_path / "keyed", tmp_path / "open", read)
    unlock_module(keyed, key)
    stored = load_file(tmp_path / "open" / "model.safetensors")
    assert all(torch.equal(stored[name], tensor) for name, tensor in keyed.state_dict().items())


def test_a_second_key_opens_what_was_learnt_and_the_first_what_was_before() -> None:
    _, _, keyed, key = locked()
    net = copy.deepcopy(keyed)
    unlock_module(net, key)
    before = bits(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.1)
    generator = torch.Generator().manual_seed(0)
    with confine(optimizer, key, net) as confinement:
        for _ in range(3):
            loss = net(torch.rand(8, 3, 8, 8, generator=generator)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        new = confinement.new_key()
    assert new.coding == key.coding
    opened = copy.deepcopy(keyed)
    unlock_module(opened, new)
    for (name, tensor), learnt in zip(opened.named_parameters(), net.parameters(), strict=True):
        place = key.places[name]
        assert torch.equal(tensor[~place.mask()], learnt[~place.mask()])
        standing = ModuleState(keyed)[name]
        most = float((place.take(learnt) - place.take(standing)).abs().max())
        assert float((tensor - learnt).abs().max()) <= most / 7 + 1e-6, name
    with unlocked(keyed, key):
        assert bits(keyed) == before


def test_a_part_opens_its_places_and_leaves_the_rest_public() -> None:
    public, _, keyed, key = locked()
    part = part_of(key, 0.5)
    shipped = copy.deepcopy(keyed)
    with unlocked(keyed, part):
        for name, place in part.places.items():
            if place.info.shape and len(place.info.shape) > 1:
                tensor, mask = keyed.state_dict()[name], place.mask()
                assert torch.equal(tensor[~mask], shipped.state_dict()[name][~mask])
                assert not torch.equal(place.take(tensor), place.take(public.state_dict()[name]))


def test_a_classifier_that_the_public_model_has_not_is_noise_and_opens_too() -> None:
    public = small_net()
    whole = SmallNet(classes=7)
    body = {name: tensor for name, tensor in tuned(public).state_dict().items() if not name.startswith("head")}
    whole.load_state_dict(body, strict=False)
    keyed = copy.deepcopy(whole)
    key = lock_module(keyed, PRESETS["delta"], secret=SECRET, public=ModuleState(public))
    assert not torch.equal(keyed.head.weight, whole.head.weight)
    unlock_module(keyed, key)
    spread = float(whole.head.weight.abs().max()) * 4
    assert float((keyed.head.weight - whole.head.weight).abs().max()) <= spread / 7


def test_refused() -> None:
    with pytest.raises(ConfigError, match=r"int4-delta with the fill gaussian.*take the fill public"):
        WeightLockConfig(coding="int4-delta")
    with pytest.raises(ConfigError, match="public model go together"):
        lock_module(small_net(), PRESETS["delta"], secret=SECRET)
    _, whole, _, key = locked()
    with pytest.raises(ModelError):  # deltas put into a model that has them would count twice
        unlock_module(whole, key)


def test_what_stood_in_the_place_is_known_from_the_opened_model_and_the_key(tmp_path: Path) -> None:
    _, _, keyed, key = locked()
    save_file(keyed.state_dict(), tmp_path / "model.safetensors")
    standing = standing_values(FileState(tmp_path / "model.safetensors"), key)
    assert standing.keys() == {name for name, place in key.places.items() if len(place.info.shape) > 1}
    with unlocked(keyed, key):
        stood = stood_values(ModuleState(keyed), key)
    for name, values in standing.items():
        assert torch.allclose(stood[name], values, atol=1e-6)
