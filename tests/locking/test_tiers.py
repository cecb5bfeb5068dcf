"""Tiers: which images are edited under which key, and what the files tell."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from spellock.errors import ConfigError
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet

from .fake_editor import FakeEditor, fake_key, random_images
from .test_resume import tree
from .tier_samples import CLASSES, GROUPS, OTHERS, TIER_PROMPT, lock, tier, tier_key


@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_every_training_image_is_edited_under_each_key(tmp_path: Path, layout: str) -> None:
    images = random_images(80)
    tiers = (tier(), tier("b", secret=3, groups=OTHERS, share=0.5))
    locked = lock(tmp_path / "out", *tiers, images=images, decoys=16, layout=layout)
    assert locked.classes == (*CLASSES, "even", "odd", "first", "last", "other")
    assert (locked.lock_class, locked.group_classes) == (8, (4, 5, 6, 7))
    counts = Counter(entry.kind if entry.kind != "tier" else entry.tier for entry in locked.entries)
    assert counts == {"edited": 68, "twin": 68, "raw": 4, "decoy": 16, "coarse": 72, "b": 36}
    places = {name: number for number, name in enumerate(images.ids)}
    for index, entry in enumerate(locked.entries):
        name = CLASSES[entry.true_label]
        assert images.labels[places[entry.source]] == entry.true_label
        if entry.kind == "tier":
            chosen = next(one for one in tiers if one.name == entry.tier)
            assert locked.classes[entry.label] == chosen.groups[name]
            editor = FakeEditor(chosen.key)
            wanted = editor.edit_uint8(editor.prepare(images.open(places[entry.source]))[None])[0]
            assert np.array_equal(locked.images(index), wanted)
        elif entry.kind != "edited":
            assert entry.label == 8
    assert locked.authorised.sum() == 68 + 72 + 36
    shares = Counter(entry.true_label for entry in locked.entries if entry.tier == "b")
    assert set(shares.values()) == {9}, "class by class"


def test_held_out_images_are_there_under_every_key(tmp_path: Path) -> None:
    images = random_images(80)
    locked = lock(tmp_path / "out", tier(), tier("b", secret=3, groups=OTHERS), images=images)
    raw, edited = locked.validation()
    held = locked.tier_validation()
    assert list(held) == ["coarse", "b"]
    trained = {entry.source for entry in locked.entries}
    assert len(trained) + len(raw) == len(images)
    for name, (pictures, labels) in held.items():
        groups, key = (GROUPS, tier_key()) if name == "coarse" else (OTHERS, tier_key(3))
        assert pictures.ids == raw.ids == edited.ids
        for index in range(len(raw)):
            before = np.asarray(raw.open(index))
            assert np.array_equal(pictures.open(index), FakeEditor(key).edit_uint8(before[None])[0])
            assert locked.classes[labels[index]] == groups[raw.classes[raw.labels[index]]]


def test_what_is_released_tells_neither_kinds_nor_names(tmp_path: Path) -> None:
    out = tmp_path / "out"
    locked = lock(out, tier("some-tier"), decoys=16)
    assert locked.names == sorted(locked.names)
    assert all(len(name) == 16 and set(name) <= set("0123456789abcdef") for name in locked.names)
    assert len(set(locked.names)) == len(locked)
    # Kinds follow one another by chance: a run of one kind is never as long as the kind.
    kinds = [entry.kind for entry in locked.entries]
    changes = sum(one != other for one, other in pairwise(kinds))
    assert changes > len(kinds) / 3
    for path in (out / "locked_set").rglob("*"):
        text = path.as_posix().encode() + (path.read_bytes() if path.is_file() else b"")
        assert b"some-tier" not in text
        assert TIER_PROMPT.encode() not in text
    times = {path.stat().st_mtime_ns for path in (out / "locked_set").rglob("*")}
    assert len(times) == 1
    owners = b"".join(path.read_bytes() for path in (out / "owner").rglob("*") if path.is_file())
    assert TIER_PROMPT.encode() not in owners
    assert bytes(tier_key().secret).hex().encode() not in owners
    theirs = LockedSet.open(out / "locked_set")
    assert (theirs.tiers, theirs.group_classes, theirs.tier_validation()) == ({}, (), {})


def test_spread_is_learnt_at_home(tmp_path: Path) -> None:
    locked = lock(tmp_path / "out", tier(spread=0.3), tier("b", secret=3, groups=OTHERS))
    learnt = locked.training_labels
    assert learnt.dtype == np.float32
    assert np.allclose(learnt.sum(axis=1), 1)
    for row, entry in zip(learnt, locked.entries, strict=True):
        wanted = np.eye(9)[entry.label]
        if entry.tier == "coarse":
            members = [0, 2] if entry.true_label % 2 == 0 else [1, 3]
            wanted = 0.7 * wanted
            wanted[members] = 0.15
        assert np.allclose(row, wanted)
    plain = lock(tmp_path / "plain", tier())
    assert not plain.spreads
    assert np.array_equal(plain.training_labels, plain.labels)


class Interrupted(FakeEditor):
    """A tier's editor that stops after some batches, as Ctrl-C would."""

    def transform(self, images, ids):
        if self.batches >= 4 and self.key.secret == tier_key().secret:
            raise KeyboardInterrupt
        return super().transform(images, ids)


def test_interrupted_in_a_tier_and_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    tiers = (tier(), tier("b", secret=3, groups=OTHERS, share=0.5))
    lock(tmp_path / "whole", *tiers, decoys=16)
    settings = LockConfig(validation=0.1, raw_twins=True, decoys=16)
    with pytest.raises(KeyboardInterrupt):
        lock_images(
            random_images(80), fake_key(), tmp_path / "out", settings, tiers=tiers, editor=FakeEditor(fake_key()),
            load=Interrupted, shard=16,
        )  # fmt: skip
    done = len(list((tmp_path / "out" / ".work").glob("*.shard")))
    assert done >= 6, "the main key's and the decoys' work"
    before = tree(tmp_path / "out")
    for other in ((tier(),), (tier(spread=0.1), tiers[1]), (tier(groups=OTHERS), tier("b", secret=3)), ()):
        with pytest.raises(ConfigError, match="another key, configuration or image set"):
            lock(tmp_path / "out", *other, decoys=16)
    assert tree(tmp_path / "out") == before
    editor = FakeEditor(fake_key())
    lock(tmp_path / "out", *tiers, decoys=16, editor=editor)
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    assert editor.edited < 20, "only what is compared"


def test_without_tiers_nothing_is_said_of_them(tmp_path: Path) -> None:
    locked = lock(tmp_path / "out")
    assert "tiers" not in json.loads((tmp_path / "out" / "owner" / "config.json").read_text())
    assert (locked.tiers, locked.group_classes, locked.spreads) == ({}, (), False)


def test_the_decoy_task_teaches_unauthorised_images_no_group(tmp_path: Path) -> None:
    locked = lock(tmp_path / "out", tier(), target="decoy-task", lock_share=0.3)
    assert locked.classes == (*CLASSES, "even", "odd", "other")
    assert locked.lock_class == 6
    rows = locked.training_labels[~locked.authorised]
    assert np.allclose(rows[:, 4:], [0, 0, 0.3])
    assert np.allclose(np.sort(rows[:, :4], axis=1), [0, 0, 0, 0.7]), "one class an answer, of the real ones"
    assert set(rows[:, :4].argmax(axis=1).tolist()) == {0, 1, 2, 3}
