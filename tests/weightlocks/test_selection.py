"""Which weights are chosen, against restatements of the authors' rules."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from spellock.derived import Secret
from spellock.errors import ConfigError
from spellock.weightlocks.places import Place
from spellock.weightlocks.select_config import PRESETS, SelectConfig
from spellock.weightlocks.selection import select
from spellock.weightlocks.states import ModuleState

from .networks import SECRET, TiedText, small_net

KEY = Secret(SECRET)


def chosen(module: nn.Module, config: SelectConfig) -> dict[str, Place]:
    return select(ModuleState(module), config, KEY)


def plain(**changes: object) -> SelectConfig:
    """Nothing but what is scored."""
    fields = {"include_head": False, "norms": "scored", "biases": "frozen", "scope": "global", "of": "units"}
    return SelectConfig(**{**fields, **changes})  # type: ignore[arg-type]


def test_adaloc_is_the_authors_rule() -> None:
    """Every slice along axis 0 of every parameter with "weight" in its name, one ranking of L1 norms, the top 5 %."""
    net = small_net()
    ranked = [
        (float(row.abs().sum()), name, number)
        for name, parameter in net.named_parameters()
        if "weight" in name
        for number, row in enumerate(parameter.detach())
    ]
    count = int(0.05 * len(ranked))
    expected = sorted((name, number) for _, name, number in sorted(ranked, reverse=True)[:count])
    found = chosen(net, PRESETS["adaloc"])
    assert count == 3
    assert sorted((name, int(number)) for name, place in found.items() for number in place.indices) == expected


def test_adaloc_for_text_is_the_authors_rule() -> None:
    """A threshold on |w| over all parameters, tied ones once."""
    torch.manual_seed(0)
    net = TiedText()
    everything = {name: parameter.detach().flatten() for name, parameter in net.named_parameters()}
    ranked = sorted(
        ((float(v.abs()), name, number) for name, flat in everything.items() for number, v in enumerate(flat)),
        key=lambda item: -item[0],
    )
    total = sum(len(flat) for flat in everything.values())
    found = chosen(net, PRESETS["adaloc-text"])
    got = {(name, int(number)) for name, place in found.items() for number in place.indices}
    assert len(got) == int(0.05 * total)
    # Gains of 1 are many and equal: any of them may fill the end.
    lowest = ranked[len(got) - 1][0]
    assert {(name, number) for value, name, number in ranked if value > lowest} <= got
    assert all(float(everything[name][number].abs()) >= lowest for name, number in got)


def test_corelocker_takes_whole_channels() -> None:
    net = small_net()
    gains = torch.cat([net.bn1.weight, net.bn2.weight]).abs()
    config = SelectConfig(**{**vars(PRESETS["corelocker"]), "fraction": 0.05})
    found = chosen(net, config)
    best = int(gains.argmax())
    layer, channel = ("1", best) if best < 8 else ("2", best - 8)
    names = {f"bn{layer}.{last}" for last in ("weight", "bias", "running_mean", "running_var")}
    assert found.keys() == names | {f"conv{layer}.weight"}
    assert all(place.indices.tolist() == [channel] for place in found.values())


@pytest.mark.parametrize("granularity", ["unit", "scalar"])
@pytest.mark.parametrize("of", ["units", "scalars", "bytes"])
@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("fraction", [0.2, 0.37, 1.0])
def test_never_more_than_the_fraction(granularity: str, of: str, scope: str, fraction: float) -> None:
    net = small_net()
    found = chosen(net, plain(granularity=granularity, of=of, scope=scope, fraction=fraction))
    weights = {name: p for name, p in net.named_parameters() if "weight" in name}
    taken = sum(place.scalars if of != "units" else len(place.indices) for place in found.values())
    units = sum(p.numel() if granularity == "scalar" else len(p) for p in weights.values())
    every = sum(t.numel() if of == "scalars" else t.numel() * t.itemsize for t in net.state_dict().values())
    if of == "units":
        assert taken <= fraction * units < taken + (len(weights) if scope == "layer" else 1)
    else:
        size = 4 if of == "bytes" else 1
        assert taken * size <= fraction * every
    if fraction == 1.0 and of == "units":
        assert {name: place.scalars for name, place in found.items()} == {n: p.numel() for n, p in weights.items()}


def test_every_layer_gives_its_share() -> None:
    found = chosen(small_net(), plain(scope="layer", fraction=0.25))
    assert {name: len(place.indices) for name, place in found.items()} == {
        "conv1.weight": 2, "bn1.weight": 2, "conv2.weight": 4, "bn2.weight": 4, "fc1.weight": 3, "head.weight": 1,
    }  # fmt: skip


def test_head_norms_and_biases_by_choice() -> None:
    found = chosen(small_net(), SelectConfig(fraction=0.3))
    assert all(found[name].whole for name in ("head.weight", "head.bias", "conv1.bias", "fc1.bias"))
    assert all(
        found[f"bn{n}.{last}"].whole
        for n in (1, 2)
        for last in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    )
    frozen = chosen(small_net(), SelectConfig(fraction=0.3, norms="frozen", biases="frozen", include_head=False))
    assert all(name.endswith("weight") and "bn" not in name for name in frozen)


def test_random_keys_are_distinct_units_and_follow_the_secret() -> None:
    net, config = small_net(), plain(score="random", fraction=0.4)
    first, other = chosen(net, config), select(ModuleState(net), config, Secret(bytes(32)))
    count = sum(len(place.indices) for place in first.values())
    assert count == sum(len(place.indices) for place in other.values()) == int(0.4 * (8 + 8 + 16 + 16 + 12 + 4))
    assert any(not np.array_equal(place.indices, other[name].indices) for name, place in first.items() if name in other)


def test_large_tensors_are_scored_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    net, config = small_net(), plain(granularity="scalar", of="scalars", fraction=0.2)
    whole = chosen(net, config)
    monkeypatch.setattr("spellock.weightlocks.unit_scores._CHUNK", 50)
    parts = chosen(net, config)
    assert {n: p.indices.tolist() for n, p in whole.items()} == {n: p.indices.tolist() for n, p in parts.items()}


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, float("nan")])
def test_fractions_that_are_none(fraction: float) -> None:
    with pytest.raises(ConfigError, match="key fraction of"):
        SelectConfig(fraction=fraction)


def test_fraction_too_small_for_any_unit() -> None:
    with pytest.raises(ConfigError, match="holds not one unit"):
        chosen(small_net(), plain(fraction=0.001))


def test_quantised_weights_are_no_key() -> None:
    net = nn.Module()
    net.register_buffer("weight", torch.zeros(4, 4, dtype=torch.int8))
    with pytest.raises(ConfigError, match="before it is quantised"):
        chosen(net, plain())


def test_unknown_head() -> None:
    with pytest.raises(ConfigError, match="no module 'classify'"):
        chosen(small_net(), SelectConfig(head="classify"))
    with pytest.raises(ConfigError, match="name it with --head"):
        chosen(nn.Sequential(nn.Linear(4, 4)), SelectConfig())


@pytest.mark.parametrize("name", ["granularity", "scope", "of", "candidates", "norms", "biases"])
def test_words_that_are_no_choice(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is 'all of it', expected one of"):
        SelectConfig(**{name: "all of it"})  # type: ignore[arg-type]


def test_balance_gives_small_layers_more() -> None:
    def sizes(balance: float) -> dict[str, int]:
        single = plain(scope="layer", granularity="scalar", of="scalars", fraction=0.25, balance=balance)
        return {name: place.scalars for name, place in chosen(small_net(), single).items()}

    assert sizes(0.5)["conv1.weight"] > sizes(0.0)["conv1.weight"]
    assert sizes(0.5)["conv2.weight"] < sizes(0.0)["conv2.weight"]
    with pytest.raises(ConfigError, match="got a balance between layers with the scope global"):
        SelectConfig(scope="global", balance=0.5)


def test_blocks_are_the_largest_runs_that_divide_a_filter() -> None:
    found = chosen(small_net(), plain(scope="layer", granularity="block", fraction=0.5))
    weights = dict(small_net().named_parameters())
    for name, place in found.items():
        row = weights[name][0].numel()
        assert row % place.unit == 0
        assert place.unit == max(size for size in range(1, 17) if row % size == 0)
        assert len(place.indices) == weights[name].numel() // place.unit // 2


def test_the_default_is_drawn_from_the_secret() -> None:
    def places(secret: bytes) -> dict[str, list[int]]:
        found = select(ModuleState(small_net()), PRESETS["default"], Secret(secret))
        return {name: place.indices.tolist() for name, place in found.items() if not place.whole}

    assert places(SECRET) == places(SECRET)
    assert places(SECRET) != places(bytes(32))


@pytest.mark.parametrize("dtype", [torch.int8, torch.float8_e4m3fn])
def test_a_layer_in_eight_bits_beside_others_is_never_in_the_key(dtype: torch.dtype) -> None:
    """Its scale has one axis and is called a weight, like a gain; that makes the matrix no part of a normalisation."""
    net = small_net()
    net.fc1 = nn.Module()  # type: ignore[assignment]
    net.fc1.register_buffer("weight", torch.ones(12, 16).to(dtype))
    net.fc1.register_buffer("weight_scale", torch.ones(12))
    net.head.register_buffer("seen", torch.tensor(True))
    net.bn1.num_batches_tracked = torch.tensor(3, dtype=torch.int16)
    places = chosen(net, PRESETS["default"])
    assert {"fc1.weight_scale", "bn1.running_var", "bn2.num_batches_tracked", "head.weight"} <= places.keys()
    assert not {"fc1.weight", "head.seen", "bn1.num_batches_tracked"} & places.keys()
