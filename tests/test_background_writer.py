"""Files written by a thread beside: the same bytes, every error told, and no thread left."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock import background_writer as room
from spellock.background_writer import AHEAD, writing_behind


@given(st.lists(st.integers(0, 200_000), max_size=30))
def test_pieces_stand_in_their_order(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    path = tmp_path_factory.mktemp("w") / "f"
    pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    with pytest.MonkeyPatch.context() as patch, path.open("wb") as file, writing_behind(file) as writer:
        patch.setattr(room, "_EVERY", 100_000)
        assert [writer.write(memoryview(piece)) for piece in pieces] == sizes
    assert path.read_bytes() == b"".join(pieces)


def test_a_piece_may_be_written_anew_after_some_more(tmp_path: Path) -> None:
    buffers = [bytearray(1 << 17) for _ in range(AHEAD + 1)]
    with (tmp_path / "f").open("wb") as file, writing_behind(file) as writer:
        for number in range(40):
            buffer = buffers[number % len(buffers)]
            buffer[:] = bytes([number]) * len(buffer)
            writer.write(buffer)
    data = (tmp_path / "f").read_bytes()
    assert all(data[number << 17 : (number + 1) << 17] == bytes([number]) * (1 << 17) for number in range(40))


def write(path: Path, pieces: int, *, seconds: float = 0.0, error: type[BaseException] | None = None) -> None:
    """That many pieces, this long after one another, then an error of one's own."""
    with path.open("wb", buffering=0) as file, writing_behind(file) as writer:
        for _ in range(pieces):
            writer.write(bytes(1 << 17))
            time.sleep(seconds)
        if error is not None:
            raise error


@pytest.mark.parametrize("pieces", [1, AHEAD, 3 * AHEAD])
def test_a_full_disk_is_told_and_no_thread_is_left(pieces: int) -> None:
    before = threading.active_count()
    with pytest.raises(OSError, match="No space left") as caught:
        write(Path("/dev/full"), pieces)
    assert caught.value.errno == errno.ENOSPC
    assert threading.active_count() == before


@pytest.mark.parametrize("pieces", [3, 9])
def test_an_early_flush_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: int) -> None:
    """The system tells of a broken disk once: the flush at the end would succeed."""

    def broken(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(room, "_EVERY", 1 << 18)
    monkeypatch.setattr(room, "_to_disk", broken)
    with pytest.raises(OSError, match="Input/output error"):
        write(tmp_path / "f", pieces, seconds=0.01)


def test_what_is_raised_in_the_block_comes_out_of_it(tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "f", 1, error=KeyboardInterrupt)
    assert threading.active_count() == before
