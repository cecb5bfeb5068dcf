"""The locked set holds what Algorithm 1 says, and nothing that tells what is what."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score

from spellock.data import numpy_images
from spellock.errors import ConfigError, DataError, StorageError
from spellock.locking.config import LockConfig
from spellock.locking.edit_stream import StreamStats
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet

from .fake_editor import PROMPT, FakeEditor, fake_key, random_images


@pytest.fixture(scope="module")
def key():
    return fake_key()


def lock(images, key, out, **config):
    return lock_images(images, key, out, LockConfig(**config), editor=FakeEditor(key), load=FakeEditor)


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


def test_training_service_view_has_no_owner_part(tmp_path, key) -> None:
    mine = lock(random_images(100), key, tmp_path / "out")
    (tmp_path / "out" / "locked_set").rename(tmp_path / "uploaded")
    theirs = LockedSet.open(tmp_path / "uploaded")
    assert theirs.authorised is None
    assert theirs.true_labels is None
    assert theirs.validation() is None
    assert theirs.names == mine.names
    assert np.array_equal(theirs.labels, mine.labels)
    assert theirs.classes == mine.classes
    with pytest.raises(DataError, match="no locked set"):
        LockedSet.open(tmp_path / "out")


def test_raw_twins_pair_every_edited_image(tmp_path, key) -> None:
    locked = lock(random_images(80), key, tmp_path / "out", raw_twins=True)
    by_kind = {kind: {e.source for e in locked.entries if e.kind == kind} for kind in ("edited", "twin", "raw")}
    assert by_kind["edited"] == by_kind["twin"]
    assert not by_kind["raw"] & by_kind["twin"]
    assert len(set(locked.names)) == len(locked)


def test_decoys_are_edited_under_many_wrong_keys(tmp_path, key) -> None:
    images = random_images(120)
    locked = lock(images, key, tmp_path / "out", decoys=100, decoy_keys=50)
    decoys = [(i, e) for i, e in enumerate(locked.entries) if e.kind == "decoy"]
    per_key = Counter(entry.decoy_key for _, entry in decoys)
    assert len(decoys) == 100
    assert sorted(per_key) == list(range(1, 13))
    assert min(per_key.values()) >= 8
    assert len({entry.source for _, entry in decoys}) == 100
    editor = FakeEditor(key)
    for index, entry in decoys[:10]:
        raw = editor.prepare(images.open(images.ids.index(entry.source)))
        assert not np.array_equal(locked.images(index), raw)
        assert not np.array_equal(locked.images(index), editor.edit_uint8(raw[None])[0])
    assert set(locked.labels[[index for index, _ in decoys]]) == {4}


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


def test_nothing_released_or_kept_shows_prompt_or_secret(tmp_path, key) -> None:
    lock(random_images(100), key, tmp_path / "out", decoys=16)
    everything = b"".join(
        path.read_bytes() + str(path).encode() for path in (tmp_path / "out").rglob("*") if path.is_file()
    )
    for word in (PROMPT.encode(), bytes(key.secret)):
        forms = [word, word.hex().encode(), base64.b64encode(word)]
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            digest = hashlib.new(name, word).digest()
            forms += [digest[:16], digest.hex()[:16].encode(), base64.b64encode(digest)[:16]]
        assert not [form for form in forms if form in everything]


def _chunks(data: bytes) -> list[bytes]:
    kinds, place = [], 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kinds.append(data[place + 4 : place + 8])
        place += 12 + length
    return kinds


def test_no_side_channel_tells_raw_from_edited_from_decoy(tmp_path, key) -> None:
    # Noise images compress alike before and after the edit, so file size is not a tell of the picture's own content
    # here.
    locked = lock(random_images(400, size=8), key, tmp_path / "out", raw_twins=True, decoys=120)
    kinds = {entry.name: entry.kind for entry in locked.entries}
    features, targets, constants = [], [], set()
    files = sorted((tmp_path / "out" / "locked_set").rglob("*.png"))
    by_inode = {path: rank for rank, path in enumerate(sorted(files, key=lambda path: path.stat().st_ino))}
    names = sorted(path.stem for path in files)
    for path in files:
        stat, data = path.stat(), path.read_bytes()
        image = Image.open(io.BytesIO(data))
        constants.add(
            (
                stat.st_mtime_ns,
                stat.st_mode,
                len(path.name),
                tuple(_chunks(data)),
                data[8:33],
                data[41:43],
                image.mode,
                image.size,
            )
        )
        assert not image.info
        number = int(path.stem, 16)
        features.append(
            [
                number >> 48,
                number & 0xFFFF,
                names.index(path.stem),
                by_inode[path] - names.index(path.stem),
                bin(number).count("1"),
            ]
        )
        targets.append(kinds[path.stem])
    assert len(constants) == 1, "times, modes, PNG headers and chunks are the same in every file"
    folders = {p.stat().st_mtime_ns for p in (tmp_path / "out" / "locked_set").rglob("*")} | {
        (tmp_path / "out" / "locked_set").stat().st_mtime_ns
    }
    assert len(folders) == 1
    score = cross_val_score(RandomForestClassifier(60, random_state=0), np.array(features), targets, cv=4).mean()
    majority = max(Counter(targets).values()) / len(targets)
    assert score < majority + 0.05


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


def test_manifest_config_and_contact_sheet_are_the_owners(tmp_path, key) -> None:
    lock(random_images(100), key, tmp_path / "out", decoys=16)
    owner = tmp_path / "out" / "owner"
    assert {path.name for path in owner.iterdir()} == {
        "manifest.jsonl",
        "validation",
        "contact_sheet.png",
        "config.json",
    }
    assert {path.name for path in (tmp_path / "out" / "locked_set").iterdir()} == {"images", "classes.json"}
    assert json.loads((owner / "config.json").read_text())["config"]["edited_fraction"] == 0.95
    width, height = Image.open(owner / "contact_sheet.png").size
    assert width > 1000
    assert height > 400


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (random_images(20, classes=1), "one class only"),
        (random_images(3, classes=5), "3 images for 5 classes"),
        (random_images(20).subset([0, 1, 2, 4, 5, 6]), "no images of class 'class 3'"),
        (random_images(20).subset([]), "no images"),
    ],
)
def test_sets_that_cannot_be_locked_are_refused_in_one_sentence(tmp_path, key, images, reason) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        lock(images, key, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_class_too_small_for_a_raw_sample(tmp_path, key) -> None:
    images = random_images(41).subset([*range(0, 40, 4), *range(1, 40, 4), *range(2, 40, 4), 3])
    with pytest.raises(DataError, match=r"'class 3' with 1 images.*raw_twins"):
        lock(images, key, tmp_path / "a")
    assert lock(images, key, tmp_path / "b", missing_raw="accept").classes[-1] == "other"
    assert "twin" in {entry.kind for entry in lock(images, key, tmp_path / "c", raw_twins=True).entries}


def test_lock_class_and_folder_names_are_checked(tmp_path, key) -> None:
    pixels = np.zeros((8, 4, 4, 3), np.uint8)
    with pytest.raises(ConfigError, match="lock_class_name"):
        lock(numpy_images(pixels, [0, 1] * 4, ["Other", "cat"]), key, tmp_path / "out")
    slashed = numpy_images(pixels, [0, 1] * 4, ["AC/DC", "cat"])
    with pytest.raises(DataError, match="parquet layout"):
        lock(slashed, key, tmp_path / "out")
    locked = lock(slashed, key, tmp_path / "parquet", layout="parquet", validation=0.3)
    assert locked.classes == ("AC/DC", "cat", "other")
    assert locked.validation()[0].classes == ("AC/DC", "cat")


class Broken(type(random_images(1))):  # type: ignore[misc]
    """Some images cannot be decoded."""

    bad = frozenset((3, 50))

    def open(self, index):
        if index in self.bad:
            raise DataError(f"{self.ids[index]} cannot be decoded")
        return super().open(index)


def test_broken_images_are_named_and_fatal_or_skipped(tmp_path, key, caplog) -> None:
    whole = random_images(100)
    images = Broken(whole._arrays, whole.labels, whole.classes, name="random")
    with pytest.raises(DataError, match="random#3 cannot be decoded"):
        lock(images, key, tmp_path / "out")
    locked = lock(images, key, tmp_path / "out", on_error="skip")  # may change on resume
    assert not {"random#3", "random#50"} & {entry.source for entry in locked.entries}
    assert "random#50" in caplog.text
    skipped = json.loads((tmp_path / "out" / "owner" / "skipped.json").read_text())["skipped"]
    assert [item["source"] for item in skipped] == ["random#3", "random#50"]
    everything = Broken(whole._arrays, whole.labels, whole.classes, name="random")
    everything.bad = frozenset(range(100))
    with pytest.raises(DataError, match="none of the images"):
        lock(everything, key, tmp_path / "none", on_error="skip")


def test_editor_of_another_key_and_foreign_folders_are_refused(tmp_path, key) -> None:
    with pytest.raises(ConfigError, match="another key"):
        lock_images(random_images(20), fake_key(secret=3), tmp_path / "out", editor=FakeEditor(key))
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"diary\.txt"):
        lock(random_images(20), key, tmp_path)
    with pytest.raises(StorageError, match="is a file"):
        lock(random_images(20), key, tmp_path / "diary.txt")


def test_stats_count_what_the_editor_did(tmp_path, key) -> None:
    stats: list[StreamStats] = []
    editor = FakeEditor(key, seconds=0.02)
    lock_images(random_images(160), key, tmp_path / "out", editor=editor, report=stats.append)
    assert stats[0].edited == 152
    assert stats[0].editor_seconds >= 0.02 * 19
    assert 0.5 < stats[0].busy <= 1


def test_arrays_can_be_memory_mapped(tmp_path, key) -> None:
    locked = lock(random_images(40), key, tmp_path / "out")
    mapped = locked.arrays(tmp_path / "cache.npy")
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(mapped, locked.arrays())
    other = lock(random_images(44), key, tmp_path / "other")
    with pytest.raises(DataError, match="another set"):
        other.arrays(tmp_path / "cache.npy")


def test_damaged_outputs_are_told(tmp_path, key) -> None:
    lock(random_images(40), key, tmp_path / "out")
    next((tmp_path / "out" / "locked_set").rglob("*.png")).unlink()
    with pytest.raises(DataError, match="not those of the manifest"):
        LockedSet.open(tmp_path / "out")
    (tmp_path / "out" / "owner" / "manifest.jsonl").write_text("{\n")
    with pytest.raises(DataError, match="line 1"):
        LockedSet.open(tmp_path / "out")
