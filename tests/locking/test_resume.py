"""Killed, full, forbidden or interrupted: nothing made is lost, and resumed work ends with the same bytes."""

from __future__ import annotations

import errno
import json
import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.data import ImageSet, numpy_images
from spellock.data.memory import MemorySet
from spellock.errors import ConfigError, DataError, SpellockError, StorageError
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.sampled import sample_of
from spellock.locking.shards import read_shard, shard_path
from spellock.locking.workspace import Workspace

from .fake_editor import FakeEditor, fake_key, random_images


def tree(root: Path) -> dict[str, tuple[bytes | None, int]]:
    """Every path with its bytes and mode, and the times of what is released."""
    return {
        path.relative_to(root).as_posix(): (
            path.read_bytes() if path.is_file() else None,
            path.stat().st_mtime_ns if "locked_set" in path.parts else 0,
        )
        for path in sorted(root.rglob("*"))
    }


class Server:
    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(Path(__file__).with_name("kill_server.py"))]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def run(self, out: Path, layout: str, seconds: float, *, shards: int = 0) -> int:
        """Lock, and kill ``seconds`` after so many ``shards`` were there; the exit status."""
        self.process.stdin.write(f"{out} {layout} {shards} {seconds}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.process.stdin.close()
    server.process.wait(20)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(("layout", "wanted"), [("folder", 10), ("parquet", 3)])
def test_killed_at_random_instants_and_resumed_to_the_same_bytes(tmp_path, server, layout, wanted) -> None:
    assert server.run(tmp_path / "whole", layout, 60) == 0  # warm up and reference
    expected = tree(tmp_path / "whole")
    started = time.monotonic()
    assert server.run(tmp_path / "timed", layout, 60) == 0
    duration = time.monotonic() - started
    assert tree(tmp_path / "timed") == expected
    draw = random.Random(layout)
    kills = trial = 0
    stages = set()
    while kills < wanted:
        trial += 1
        assert trial < 60, "the process always ended before it was killed"
        out = tmp_path / f"killed {trial}"
        after, shards = draw.uniform(0.0, 0.05) * duration, draw.randrange(13)
        if server.run(out, layout, after, shards=shards) != -9:
            continue
        kills += 1
        stages.add(stage(out))
        if kills % 4 == 0:  # a second kill, during the resumed run
            server.run(out, layout, draw.uniform(0.0, 0.3) * duration)
        assert server.run(out, layout, 60) == 0
        assert tree(out) == expected
    assert len(stages) > 1, "the kills hit more than one stage of the work"


def stage(out: Path) -> str:
    if (out / "locked_set").exists():
        return "assembled"
    return f"{len(list((out / '.work').glob('*.shard')))} shards" if (out / ".work").exists() else "not begun"


def lock(out: Path, *, images=None, key=None, editor=None, **config):
    key = key or fake_key()
    settings = LockConfig(**{"decoys": 16, "validation": 0.1, **config})
    editor = editor or FakeEditor(key)
    return lock_images(images or random_images(100), key, out, settings, editor=editor, load=FakeEditor, shard=16)


class Interrupted(FakeEditor):
    """Stops after some batches, as Ctrl-C would."""

    def transform(self, images, ids):
        if self.batches >= 6:
            raise KeyboardInterrupt
        return super().transform(images, ids)


def negatives(count: int) -> ImageSet:
    """The images of `random_images` by their ids, labels and sizes, and others to look at."""
    pixels = 255 - np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return numpy_images(pixels, np.arange(count) % 4, [f"class {k}" for k in range(4)], name="random")


def test_other_images_under_the_same_names_are_refused_finished_or_not(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        lock(tmp_path / "out", editor=Interrupted(fake_key()))
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"random has changed since .*out was begun.*choose another folder"):
            lock(tmp_path / "out", images=negatives(100))
        lock(tmp_path / "out")


def test_an_image_that_was_repaired_and_a_folder_of_an_older_version_go_on(tmp_path: Path) -> None:
    class Broken(MemorySet):
        def open(self, index: int) -> Image.Image:
            raise DataError("cannot be decoded")

    key, images = fake_key(), random_images(100)
    broken = Broken(np.zeros((100, 8, 8, 3), np.uint8), images.labels, images.classes, ids=images.ids, name="random")
    assert sample_of(broken, key) == {}
    assert len(sample_of(images, key)) == 32
    with pytest.raises(DataError, match="cannot be decoded"):
        lock(tmp_path / "out", images=broken)
    lock(tmp_path / "out", images=images)
    with pytest.raises(KeyboardInterrupt):
        lock(tmp_path / "old", editor=Interrupted(key))
    settings = tmp_path / "old" / "owner" / "config.json"
    settings.write_text(json.dumps({k: v for k, v in json.loads(settings.read_text()).items() if k != "sample"}))
    lock(tmp_path / "old", images=negatives(100))


def test_interrupt_leaves_a_state_that_resumes_without_redoing_shards(tmp_path, caplog) -> None:
    expected = tree(lock_tree(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        lock(tmp_path / "out", editor=Interrupted(fake_key()))
    done = len(list((tmp_path / "out" / ".work").glob("*.shard")))
    assert done >= 2
    assert not (tmp_path / "out" / "locked_set").exists()
    again = FakeEditor(fake_key())
    with caplog.at_level(logging.INFO, logger="spellock"):
        lock(tmp_path / "out", editor=again)
    assert "going on: " in caplog.text, "whoever runs the command again is told that nothing is done twice"
    assert tree(tmp_path / "out") == expected
    whole = FakeEditor(fake_key())
    lock(tmp_path / "again", editor=whole)
    assert whole.edited - again.edited >= 16 * (done - 1)  # a shard or two hold raw images too


def lock_tree(out: Path) -> Path:
    lock(out)
    return out


def test_finished_work_is_opened_not_repeated(tmp_path) -> None:
    expected = tree(lock_tree(tmp_path / "out"))
    editor = FakeEditor(fake_key())
    assert len(lock(tmp_path / "out", editor=editor)) == 106
    assert editor.batches == 0
    assert tree(tmp_path / "out") == expected


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        {"key": fake_key(prompt="another")},
        {"key": fake_key(secret=9)},
        {"seed": 1},
        {"edited_fraction": 0.9},
        {"images": random_images(104)},
    ],
    ids=["prompt", "secret", "seed", "alpha", "images"],
)
def test_resuming_with_other_settings_is_refused(tmp_path, change, finished) -> None:
    if finished:
        lock(tmp_path / "out")
    else:
        with pytest.raises(KeyboardInterrupt):
            lock(tmp_path / "out", editor=Interrupted(fake_key()))
    before = tree(tmp_path / "out")
    with pytest.raises(ConfigError, match="another key, configuration or image set"):
        lock(tmp_path / "out", **change)
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("writes", [1, 2, 5, 9, 10])
def test_full_disk_is_a_sentence_and_resumes(tmp_path, monkeypatch, writes) -> None:
    """The disk is full from some flush on: settings, 8 shards, class names and contact sheet make 11."""
    expected = tree(lock_tree(tmp_path / "whole"))
    flush, left = os.fsync, [writes]

    def full(handle: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        flush(handle)

    monkeypatch.setattr(os, "fsync", full)
    try:
        with pytest.raises(StorageError, match="No space left") as caught:
            lock(tmp_path / "out")
        assert "\n" not in str(caught.value)
    finally:
        monkeypatch.setattr(os, "fsync", flush)
    kept = {path.name: path.read_bytes() for path in (tmp_path / "out" / ".work").glob("*.shard")}
    assert len(kept) >= min(writes - 1, 7)
    lock(tmp_path / "out")
    assert tree(tmp_path / "out") == expected


def test_disk_full_during_assembly(tmp_path, monkeypatch) -> None:
    expected = tree(lock_tree(tmp_path / "whole"))
    rename = os.replace

    def full(source, target) -> None:
        if Path(target).name == "locked_set":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageError, match="No space left"):
        lock(tmp_path / "out")
    monkeypatch.setattr(os, "replace", rename)
    editor = FakeEditor(fake_key())
    lock(tmp_path / "out", editor=editor)
    assert tree(tmp_path / "out") == expected


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission_is_a_sentence(tmp_path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(StorageError, match="cannot write"):
        lock(tmp_path / "closed" / "out")


def test_no_permission_is_a_sentence_also_for_root(tmp_path, monkeypatch) -> None:
    def denied(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "mkdir", denied)
    with pytest.raises(StorageError, match="Permission denied"):
        lock(tmp_path / "out")


def test_folder_that_another_process_writes_to_is_refused(tmp_path) -> None:
    with Workspace(tmp_path / "out").claimed(), pytest.raises(StorageError, match="another process"):
        lock(tmp_path / "out")
    lock(tmp_path / "out")


def test_damaged_shard_is_made_again(tmp_path) -> None:
    expected = tree(lock_tree(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        lock(tmp_path / "out", editor=Interrupted(fake_key()))
    shard = shard_path(tmp_path / "out" / ".work", 0)
    assert read_shard(shard, range(16)) is not None
    assert read_shard(shard, range(32)) is None
    shard.write_bytes(shard.read_bytes()[:-7])
    assert read_shard(shard, range(16)) is None
    lock(tmp_path / "out")
    assert tree(tmp_path / "out") == expected


def test_errors_are_of_the_project(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpellockError):
        lock(tmp_path / "file" / "out")
