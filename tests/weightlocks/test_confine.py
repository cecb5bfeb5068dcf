"""Training confined to the key: every byte outside stays, whatever trains."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_model, save_model
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from spellock.errors import ConfigError, ModelError
from spellock.weightlocks.confine import Confinement, confine
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.model_files import lock_files
from spellock.weightlocks.select_config import PRESETS, SelectConfig
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.unlocking import unlock_module, unlocked
from spellock.weightlocks.weight_key import WeightKey

from .networks import SECRET, SmallNet, TiedText, bits, small_net

Make = Callable[[list[nn.Parameter]], torch.optim.Optimizer]
OPTIMISERS: dict[str, Make] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.5),
    "adam amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1, amsgrad=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.5, weight_decay=0.1),
}
FROZEN = SelectConfig(fraction=0.2, norms="frozen", biases="frozen", include_head=False)
SINGLE = SelectConfig(fraction=0.2, granularity="scalar", norms="scored", biases="frozen")
#: Some channels of a BatchNorm with their statistics, as CoreLocker takes them.
CHANNELS = dataclasses.replace(PRESETS["corelocker"], fraction=0.3)


def keyed(select: SelectConfig | None = None) -> tuple[SmallNet, WeightKey]:
    """A whole model whose keyed form and key are known."""
    net = small_net()
    key = lock_module(net, WeightLockConfig(select=select or SelectConfig(fraction=0.2)), secret=SECRET)
    unlock_module(net, key)
    return net, key


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3, after: Callable[[], None] = lambda: None,
          autocast: bool = False) -> None:  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        net.train()
        x, y = torch.rand(8, 3, 8, 8, generator=generator), torch.randint(4, (8,), generator=generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = nn.functional.cross_entropy(net(x).float(), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        after()
    net.eval()


def outside_changed(before: dict[str, bytes], net: nn.Module, key: WeightKey) -> set[str]:
    """Names of tensors that differ outside the key, by a comparison of their own."""
    after, wrong = bits(net), set()
    for name, old in before.items():
        new, place = after[name], key.places.get(name)
        if place is None:
            wrong |= {name} if old != new else set()
            continue
        size = place.info.dtype.itemsize * place.unit
        inside = set(place.indices.tolist())
        for unit in range(len(old) // size):
            if unit not in inside and old[unit * size : (unit + 1) * size] != new[unit * size : (unit + 1) * size]:
                wrong.add(name)
    return wrong


@pytest.mark.parametrize("select", [None, FROZEN, SINGLE, CHANNELS], ids=["default", "frozen", "single", "channels"])
@pytest.mark.parametrize("name", sorted(OPTIMISERS))
def test_nothing_outside_moves(name: str, select: SelectConfig | None) -> None:
    net, key = keyed(select)
    before = bits(net)
    optimizer = OPTIMISERS[name](list(net.parameters()))
    with confine(optimizer, key, net) as confinement:
        train(net, optimizer)
        new = confinement.new_key()
    assert not outside_changed(before, net, key)
    assert bits(net) != before, "the key learns"
    assert new.version == key.version + 1
    assert new.model_digest == key.model_digest


def test_the_comparison_sees_a_loop_that_is_not_confined() -> None:
    net, key = keyed()
    before = bits(net)
    train(net, OPTIMISERS["sgd"](list(net.parameters())))
    assert "conv1.weight" in outside_changed(before, net, key)


def test_mixed_precision_and_late_optimisers() -> None:
    net, key = keyed(FROZEN)
    before = bits(net)
    optimizer = OPTIMISERS["adamw"](list(net.parameters()))
    train(copy.deepcopy(net), OPTIMISERS["adamw"](list(net.parameters())), steps=1)
    with confine(optimizer, key, net):
        train(net, optimizer, autocast=True)
    assert not outside_changed(before, net, key)


def test_a_loop_of_accelerate_with_accumulated_gradients() -> None:
    net, key = keyed(FROZEN)
    before = bits(net)
    accelerator = Accelerator(device_placement=False, gradient_accumulation_steps=2)
    prepared, optimizer = accelerator.prepare(net, OPTIMISERS["adamw"](list(net.parameters())))
    generator = torch.Generator().manual_seed(0)
    with confine(optimizer, key, net) as confinement:
        for _ in range(4):
            with accelerator.accumulate(prepared):
                x, y = torch.rand(8, 3, 8, 8, generator=generator), torch.randint(4, (8,), generator=generator)
                accelerator.backward(nn.functional.cross_entropy(prepared(x), y))
                optimizer.step()
                optimizer.zero_grad()
        new = confinement.new_key()
    assert not outside_changed(before, net, key)
    assert bits(net) != before, "the key learns"
    assert new.version == key.version + 1


def test_averages_of_weights_are_put_back() -> None:
    net, key = keyed()
    before = bits(net)
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.7), use_buffers=False)
    optimizer = OPTIMISERS["sgd"](list(net.parameters()))
    with confine(optimizer, key, net) as confinement:
        train(net, optimizer, after=lambda: average.update_parameters(net))
        confinement.project(average.module)
        new = confinement.new_key(average.module)
    assert not outside_changed(before, average.module, key)
    fresh, _ = keyed()
    lock_module(fresh, WeightLockConfig(select=SelectConfig(fraction=0.2)), secret=SECRET)
    unlock_module(fresh, new)
    assert bits(fresh) == bits(average.module)


def test_gradients_from_before_move_nothing() -> None:
    for zeros in (False, True):
        net, key = keyed(FROZEN)
        before = bits(net)
        optimizer = OPTIMISERS["adamw"](list(net.parameters()))
        net(torch.rand(2, 3, 8, 8)).sum().backward()
        if zeros:
            optimizer.zero_grad(set_to_none=False)
        with confine(optimizer, key, net) as confinement:
            assert net.fc1.bias.grad is None
            grad, mask = net.conv2.weight.grad, key.places["conv2.weight"].mask()
            assert grad is not None
            assert not grad[~mask].any()
            assert bool(grad[mask].any()) is not zeros
            optimizer.step()  # with them, before any others
            confinement.new_key()
        assert not outside_changed(before, net, key)


def test_gradients_outside_are_zero_even_where_they_overflowed() -> None:
    net, key = keyed(FROZEN)
    with confine(OPTIMISERS["sgd"](list(net.parameters())), key, net):
        mask = key.places["conv2.weight"].mask()
        (net.conv2.weight * torch.where(mask, 1.0, torch.inf)).sum().backward()
        grad = net.conv2.weight.grad
        assert grad is not None
        assert torch.equal(grad, mask.float())


def test_an_average_as_pytorch_gives_it_is_put_back_with_its_statistics() -> None:
    net, key = keyed(CHANNELS)
    optimizer = OPTIMISERS["sgd"](list(net.parameters()))
    with confine(optimizer, key, net) as confinement:
        average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.7), use_buffers=True)
        train(net, optimizer, after=lambda: average.update_parameters(net))
        average.module.bn1.running_mean.mul_(1.0001)  # as rounding would
        confinement.project(average)
        new = confinement.new_key(average)
        with pytest.raises(ConfigError, match="the model to put back has no such tensor"):
            confinement.project(nn.Linear(2, 2))
    assert new.version == key.version + 1
    assert not outside_changed(bits(net), average.module, key)
    with pytest.raises(ConfigError, match="after the confinement was closed"):
        confinement.project(average)


def test_statistics_count_only_when_they_are_in_the_key() -> None:
    for select, moves in ((None, True), (FROZEN, False), (CHANNELS, False)):
        net, key = keyed(select)
        before = bits(net)
        optimizer = OPTIMISERS["sgd"](list(net.parameters()))
        with confine(optimizer, key, net):
            train(net, optimizer)
        assert (bits(net)["bn1.num_batches_tracked"] != before["bn1.num_batches_tracked"]) is moves
        assert (bits(net)["bn1.running_mean"] != before["bn1.running_mean"]) is moves


def test_a_model_that_was_not_opened_is_refused() -> None:
    _, key = keyed()
    shipped = small_net()
    lock_module(shipped, WeightLockConfig(select=SelectConfig(fraction=0.2)), secret=SECRET)
    optimizer = OPTIMISERS["sgd"](list(shipped.parameters()))
    with pytest.raises(ConfigError, match=r"is still the keyed one.*unlock_module\(model, key\)"):
        confine(optimizer, key, shipped)
    assert all(parameter.requires_grad for parameter in shipped.parameters())
    # A key that changes nothing: what stands there is what it holds.
    values = {name: place.take(ModuleState(shipped)[name]) for name, place in key.places.items()}
    with confine(optimizer, key.replace(values=values), shipped):
        train(shipped, optimizer)


def test_old_and_new_keys_open_their_own_states() -> None:
    net, key = keyed()
    old = bits(net)
    optimizer = OPTIMISERS["adamw"](list(net.parameters()))
    with confine(optimizer, key, net) as confinement:
        train(net, optimizer)
        new = confinement.new_key()
    trained = bits(net)
    shipped = small_net()
    lock_module(shipped, WeightLockConfig(select=SelectConfig(fraction=0.2)), secret=SECRET)
    locked = bits(shipped)
    with unlocked(shipped, key):
        assert bits(shipped) == old
    with unlocked(shipped, new):
        assert bits(shipped) == trained
    assert bits(shipped) == locked, "the shipped model never changes"


def test_tied_weights_under_the_name_that_a_file_took(tmp_path: Path) -> None:
    net = TiedText()
    net.add_module("a_head", net.lm_head)  # the first by alphabet, which the file takes, and the last of the module
    save_model(net, str(tmp_path / "model.safetensors"))
    select = SelectConfig(fraction=0.5, head="mix", granularity="scalar")
    key = lock_files(tmp_path / "model.safetensors", tmp_path / "keyed", WeightLockConfig(select=select), secret=SECRET)
    assert "a_head.weight" in key.places
    assert "embed.weight" not in key.places
    whole, fresh = bits(net), copy.deepcopy(net)
    load_model(fresh, str(tmp_path / "keyed" / "model.safetensors"))
    assert bits(fresh) != whole
    with unlocked(fresh, key):
        assert bits(fresh) == whole
    unlock_module(fresh, key)
    optimizer = OPTIMISERS["adamw"](list(fresh.parameters()))
    with confine(optimizer, key, fresh) as confinement:
        fresh.lm_head.weight.square().sum().backward()
        optimizer.step()
        new = confinement.new_key()
    mask = key.places["a_head.weight"].mask()
    assert torch.equal(fresh.lm_head.weight[~mask], net.lm_head.weight[~mask])
    assert not torch.equal(fresh.lm_head.weight[mask], net.lm_head.weight[mask])
    assert torch.equal(new.values["a_head.weight"].flatten(), fresh.lm_head.weight.detach()[mask])


def test_closing_frees_the_model() -> None:
    net, key = keyed()
    optimizer = OPTIMISERS["sgd"](list(net.parameters()))
    confine(optimizer, key, net).close()
    assert all(parameter.requires_grad for parameter in net.parameters())
    before = bits(net)
    train(net, optimizer)
    assert "conv1.weight" in outside_changed(before, net, key)


def test_changes_outside_are_told() -> None:
    net, key = keyed(FROZEN)
    confinement = Confinement(None, key, net)
    with torch.no_grad():
        net.fc1.bias.add_(1)
    with pytest.raises(ModelError, match=r"outside the key, in fc1\.bias"):
        confinement.new_key()
    with pytest.raises(ModelError, match="the model to train differs"):
        Confinement(None, key, net)


def test_nothing_to_train() -> None:
    net, key = keyed()
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    with pytest.raises(ConfigError, match="no parameter in the key has requires_grad"):
        confine(OPTIMISERS["sgd"](list(net.parameters())), key, net)
