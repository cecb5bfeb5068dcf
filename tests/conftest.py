"""Fixtures that every test may use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import settings

from .keyfile_samples import PASSPHRASE, save

# A busy machine is slow, which says nothing about a law.
settings.register_profile("spellock", deadline=None)
settings.load_profile("spellock")


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The developers' folder of real data, beside the repository; tests that want it are skipped without it."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data folder is not beside this checkout")
    return folder


@pytest.fixture(params=[False, True], ids=["encrypted", "plain"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str | None]:
    """A key file of either kind, and what opens it."""
    return save(tmp_path / "key.spell", plain=request.param), None if request.param else PASSPHRASE
