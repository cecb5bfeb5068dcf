"""Tiers that cannot be, alone, together or with a lock target: refused before anything is edited."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.targets import Relabelling, Samples
from spellock.locking.tier_target import WithGroups, with_groups
from spellock.locking.tiers import Tier

from .fake_editor import FakeEditor, fake_key, random_images
from .tier_samples import CLASSES, GROUPS, OTHERS, lock, tier, tier_key


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
