"""Parts of a key, customers, and what a selection amounts to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spellock.errors import ConfigError
from spellock.weightlocks.confine import Confinement
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.parts import part_of, whose
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.selection import select
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.summary import plot_summary, summarise
from spellock.weightlocks.unlocking import unlock_module, unlocked
from spellock.weightlocks.weight_keyfile import load_weight_key, save_weight_key
from spellock.weightlocks.weight_payload import payload_of

from .networks import SECRET, bits, small_net

CONFIG = WeightLockConfig(select=SelectConfig(fraction=0.5))


def test_a_part_holds_the_strongest_units() -> None:
    net = small_net()
    key = lock_module(net, CONFIG, secret=SECRET)
    part = part_of(key, 0.5)
    for name, place in key.places.items():
        norms = key.values[name].double().abs().sum(1).numpy()
        kept = place.indices[np.sort(np.argsort(-norms, kind="stable")[: max(1, len(norms) // 2)])]
        assert part.places[name].indices.tolist() == kept.tolist()
    assert part_of(key, 1.0).scalars == key.scalars


def test_a_part_opens_a_part() -> None:
    net, whole = small_net(), small_net()
    key = lock_module(net, CONFIG, secret=SECRET)
    distances = []
    for share in (0.25, 0.5, 0.75, 1.0):
        with unlocked(net, part_of(key, share)):
            pairs = zip(net.parameters(), whole.parameters(), strict=True)
            distances.append(sum((a - b).detach().norm().item() for a, b in pairs))
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] == 0


def test_a_part_goes_to_disk_and_cannot_be_trained_in(tmp_path: Path) -> None:
    net = small_net()
    part = part_of(lock_module(net, CONFIG, secret=SECRET), 0.5)
    save_weight_key(part, tmp_path / "p.key", passphrase=None, plain=True)
    unlock_module(net, load_weight_key(tmp_path / "p.key"))
    with pytest.raises(ConfigError, match="a part of a key to train in"):
        Confinement(None, part, net)


def test_a_part_of_a_key_with_values_that_are_no_numbers() -> None:
    net = small_net()
    with torch.no_grad():
        net.conv2.weight.fill_(torch.nan)
    whole = bits(net)
    key = lock_module(net, CONFIG, secret=SECRET)
    unlock_module(net, part_of(key, 1.0))
    assert bits(net) == whole


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_part_tells_nothing_of_the_secret_that_the_fill_is_drawn_from(share: float) -> None:
    net = small_net()
    key = lock_module(net, CONFIG, secret=SECRET)
    part = part_of(key, share)
    assert SECRET not in payload_of(part)
    assert SECRET.hex().encode() not in payload_of(part)
    keyed = {}
    for whose_secret in (bytes(key.secret), bytes(part.secret)):
        keyed[whose_secret] = lock_module(small_net(), CONFIG, secret=whose_secret).model_digest
    assert keyed[SECRET] == key.model_digest, "with the secret the keyed model, fill and all, is made again"
    assert keyed[bytes(part.secret)] != key.model_digest
    assert bytes(part_of(key, 0.25).secret) == bytes(part.secret), "the same part file again"
    assert part.is_part
    assert not key.is_part
    unlock_module(net, part)
    assert whose(ModuleState(net), [part])[0][1] < 1


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_shares_that_are_none(share: float) -> None:
    with pytest.raises(ConfigError, match="share of the key"):
        part_of(lock_module(small_net(), CONFIG), share)


def test_whose_model_it_is() -> None:
    nets = {name: small_net() for name in ("Ann", "Bob", "Cyd")}
    keys = [
        lock_module(net, WeightLockConfig(select=CONFIG.select, customer=name), secret=SECRET)
        for name, net in nets.items()
    ]
    leaked = nets["Bob"]
    with torch.no_grad():
        leaked.head.weight.add_(0.1)  # trained further
    found = whose(ModuleState(leaked), keys)
    assert found[0][0] == "Bob"
    assert found[0][1] > 0.8
    # Statistics have one fill for all, which speaks against nobody.
    assert [share for _, share in found[1:]] == [0, 0]
    assert whose(ModuleState(nets["Ann"]), keys[:1]) == [("Ann", 1.0)]
    assert whose(ModuleState(nets["Ann"]), [keys[0], keys[0].replace(version=2)]) == [("Ann", 1.0)] * 2


def test_summary_counts(tmp_path: Path) -> None:
    net = small_net()
    places = select(ModuleState(net), SelectConfig(fraction=0.3), lock_module(small_net(), CONFIG))
    found = summarise(places, ModuleState(net).infos)
    state = net.state_dict()
    in_key = {name: int(place.mask().sum()) for name, place in places.items()}
    assert found.scalars == sum(in_key.values())
    assert found.of_scalars == sum(tensor.numel() for tensor in state.values())
    assert found.of_bytes == sum(len(data) for data in bits(net).values())
    assert found.value_bytes == sum(count * state[name].itemsize for name, count in in_key.items())
    assert found.units == sum(
        int(place.mask().reshape(state[name].shape[0] if state[name].ndim else 1, -1).any(1).sum())
        for name, place in places.items()
    )
    assert "conv2.weight" in found.text()
    plot_summary(found, tmp_path / "where.png")
    assert (tmp_path / "where.png").read_bytes().startswith(b"\x89PNG")
