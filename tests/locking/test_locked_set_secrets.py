"""What is released of a locked set tells neither the key nor what is raw, edited or a decoy."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import struct
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_score

from spellock.errors import DataError
from spellock.locking.locked_set import LockedSet

from .fake_editor import PROMPT, random_images
from .locked_sets import lock


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
