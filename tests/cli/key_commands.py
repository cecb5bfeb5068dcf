"""Key and passphrase files for the tests of the key commands, and how a refusal must read."""

from __future__ import annotations

from pathlib import Path

import pytest

from spellock.cli.main import main
from spellock.keyfile import save_key

from ..key_samples import a_key, shows_nothing
from ..keyfile_samples import CHEAP, PASSPHRASE

NEW_PASSPHRASE = "another passphrase"


def secret_file(path: Path, text: str = PASSPHRASE + "\n", mode: int = 0o600) -> Path:
    path.write_bytes(text.encode())
    path.chmod(mode)
    return path


def saved(path: Path, *, plain: bool = False) -> Path:
    save_key(a_key(), path, passphrase=None if plain else PASSPHRASE, plain=plain, cost=CHEAP)
    return path


def refused(words: list[str], capsys: pytest.CaptureFixture[str], code: int) -> str:
    """The one line on standard error of a command that fails with ``code``."""
    assert main(words) == code
    out, err = capsys.readouterr()
    assert not out
    assert len(err.strip().splitlines()) == 1
    assert shows_nothing(err)
    assert PASSPHRASE not in err
    assert "Traceback" not in err
    return err
