"""What cannot be searched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spellock.errors import ConfigError, DataError
from spellock.prompts.halving import Budget
from spellock.prompts.offline import OfflineConfig

from .key_search_toy import config, search


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_searched(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match="too small for one pilot"):
        search(data, out, config=config(budget=Budget(edits=300, pilots=5)))
    shutil.copytree(data / "cat", tmp_path / "one" / "cat")
    with pytest.raises(DataError, match="one class only"):
        search(tmp_path / "one", out)
    with pytest.raises(DataError, match="--images 28"):
        search(data, out, config=config(images=64, budget=Budget(edits=90_000)))
    nothing = OfflineConfig(tables=False, hybrids=0, meaningless=0)
    with pytest.raises(ConfigError, match="no candidate prompt left"):
        search(data, out, config=config(offline=nothing))
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        search(data, tmp_path / "open")
    for wrong in ({"images": 7}, {"rungs": 0}, {"near": 21}, {"preset": "none"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            config(**wrong)
