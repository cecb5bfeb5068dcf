"""Tiers: what is refused, which images are edited under which key, and what the files tell."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from spellock.data import ImageSet
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.group_file import read_groups
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet
from spellock.locking.targets import Relabelling, Samples
from spellock.locking.tier_target import WithGroups, with_groups
from spellock.locking.tiers import Tier

from .fake_editor import FakeEditor, fake_key, random_images
from .test_resume import tree

CLASSES = tuple(f"class {k}" for k in range(4))
GROUPS = {"class 0": "even", "class 1": "odd", "class 2": "even", "class 3": "odd"}
OTHERS = {"class 0": "first", "class 1": "last", "class 2": "last", "class 3": "last"}
TIER_PROMPT = "a lesser spell"


def tier_key(secret: int = 2) -> Key:
    return fake_key(prompt=f"{TIER_PROMPT} {secret}", secret=secret)


def tier(name: str = "coarse", *, secret: int = 2, groups: dict[str, str] | None = None, **more: float) -> Tier:
    return Tier(name=name, key=tier_key(secret), groups=groups or GROUPS, **more)


def lock(
    out: Path, *tiers: Tier, images: ImageSet | None = None, editor: FakeEditor | None = None, **config: object
) -> LockedSet:
    settings = LockConfig(**{"validation": 0.1, "raw_twins": True, **config})
    editor = editor or FakeEditor(fake_key())
    images = images or random_images(80)
    return lock_images(images, fake_key(), out, settings, tiers=tiers, editor=editor, load=FakeEditor, shard=16)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ({"class 0": "even", "class 1": "odd"}, "2 classes have no group, first 'class 2'"),
        ({**GROUPS, "clas 1": "odd"}, "no class 'clas 1'; did you mean 'class 1'"),
        ({**GROUPS, "class 0": "CLASS 1"}, "'CLASS 1' like a class"),
        ({name: f"group of {name}" for name in CLASSES}, "as many groups as classes"),
        ({**GROUPS, "class 0": "Other", "class 2": "Other"}, "'other' like the class that the lock target adds"),
        ({**GROUPS, "class 0": "../even", "class 2": "../even"}, "cannot be a folder name"),
    ],
)
def test_groups_that_do_not_fit_are_refused(tmp_path: Path, groups: dict[str, str], words: str) -> None:
    with pytest.raises((ConfigError, DataError)) as caught:
        lock(tmp_path / "out", tier(groups=groups))
    assert words in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"groups": dict.fromkeys(CLASSES, "all")}, "got 1 group"),
        ({"groups": {**GROUPS, "class 0": " "}}, "empty name"),
        ({"name": "a/b"}, "'a/b'"),
        ({"share": 0.0}, "share is 0.0"),
        ({"spread": 1.0}, "spread is 1.0"),
    ],
)
def test_a_tier_that_cannot_be_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        tier(**change)


@pytest.mark.parametrize(
    ("tiers", "words"),
    [
        ((tier(), tier(secret=3)), "two tiers are named 'coarse'"),
        ((tier(), tier("b", secret=3, groups={**OTHERS, "class 0": "even"})), "two groups called 'even'"),
        ((tier(), tier("b", secret=2)), "secret of tier coarse"),
        ((Tier(name="a", key=fake_key(prompt="x"), groups=GROUPS),), "secret of the main key"),
        (
            (Tier(name="a", key=fake_key(secret=2, resolution=16), groups=GROUPS),),
            "16 pixels, expected the main key's 8",
        ),
        ((Tier(name="a", key=tier_key().replace(gamma=0), groups=GROUPS),), "leaves images as they are"),
    ],
)
def test_tiers_that_do_not_go_together_are_refused(tmp_path: Path, tiers: tuple[Tier, ...], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        lock(tmp_path / "out", *tiers)


class Same(FakeEditor):
    """Edits alike whatever the secret."""

    def __init__(self, key: Key) -> None:
        super().__init__(fake_key() if key.secret != fake_key().secret else key)


def test_a_tier_that_edits_like_the_main_key_is_refused_before_anything_is_edited(tmp_path: Path) -> None:
    editor = FakeEditor(fake_key())
    with pytest.raises(ConfigError, match="edits images like the main key"):
        lock_images(random_images(40), fake_key(), tmp_path / "out", tiers=(tier(),), editor=editor, load=Same)
    assert editor.edited == 4, "a few to compare"
    lock(tmp_path / "out", tier())  # the folder is not bound to the refused tier


def test_two_tiers_that_edit_alike_are_refused(tmp_path: Path) -> None:
    class Twins(FakeEditor):
        def __init__(self, key: Key) -> None:
            super().__init__(tier_key())

    tiers = (tier(), tier("b", secret=3, groups=OTHERS))
    with pytest.raises(ConfigError, match="tier b edits images like tier coarse"):
        lock_images(
            random_images(40), fake_key(), tmp_path / "out", tiers=tiers, editor=FakeEditor(fake_key()), load=Twins
        )


def test_a_decoy_that_edits_like_a_tier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="decoy key 1 edits images like the key of tier coarse"):
        lock_images(
            random_images(40), fake_key(), tmp_path / "out", LockConfig(decoys=8, raw_twins=True), tiers=(tier(),),
            editor=FakeEditor(fake_key()), load=FakeEditor, make_decoy_keys=lambda key, count: [tier_key()] * count,
        )  # fmt: skip


@pytest.mark.parametrize("target", ["constant", "random-class", "uniform"])
def test_targets_that_tell_no_class_go_with_tiers(tmp_path: Path, target: str) -> None:
    locked = lock(tmp_path / "out", tier(), target=target)
    assert locked.classes == (*CLASSES, "even", "odd")
    assert locked.lock_class is None
    assert locked.group_classes == (4, 5)
    raw = [label for label, entry in zip(locked.labels, locked.entries, strict=True) if entry.kind == "twin"]
    assert max(raw) < 4, "unauthorised images learn no group"
    if target == "uniform":
        rows = locked.training_labels[~locked.authorised]
        assert np.allclose(rows, [0.25, 0.25, 0.25, 0.25, 0, 0])


def test_a_target_that_tells_the_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="more than a tier's key releases"):
        lock(tmp_path / "out", tier(), target="next-class")


def test_groups_come_between_the_classes_and_what_a_target_adds() -> None:
    def target(samples: Samples) -> Relabelling:
        labels = np.array([0, 2, 3], dtype=np.int64)
        return Relabelling(labels=labels, extra_classes=("x", "y"), lock_class=3, distribution=(0.1, 0.2, 0.3, 0.4))

    made = WithGroups(target=target, groups=("g", "h"))(Samples.none(("a", "b")))
    assert made.labels.tolist() == [0, 4, 5]
    assert made.extra_classes == ("g", "h", "x", "y")
    assert made.lock_class == 5
    assert made.distribution == (0.1, 0.2, 0, 0, 0.3, 0.4)
    assert with_groups(target, (), ("a", "b")) is target


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


def test_groups_are_read(tmp_path: Path) -> None:
    path = tmp_path / "groups.json"
    path.write_text(json.dumps(GROUPS))
    assert read_groups(path) == GROUPS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot read"),
        ("{", "not valid JSON"),
        ("[1]", "no groups"),
        ('[["a", "b"]]', "no groups"),
        ('{"a": 1}', "no groups"),
        ('{"a": {"b": "c"}}', "no groups"),
        ('{"a": "g", "a": "h"}', "'a' twice"),
        ('{"a": "' + "x" * 4_000_000 + '"}', "no groups"),
    ],
)
def test_broken_groups_are_explained(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "groups.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_groups(path)
