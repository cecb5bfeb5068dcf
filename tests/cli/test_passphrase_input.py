"""Where a passphrase comes from: a private file, a pipe or a terminal, and nowhere else."""

from __future__ import annotations

import getpass
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from spellock.errors import KeyFileError
from spellock.passphrase import new_passphrase, open_key, read_passphrase_file

from ..key_samples import a_key
from ..keyfile_samples import PASSPHRASE
from .key_commands import saved, secret_file


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
def test_a_passphrase_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_passphrase_file(secret_file(tmp_path / "p", mode=mode))
    assert read_passphrase_file(secret_file(tmp_path / "p", mode=0o400)) == PASSPHRASE


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"two\n\n", b"\xff\xfe", b"x" * 5000])
def test_unusable_passphrase_files(tmp_path: Path, content: bytes) -> None:
    path = secret_file(tmp_path / "p")
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        read_passphrase_file(path)
    assert caught.value.exit_code == 2
    for nothing in (tmp_path, tmp_path / "none"):
        with pytest.raises(KeyFileError, match="cannot read"):
            read_passphrase_file(nothing)


def test_spaces_belong_to_a_passphrase(tmp_path: Path) -> None:
    assert read_passphrase_file(secret_file(tmp_path / "p", " two words \n")) == " two words "


def test_a_passphrase_may_come_through_a_pipe() -> None:
    reader, writer = os.pipe()
    os.write(writer, PASSPHRASE.encode() + b"\n")
    os.close(writer)
    try:
        assert read_passphrase_file(Path(f"/dev/fd/{reader}")) == PASSPHRASE
    finally:
        os.close(reader)


def no_terminal(prompt: str) -> str:
    warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
    return "typed for all to see"


def end_of_input(prompt: str) -> str:
    raise EOFError


@pytest.mark.parametrize("fake", [no_terminal, end_of_input])
def test_without_a_terminal_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: Callable[[str], str]
) -> None:
    monkeypatch.setattr(getpass, "getpass", fake)
    with pytest.raises(KeyFileError, match="no terminal"):
        open_key(saved(tmp_path / "k"))
    with pytest.raises(KeyFileError, match="no terminal"):
        new_passphrase(tmp_path / "k")


def test_open_key(tmp_path: Path, answers: list[str]) -> None:
    assert open_key(saved(tmp_path / "plain", plain=True)) == a_key()
    path = saved(tmp_path / "k")
    answers[:] = [PASSPHRASE]
    assert open_key(path) == a_key()
    assert open_key(path, passphrase_file=secret_file(tmp_path / "p")) == a_key()
