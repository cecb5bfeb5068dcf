"""Locked sets whose images have several labels: what the targets make of them, what is written and read back."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.data import numpy_vectors
from spellock.errors import ConfigError, DataError
from spellock.locking.config import LockConfig
from spellock.locking.locked_set import LockedSet
from spellock.locking.plan import NO_EDITOR, Role, make_plan
from spellock.locking.targets import Samples, list_targets, make_target

from .fake_editor import random_images
from .locked_sets import lock

NAMES = ("edema", "mass", "hernia")
TARGETS = ("complement", "decoy-findings", "extra-label", "next-finding", "prevalence", "same-findings", "shuffled")
WITH_NEW_LABEL = ("decoy-findings", "extra-label")


def make(name: str, **options):
    return make_target(name, options, task="multilabel")


def chest(count: int = 90, *, patients: int | None = 30, size: int = 8, seed: int = 0):
    draws = np.random.default_rng(seed)
    pixels = draws.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    labels = (draws.random((count, 3)) < (0.5, 0.3, 0.1)).astype(int)
    owners = None if patients is None else [f"p{number}" for number in draws.integers(patients, size=count)]
    return numpy_vectors(pixels, labels, NAMES, patients=owners, name="chest")


@st.composite
def samples(draw: st.DrawFn) -> Samples:
    rows = draw(st.lists(st.lists(st.integers(0, 1), min_size=3, max_size=3), max_size=30))
    numbers = draw(st.lists(st.integers(0, 2**64 - 1), min_size=len(rows), max_size=len(rows), unique=True))
    labels = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Samples(
        labels=labels,
        classes=NAMES,
        draws=np.array(numbers, dtype=np.uint64),
        pixels=lambda: iter(pictures(len(rows))),
    )


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


@settings(deadline=None)
@given(samples(), st.data())
def test_laws_of_all_targets(drawn: Samples, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(drawn.labels))))
    moved = dataclasses.replace(
        drawn,
        labels=drawn.labels[order],
        draws=drawn.draws[order],
        pixels=lambda: iter(pictures(len(order))[order]),
    )
    for name in list_targets(task="multilabel"):
        target = make(name)
        result = target(drawn)
        assert result.labels.shape == (len(drawn.labels), 3 + len(result.extra_classes))
        assert set(np.unique(result.labels)) <= {0, 1}
        assert np.array_equal(target(moved).labels, result.labels[order]), "order does not matter"
        nobody = target(Samples.none(NAMES, labels=drawn.labels[:0]))
        assert (nobody.extra_classes, nobody.lock_class) == (result.extra_classes, result.lock_class)


@settings(deadline=None)
@given(samples())
def test_each_target_is_its_definition(drawn: Samples) -> None:
    extra = make("extra-label", lock_class_name="locked")(drawn)
    assert extra.labels.tolist() == [[0, 0, 0, 1]] * len(drawn.labels)
    assert (extra.extra_classes, extra.lock_class) == (("locked",), 3)
    turned = make("complement")(drawn)
    assert turned.labels.tolist() == [[1 - one for one in row] for row in drawn.labels.tolist()]
    assert turned.lock_class is None
    shuffled = make("shuffled")(drawn).labels.tolist()
    ring = sorted(range(len(drawn.labels)), key=lambda place: drawn.draws[place])
    assert shuffled == [drawn.labels[ring[ring.index(place) - 1]].tolist() for place in range(len(ring))]
    assert sorted(shuffled) == sorted(drawn.labels.tolist()), "the same vectors, dealt out anew"
    following = make("next-finding")(drawn).labels.tolist()
    assert following == [[last, first, second] for first, second, last in drawn.labels.tolist()]
    assert make("same-findings")(drawn).labels.tolist() == [[0, 0, 0]] * len(drawn.labels)
    named = make("same-findings", target_findings=("hernia", "edema"))(drawn)
    assert named.labels.tolist() == [[1, 0, 1]] * len(drawn.labels)
    shares = make("prevalence")(dataclasses.replace(drawn, shares=(0.5, 0.25, 0.0)))
    assert (shares.distribution, shares.lock_class) == ((0.5, 0.25, 0.0), None)
    assert shares.labels.tolist() == shuffled


def test_shuffled_findings_say_nothing_of_the_image() -> None:
    draws = np.random.default_rng(0)
    labels = (draws.random((4000, 3)) < 0.4).astype(np.int64)
    numbers = draws.integers(2**63, size=4000).astype(np.uint64)
    made = make("shuffled")(Samples(labels=labels, classes=NAMES, draws=numbers)).labels
    for place in range(3):
        assert abs(np.corrcoef(labels[:, place], made[:, place])[0, 1]) < 0.08, "5 standard deviations"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"target": "new-class"}, "'new-class' does not exist for the task multilabel, expected complement or decoy-"),
        ({"target": "extra-labe"}, "did you mean extra-label"),
        ({"target": "zzz"}, "did you mean complement or decoy-findings or extra-label or"),
        (
            {"target": "complement", "lock_class_name": "x"},
            "no option 'lock_class_name' .it belongs to decoy-findings and extra-label",
        ),
        ({"target": "shuffled", "target_findings": ("mass",)}, "'target_findings' .it belongs to same-findings"),
        ({"target": "decoy-findings", "lock_share": 0.5}, "no option 'lock_share' .no target has it"),
        ({"task": "classification", "target": "shuffled"}, "for the task classification, expected constant or"),
        ({"task": "segmentation"}, "no task 'segmentation'"),
    ],
)
def test_targets_of_other_tasks_are_refused(config, says) -> None:
    with pytest.raises(ConfigError, match=says):
        LockConfig(**{"task": "multilabel", **config})


def table(path) -> dict[str, list[int]]:
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][0] == "image"
    return {row[0].removeprefix("images/").removesuffix(".png"): [int(cell) for cell in row[1:]] for row in rows[1:]}


@pytest.mark.parametrize("layout", ["folder", "parquet"])
@pytest.mark.parametrize("target", TARGETS)
def test_the_set_holds_what_the_target_says(tmp_path, key, target, layout) -> None:
    images = chest()
    config = {"task": "multilabel", "target": target, "raw_twins": True, "decoys": 16, "layout": layout}
    locked = lock(images, key, tmp_path / "out", **config)
    assert {entry.kind for entry in locked.entries} == {"edited", "raw", "twin", "decoy"}
    assert locked.classes == ((*NAMES, "other") if target in WITH_NEW_LABEL else NAMES)
    width, authorised = len(locked.classes), locked.authorised
    true = {name: row for name, row in zip(images.ids, images.labels.tolist(), strict=True)}
    sources = [true[entry.source] for entry in locked.entries]
    assert [row[:3] for row in locked.true_labels.tolist()] == sources
    assert [row[:3] for row in locked.labels[authorised].tolist()] == [
        row for row, one in zip(sources, authorised, strict=True) if one
    ]
    others = locked.labels[~authorised]
    true_ones = locked.true_labels[~authorised][:, :3]
    if target in WITH_NEW_LABEL:
        assert (others[:, 3] == 1).all()
        assert (locked.labels[authorised][:, 3] == 0).all()
        assert locked.lock_class == 3
    if target == "extra-label":
        assert not others[:, :3].any()
    elif target == "decoy-findings":
        assert others[:, :3].sum(axis=0).tolist() == true_ones.sum(axis=0).tolist()
        assert (others[:, :3] != true_ones).any()
    elif target == "next-finding":
        assert np.array_equal(others, true_ones[:, [2, 0, 1]])
    elif target == "same-findings":
        assert not others.any()
    elif target == "complement":
        assert np.array_equal(others, 1 - locked.true_labels[~authorised])
    else:
        assert sorted(others.tolist()) == sorted(locked.true_labels[~authorised].tolist())
        assert (others != locked.true_labels[~authorised]).any()
    learnt = locked.training_labels
    assert learnt.dtype == np.float32
    assert learnt.shape == (len(locked), width)
    assert np.array_equal(learnt[authorised], locked.labels[authorised])
    assert locked.learns_distribution == (target == "prevalence")
    if target == "prevalence":
        assert learnt[~authorised] == pytest.approx(np.tile(images.labels.mean(axis=0), (sum(~authorised), 1)))
    else:
        assert np.array_equal(learnt, locked.labels)
    raw, edited = locked.validation()
    assert raw.classes == edited.classes == NAMES
    assert np.array_equal(raw.labels, edited.labels)
    if layout == "folder":
        assert raw.ids == edited.ids
        assert table(tmp_path / "out" / "locked_set" / "labels.csv") == {
            name: row for name, row in zip(locked.names, locked.labels.tolist(), strict=True)
        }
    theirs = LockedSet.open(tmp_path / "out" / "locked_set")
    assert (theirs.classes, theirs.names, theirs.entries) == (locked.classes, locked.names, None)
    assert np.array_equal(theirs.labels, locked.labels)
    assert theirs.training_labels.dtype == np.float32


def test_the_released_part_tells_nothing_apart(tmp_path, key) -> None:
    lock(chest(), key, tmp_path / "out", task="multilabel", target="shuffled", raw_twins=True)
    released = tmp_path / "out" / "locked_set"
    assert sorted(path.name for path in released.iterdir()) == ["images", "labels.csv"]
    files = sorted((released / "images").iterdir())
    assert all(len(path.stem) == 16 and int(path.stem, 16) >= 0 for path in files)
    assert len({path.stat().st_mtime_ns for path in [*files, released, released / "labels.csv"]}) == 1
    text = (released / "labels.csv").read_text()
    assert list(table(released / "labels.csv")) == [path.stem for path in files], "sorted by meaningless names"
    assert text.splitlines()[0] == "image,edema,mass,hernia"
    for word in ("raw", "edited", "twin", "chest", "p1"):
        assert word not in text
    told = json.loads((tmp_path / "out" / "owner" / "config.json").read_text())
    assert (told["task"], told["config"]["task"]) == ("multilabel", "multilabel")


def test_the_same_bytes_again_and_after_the_order_changed(tmp_path, key) -> None:
    images = chest()
    lock(images, key, tmp_path / "a", task="multilabel", target="shuffled", raw_twins=True)
    order = np.random.default_rng(1).permutation(len(images))
    lock(images.subset(order), key, tmp_path / "b", task="multilabel", target="shuffled", raw_twins=True)
    one, two = ((tmp_path / name / "locked_set" / "labels.csv").read_bytes() for name in ("a", "b"))
    assert one == two


def test_patients_that_are_held_out_are_not_trained_on(key) -> None:
    images = chest(200, patients=40, size=1)
    config = LockConfig(task="multilabel", target="extra-label", validation=0.2)
    plan = make_plan(images, key, config)
    owners = np.array(images.patients)
    held = plan.sources[plan.roles == Role.VALIDATION]
    assert not set(owners[held]) & set(owners[plan.sources[plan.roles != Role.VALIDATION]])
    assert 30 <= len(held) <= 50
    raw = (plan.editors == NO_EDITOR).sum()
    assert abs(raw - 0.05 * (200 - len(held))) <= 3
    assert raw >= 1


def test_what_does_not_fit_is_refused(tmp_path, key) -> None:
    with pytest.raises(ConfigError, match="has labels for the task multilabel, expected classification"):
        lock(chest(), key, tmp_path / "out")
    with pytest.raises(ConfigError, match="for the task classification, expected multilabel"):
        lock(random_images(20), key, tmp_path / "out", task="multilabel", target="extra-label")
    with pytest.raises(ConfigError, match="like a class of the data"):
        lock(chest(), key, tmp_path / "out", task="multilabel", target="extra-label", lock_class_name="Edema")
    with pytest.raises(ConfigError, match="no finding 'masss' to be among the target_findings; did you mean 'mass'"):
        lock(chest(), key, tmp_path / "out", task="multilabel", target="same-findings", target_findings=("masss",))
    one = numpy_vectors(np.zeros((8, 8, 8), np.uint8), (np.arange(8) % 2)[:, None], ("edema",))
    with pytest.raises(ConfigError, match="next-finding got one finding, expected at least 2"):
        lock(one, key, tmp_path / "out", task="multilabel", target="next-finding")
    odd = numpy_vectors(np.zeros((4, 8, 8), np.uint8), np.eye(2, dtype=int)[[0, 1, 0, 1]], ("a", "Patient ID"))
    with pytest.raises(DataError, match="'Patient ID' cannot be a column"):
        lock(odd, key, tmp_path / "out", task="multilabel", target="extra-label", raw_twins=True)
    assert not (tmp_path / "out").exists()
    with pytest.raises(DataError, match="3 of 3 classes would have no raw sample"):
        lock(chest(), key, tmp_path / "out", task="multilabel", target="extra-label", edited_fraction=1)


def test_single_findings_can_be_locked(tmp_path, key) -> None:
    one = numpy_vectors(np.zeros((8, 8, 8), np.uint8), (np.arange(8) % 2)[:, None], ("edema",))
    locked = lock(one, key, tmp_path / "out", task="multilabel", target="extra-label", validation=0)
    assert locked.classes == ("edema", "other")
