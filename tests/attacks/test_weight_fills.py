"""Public weights in the key's place, and training on a few examples: weak locks fall to them."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from spellock.attacks.weight_fills import filled_from_public, fine_tuned, guessed_places
from spellock.attacks.weight_places import by_difference, by_magnitude
from spellock.errors import ConfigError
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import ModuleState

SECRET = bytes(range(32))


def examples(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Two classes that a line parts."""
    x = torch.randn(count, 8, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, 0] + x[:, 1] > 0).long()


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))


def accuracy(model: nn.Module) -> float:
    x, y = examples(2000, 1)
    return float((model(x).argmax(1) == y).double().mean())


def state_bits(model: nn.Module) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in model.state_dict().items()}


def test_a_key_of_public_weights_protects_nothing() -> None:
    public = fine_tuned(network(), *examples(500, 0), steps=200, learning_rate=1e-2)
    keyed = copy.deepcopy(public)
    select = SelectConfig(fraction=0.9, norms="frozen", biases="frozen", include_head=False)
    key = lock_module(keyed, WeightLockConfig(select=select, fill="zero"), secret=SECRET)
    assert accuracy(keyed) < accuracy(public) - 0.05
    state, open_state = ModuleState(keyed), ModuleState(public)
    before = state_bits(keyed)
    assert state_bits(filled_from_public(keyed, open_state, key.places)) == state_bits(public), "known place"
    found = guessed_places(state, by_difference(state, open_state), 0.9)
    assert state_bits(filled_from_public(keyed, open_state, found)) == state_bits(public), "guessed place"
    assert state_bits(keyed) == before, "the keyed model itself is left alone"


def test_tensors_that_the_public_model_lacks_stay() -> None:
    keyed = network()
    state = ModuleState(keyed)
    wider = ModuleState(nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 5)))
    filled = filled_from_public(keyed, wider, guessed_places(state, by_magnitude(state, "high"), 1.0))
    assert torch.equal(filled[2].weight, keyed[2].weight)
    assert torch.equal(filled[0].weight, wider.tensors["0.weight"])


def test_a_few_examples_open_a_lock_that_keeps_only_the_classifier() -> None:
    whole = fine_tuned(network(), *examples(500, 0), steps=200, learning_rate=1e-2)
    keyed = copy.deepcopy(whole)
    with torch.no_grad():
        keyed[2].weight.zero_()
        keyed[2].bias.zero_()
    stolen = fine_tuned(keyed, *examples(20, 2), steps=60, learning_rate=1e-2)
    assert accuracy(keyed) < 0.6
    assert accuracy(stolen) > 0.85


def test_training_repeats_and_leaves_the_random_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second, other = (
        fine_tuned(network(), *examples(50, 0), steps=5, learning_rate=1e-2, batch_size=8, seed=seed)
        for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert state_bits(first) == state_bits(second) != state_bits(other)


@pytest.mark.parametrize("count", [1, 33])
def test_one_example_alone_has_no_batch_statistics(count: int) -> None:
    model = nn.Sequential(nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    trained = fine_tuned(model, *examples(count, 0), steps=3, learning_rate=1e-2)
    assert all(torch.isfinite(value).all() for value in trained.state_dict().values())
    assert (trained[1].num_batches_tracked == 0) == (count == 1)


def test_the_guess_takes_the_most_suspicious_rows_or_values() -> None:
    state = ModuleState(network())
    rows = guessed_places(state, {"2.weight": torch.tensor([0.1, 0.9])}, 0.5)["2.weight"]
    assert (rows.unit, rows.indices.tolist()) == (32, [1])
    values = guessed_places(state, {"2.weight": torch.arange(64.0)}, 2 / 64)["2.weight"]
    assert (values.unit, values.indices.tolist()) == (1, [62, 63])
    blocks = guessed_places(state, {"2.weight": torch.tensor([0.1, 0.3, 0.2, 0.0])}, 0.5)["2.weight"]
    assert (blocks.unit, blocks.indices.tolist()) == (16, [1, 2])


def test_wrong_arguments_are_refused() -> None:
    state = ModuleState(network())
    with pytest.raises(ConfigError, match=r"got a share of 0\.0"):
        guessed_places(state, {}, 0.0)
    with pytest.raises(ConfigError, match=r"got 7 scores for 2\.weight"):
        guessed_places(state, {"2.weight": torch.zeros(7)}, 0.5)
    with pytest.raises(ConfigError, match="got 3 examples and 2 labels"):
        fine_tuned(network(), torch.zeros(3, 8), torch.zeros(2).long(), steps=1, learning_rate=0.1)
