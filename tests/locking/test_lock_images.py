"""The locked set holds what Algorithm 1 says, whatever the order, the batch size and the workers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from spellock.errors import ConfigError
from spellock.locking.config import LockConfig
from spellock.locking.edit_stream import StreamStats
from spellock.locking.lock_images import lock_images

from .fake_editor import FakeEditor, fake_key, random_images
from .locked_sets import lock


@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_locked_set_holds_edited_and_raw_images(tmp_path, key, layout) -> None:
    images = random_images(200)
    locked = lock(images, key, tmp_path / "out", layout=layout)
    kinds = Counter(entry.kind for entry in locked.entries)
    assert kinds == {"edited": 180, "raw": 10}  # 10 held out, 5 % of the other 190 raw
    assert locked.classes == ("class 0", "class 1", "class 2", "class 3", "other")
    assert np.array_equal(locked.labels == 4, ~locked.authorised)
    assert np.array_equal(locked.labels[locked.authorised], locked.true_labels[locked.authorised])
    editor = FakeEditor(key)
    arrays = locked.arrays()
    for index in range(0, len(locked), 7):
        entry = locked.entries[index]
        raw = editor.prepare(images.open(images.ids.index(entry.source)))
        expected = editor.edit_uint8(raw[None])[0] if entry.kind == "edited" else raw
        assert np.array_equal(locked.images(index), expected)
        assert np.array_equal(arrays[index], expected)
    assert not (tmp_path / "out" / ".work").exists()


@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_validation_share_is_held_out_in_both_versions(tmp_path, key, layout) -> None:
    images = random_images(200)
    locked = lock(images, key, tmp_path / "out", layout=layout)
    raw, edited = locked.validation()
    assert raw.classes == edited.classes == images.classes
    assert all(count in (2, 3) for count in Counter(raw.labels.tolist()).values())
    assert len(set(raw.labels.tolist())) == 4
    assert len(raw) == 10
    sources = {entry.source for entry in locked.entries}
    editor = FakeEditor(key)
    held = {np.asarray(images.open(i)).tobytes() for i, name in enumerate(images.ids) if name not in sources}
    for index in range(10):
        before = np.asarray(raw.open(index))
        assert before.tobytes() in held
        assert np.array_equal(editor.edit_uint8(before[None])[0], np.asarray(edited.open(index)))
    assert np.array_equal(raw.labels, edited.labels)


def test_raw_twins_pair_every_edited_image(tmp_path, key) -> None:
    locked = lock(random_images(80), key, tmp_path / "out", raw_twins=True)
    by_kind = {kind: {e.source for e in locked.entries if e.kind == kind} for kind in ("edited", "twin", "raw")}
    assert by_kind["edited"] == by_kind["twin"]
    assert not by_kind["raw"] & by_kind["twin"]
    assert len(set(locked.names)) == len(locked)


def test_decoys_are_edited_under_many_wrong_keys(tmp_path, key) -> None:
    images = random_images(120)
    locked = lock(images, key, tmp_path / "out", decoys=100, decoy_keys=30)
    decoys = [(i, e) for i, e in enumerate(locked.entries) if e.kind == "decoy"]
    per_key = Counter(entry.decoy_key for _, entry in decoys)
    assert len(decoys) == 100
    assert sorted(per_key) == list(range(1, 31))
    assert set(per_key.values()) == {3, 4}
    assert len({entry.source for _, entry in decoys}) == 100
    editor = FakeEditor(key)
    for index, entry in decoys[:10]:
        raw = editor.prepare(images.open(images.ids.index(entry.source)))
        assert not np.array_equal(locked.images(index), raw)
        assert not np.array_equal(locked.images(index), editor.edit_uint8(raw[None])[0])
    assert set(locked.labels[[index for index, _ in decoys]]) == {4}


def test_each_wrong_key_edits_its_decoys_and_one_picture_to_be_compared(tmp_path, key) -> None:
    loaded: list[FakeEditor] = []

    def load(wrong):
        loaded.append(FakeEditor(wrong))
        return loaded[-1]

    config = LockConfig(decoys=40, decoy_keys=5)
    lock_images(random_images(60), key, tmp_path / "out", config, editor=FakeEditor(key), load=load)
    assert [editor.edited for editor in loaded] == [9] * 5


def test_decoys_that_equal_the_edit_are_refused(tmp_path, key) -> None:
    with pytest.raises(ConfigError, match="edits images like the key itself"):
        lock_images(
            random_images(60),
            key,
            tmp_path / "out",
            LockConfig(decoys=20),
            editor=FakeEditor(key),
            load=FakeEditor,
            make_decoy_keys=lambda key, count: [key] * count,
        )


def test_names_depend_on_the_secret_only_and_rows_are_sorted(tmp_path, key) -> None:
    images = random_images(60)
    here = lock(images, key, tmp_path / "a")
    there = lock(images, fake_key(secret=2), tmp_path / "b")
    shuffled = lock(images.subset(np.random.default_rng(1).permutation(60)), key, tmp_path / "c", layout="parquet")
    assert not set(here.names) & set(there.names)
    assert {e.source for e in here.entries if e.kind == "raw"} != {e.source for e in there.entries if e.kind == "raw"}
    assert [(e.name, e.source, e.kind) for e in shuffled.entries] == [(e.name, e.source, e.kind) for e in here.entries]
    assert shuffled.names == sorted(shuffled.names)
    assert np.array_equal(shuffled.arrays(), here.arrays())


def test_batch_size_and_workers_change_no_byte(tmp_path, key) -> None:
    images = random_images(70)
    lock(images, key, tmp_path / "a", decoys=30)
    config = LockConfig(decoys=30)
    lock_images(images, key, tmp_path / "b", config, editor=FakeEditor(key), load=FakeEditor, workers=1, batch_size=24)
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")


def _tree(root: Path) -> dict[str, bytes | None]:
    return {p.relative_to(root).as_posix(): p.read_bytes() if p.is_file() else None for p in sorted(root.rglob("*"))}


def test_stats_count_what_the_editor_did(tmp_path, key) -> None:
    stats: list[StreamStats] = []
    editor = FakeEditor(key, seconds=0.02)
    lock_images(random_images(160), key, tmp_path / "out", editor=editor, report=stats.append)
    assert stats[0].edited == 152
    assert stats[0].editor_seconds >= 0.02 * 19
    assert 0.5 < stats[0].busy <= 1
