"""Images that an interrupted run skipped, and that were mended before it goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spellock.data.memory import MemorySet
from spellock.errors import DataError, StorageError
from spellock.locking.config import LockConfig
from spellock.locking.edit_stream import EditStream
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet

from .fake_editor import FakeEditor, fake_key, random_images


class Broken(MemorySet):
    """Some images cannot be decoded."""

    bad = frozenset((3, 50))

    def open(self, index):
        if index in self.bad:
            raise DataError(f"{self.ids[index]} cannot be decoded")
        return super().open(index)


def images(*bad: int) -> Broken:
    whole = random_images(100)
    made = Broken(whole._arrays, whole.labels, whole.classes, name="random")
    made.bad = frozenset(bad)
    return made


def lock(out: Path, bad: tuple[int, ...], on_error: str = "skip") -> LockedSet:
    key, config = fake_key(), LockConfig(decoys=16, validation=0.1, on_error=on_error)
    return lock_images(images(*bad), key, out, config, editor=FakeEditor(key), load=FakeEditor, shard=16)


def interrupted(out: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Lock with images 3 and 50 broken, up to ``where``."""

    def full(*args: object, **options: object) -> None:
        raise StorageError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(where, full)
        with pytest.raises(StorageError):
            lock(out, (3, 50))


def files(root: Path) -> dict[str, bytes]:
    """All but the owner's settings, whose sample of digests lacks what could not be read."""
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if name != "owner/config.json"}


def test_mended_images_are_taken_in_and_nothing_else_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    interrupted(tmp_path / "out", monkeypatch, "spellock.locking.assemble.Assembly.write")
    done: list[int] = []
    run = EditStream.run
    monkeypatch.setattr(EditStream, "run", lambda self, jobs: (done.extend(jobs), run(self, jobs))[1])
    lock(tmp_path / "out", (50,))
    assert 0 < len(done) <= 3 * 16, "only pieces with mended images are made anew"
    lock(tmp_path / "at once", (50,))
    assert files(tmp_path / "out") == files(tmp_path / "at once")
    skipped = json.loads((tmp_path / "out" / "owner" / "skipped.json").read_text())["skipped"]
    assert {one["source"] for one in skipped} == {"random#50"}
    interrupted(tmp_path / "both", monkeypatch, "spellock.locking.assemble.Assembly.write")
    lock(tmp_path / "both", ())
    lock(tmp_path / "whole", ())
    assert files(tmp_path / "both") == files(tmp_path / "whole")


def test_skipped_images_stop_work_that_goes_on_without_skipping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path / "out", monkeypatch, "spellock.locking.assemble.Assembly.write")
    with pytest.raises(DataError, match="random#3 cannot be decoded"):
        lock(tmp_path / "out", (3, 50), "fail")
    lock(tmp_path / "out", (), "fail")
    lock(tmp_path / "whole", ())
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_a_locked_set_that_is_written_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(tmp_path / "out", monkeypatch, "spellock.locking.assemble.write_manifest")
    assert (tmp_path / "out" / "locked_set").is_dir()
    locked = lock(tmp_path / "out", ())
    assert not {"random#3", "random#50"} & {entry.source for entry in locked.entries}
    lock(tmp_path / "with holes", (3, 50))
    assert files(tmp_path / "out") == files(tmp_path / "with holes")
