"""Keys of a wanted size: as large as it allows, counted as the file has it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spellock.derived import Secret
from spellock.errors import ConfigError
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.select_config import PRESETS, SelectConfig
from spellock.weightlocks.sizing import at_most, file_bytes
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.weight_keyfile import save_weight_key

from ..keyfile_samples import CHEAP
from .networks import SECRET, small_net


@pytest.mark.parametrize("coding", ["exact", "int8"])
def test_the_estimate_is_the_size_of_the_file(coding: str, tmp_path: Path) -> None:
    for name, config in PRESETS.items():
        if config.score == "batchnorm-gain":
            config = replace(config, fraction=0.2)
        net = small_net()
        state = ModuleState(net)
        key = lock_module(net, WeightLockConfig(select=config, coding=coding), secret=SECRET)
        save_weight_key(key, tmp_path / f"{name}.key", passphrase="open sesame", cost=CHEAP)
        size = (tmp_path / f"{name}.key").stat().st_size
        assert 0 <= file_bytes(key.places, state.infos, coding=coding) - size < 250, name


def test_it_is_the_largest_that_fits() -> None:
    state = ModuleState(small_net())
    model = sum(info.bytes for info in state.infos.values())
    config = SelectConfig(score="random", granularity="scalar")
    sizes = []
    for share in (0.33, 0.36, 0.4):
        found = at_most(state, config, share, Secret(SECRET), coding="int8")
        larger = replace(found, fraction=found.fraction + 0.002)
        fits, over = (_size(state, one) / model for one in (found, larger))
        assert fits <= share < over
        sizes.append(found.fraction)
    assert sizes == sorted(sizes)
    assert at_most(state, config, 1.0, Secret(SECRET), coding="int4").fraction == 1.0
    with pytest.raises(
        ConfigError, match=r"the smallest key of these settings takes \d+\.\d% of the model, expected at most"
    ):
        at_most(state, config, 0.01, Secret(SECRET), coding="int8")
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(ConfigError, match="expected more than 0 and at most 1"):
            at_most(state, config, share, Secret(SECRET))
    with pytest.raises(ConfigError, match="no module 'brain'"):
        at_most(state, replace(config, head="brain"), 0.5, Secret(SECRET))


def _size(state: ModuleState, config: SelectConfig) -> int:
    from spellock.weightlocks.selection import select

    return file_bytes(select(state, config, Secret(SECRET)), state.infos, coding="int8")
