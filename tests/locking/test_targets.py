"""Each lock target against its definition, restated here in plain NumPy and Python."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.data.memory import numpy_images
from spellock.errors import ConfigError, DataError
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet
from spellock.locking.names import keyed_draws
from spellock.locking.targets import Relabelling, Samples, list_targets, make_target, register_target, registry

from .fake_editor import FakeEditor, fake_key, random_images

WITHOUT_NEW_CLASS = ("constant", "next-class", "random-class", "uniform")


@st.composite
def samples(draw: st.DrawFn) -> Samples:
    count = draw(st.integers(2, 12))
    labels = draw(st.lists(st.integers(0, count - 1), max_size=40))
    numbers = draw(st.lists(st.integers(0, 2**64 - 1), min_size=len(labels), max_size=len(labels)))
    return Samples(
        labels=np.array(labels, dtype=np.int64),
        classes=tuple(f"class {number}" for number in range(count)),
        draws=np.array(numbers, dtype=np.uint64),
        pixels=lambda: iter(pictures(len(labels))),
    )


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)


def reordered(given_: Samples, order: list[int]) -> Samples:
    return dataclasses.replace(
        given_,
        labels=given_.labels[order],
        draws=given_.draws[order],
        pixels=lambda: iter(pictures(len(order))[order]),
    )


def test_all_of_them_are_known() -> None:
    assert set(list_targets()) >= {"new-class", *WITHOUT_NEW_CLASS}
    assert list_targets("*-class") == ["new-class", "next-class", "random-class"]


@settings(deadline=None)
@given(samples(), st.data())
def test_laws_of_all_targets(drawn: Samples, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(drawn.labels))))
    for name in list_targets():
        target = make_target(name)
        result, count = target(drawn), len(drawn.classes)
        width = count + len(result.extra_classes)
        assert result.labels.dtype == np.int64
        assert result.labels.shape == drawn.labels.shape
        assert ((result.labels >= 0) & (result.labels < width)).all()
        assert np.array_equal(target(reordered(drawn, order)).labels, result.labels[order]), "order does not matter"
        if result.lock_class is not None:
            assert count <= result.lock_class < width, "no real class"
        if result.distribution is not None:
            assert len(result.distribution) == width
            assert sum(result.distribution) == pytest.approx(1) or result.tasks is not None
        empty = target(Samples.none(drawn.classes))
        assert (empty.extra_classes, empty.lock_class, empty.distribution) == (
            result.extra_classes,
            result.lock_class,
            result.distribution,
        )


@settings(deadline=None)
@given(samples())
def test_only_new_class_adds_a_class(drawn: Samples) -> None:
    result = make_target("new-class")(drawn)
    assert set(result.labels.tolist()) <= {len(drawn.classes)}
    assert (result.extra_classes, result.lock_class) == (("other",), len(drawn.classes))
    for name in WITHOUT_NEW_CLASS:
        result = make_target(name)(drawn)
        assert (result.extra_classes, result.lock_class) == ((), None)


@settings(deadline=None)
@given(samples(), st.data())
def test_constant(drawn: Samples, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(drawn.classes) - 1))
    named = make_target("constant", {"target_class": drawn.classes[place]})(drawn)
    assert named.labels.tolist() == [place] * len(drawn.labels)
    assert make_target("constant")(drawn).labels.tolist() == [0] * len(drawn.labels)


@settings(deadline=None)
@given(samples())
def test_next_class(drawn: Samples) -> None:
    labels = make_target("next-class")(drawn).labels
    last = len(drawn.classes) - 1
    assert labels.tolist() == [0 if label == last else label + 1 for label in drawn.labels.tolist()]
    assert not (labels == drawn.labels).any()


@settings(deadline=None)
@given(samples())
def test_random_class_is_the_draw_and_nothing_else(drawn: Samples) -> None:
    labels = make_target("random-class")(drawn).labels
    assert labels.tolist() == [number % len(drawn.classes) for number in drawn.draws.tolist()]
    other = dataclasses.replace(drawn, labels=np.zeros_like(drawn.labels))
    assert np.array_equal(make_target("random-class")(other).labels, labels), "it tells nothing of the true label"


@settings(deadline=None)
@given(samples())
def test_uniform(drawn: Samples) -> None:
    result = make_target("uniform")(drawn)
    assert result.distribution == (1 / len(drawn.classes),) * len(drawn.classes)
    assert np.array_equal(result.labels, make_target("random-class")(drawn).labels)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 10), st.integers(0, 2**32))
def test_random_classes_are_close_to_uniform_for_every_true_class(count: int, seed: int) -> None:
    names = [f"{number:016x}" for number in range(6000)]
    draws = keyed_draws(fake_key(), f"locking target {seed}", names)
    true = np.arange(6000) % count
    labels = make_target("random-class")(
        Samples(labels=true, classes=tuple(map(str, range(count))), draws=draws)
    ).labels
    for label in range(count):
        found = np.bincount(labels[true == label], minlength=count)
        expected = (true == label).sum() / count
        # Pearson's statistic has count - 1 degrees of freedom; 60 is beyond one in 10^8 for all counts here.
        assert ((found - expected) ** 2 / expected).sum() < 60


def test_draws_are_a_keyed_digest_of_each_name() -> None:
    key, names = fake_key(), ["b", "a", "\udcff"]
    secret = key.derive("locking target 3")
    expected = [
        int.from_bytes(hmac.new(secret, name.encode("utf-8", "surrogateescape"), hashlib.sha256).digest()[:8], "big")
        for name in names
    ]
    assert keyed_draws(key, "locking target 3", names).tolist() == expected
    assert keyed_draws(key, "locking target 3", []).shape == (0,)


def lock(out, *, key=None, images=None, **config):
    key = key or fake_key()
    return lock_images(
        images or random_images(120), key, out, LockConfig(**config), editor=FakeEditor(key), load=FakeEditor
    )


def expected_label(name: str, entry, config: LockConfig, count: int) -> int:
    """The definition again, for one sample of a locked set."""
    if entry.kind == "edited":
        return entry.true_label
    secret = fake_key().derive(f"locking target {config.seed}")
    draw = int.from_bytes(hmac.new(secret, entry.name.encode(), hashlib.sha256).digest()[:8], "big")
    return {
        "new-class": count,
        "constant": 2 if config.target_class else 0,
        "next-class": (entry.true_label + 1) % count,
        "random-class": draw % count,
        "uniform": draw % count,
    }[name]


@pytest.mark.parametrize("layout", ["folder", "parquet"])
@pytest.mark.parametrize("name", ["new-class", *WITHOUT_NEW_CLASS])
def test_the_locked_set_holds_what_the_target_says(tmp_path, name, layout) -> None:
    settings_ = {"target": name, "raw_twins": True, "decoys": 16, "layout": layout, "seed": 5}
    if name == "constant":
        settings_["target_class"] = "class 2"
    locked = lock(tmp_path / "out", **settings_)
    config = LockConfig(**settings_)
    assert {entry.kind for entry in locked.entries} == {"edited", "raw", "twin", "decoy"}
    assert locked.labels.tolist() == [expected_label(name, entry, config, 4) for entry in locked.entries]
    real = ("class 0", "class 1", "class 2", "class 3")
    assert locked.classes == (real if name in WITHOUT_NEW_CLASS else (*real, "other"))
    assert locked.lock_class == (None if name in WITHOUT_NEW_CLASS else 4)
    assert locked.learns_distribution == (name == "uniform")
    if name != "uniform":
        assert locked.training_labels is locked.labels
    else:
        assert locked.training_labels.dtype == np.float32
        assert np.array_equal(locked.training_labels[~locked.authorised], np.full((sum(~locked.authorised), 4), 0.25))
        assert np.array_equal(
            locked.training_labels[locked.authorised], np.eye(4)[locked.true_labels[locked.authorised]]
        )


def test_the_seed_changes_draws_and_the_order_of_images_does_not(tmp_path) -> None:
    images = random_images(120)
    here = lock(tmp_path / "a", images=images, target="random-class", raw_twins=True)
    shuffled = images.subset(np.random.default_rng(1).permutation(120))
    there = lock(tmp_path / "b", images=shuffled, target="random-class", raw_twins=True)
    assert [(e.name, e.label) for e in here.entries] == [(e.name, e.label) for e in there.entries]
    assert here.classes == there.classes
    other = lock(tmp_path / "c", images=images, target="random-class", raw_twins=True, seed=1)
    labels = {entry.name: entry.label for entry in other.entries if entry.kind == "twin"}
    changed = [labels[e.name] != e.label for e in here.entries if e.kind == "twin" and e.name in labels]
    assert 0.6 < np.mean(changed) < 0.9, "three in four"


def test_the_released_part_says_nothing_of_target_and_seed(tmp_path) -> None:
    lock(tmp_path / "out", target="uniform")
    (tmp_path / "out" / "locked_set").rename(tmp_path / "uploaded")
    assert json.loads((tmp_path / "uploaded" / "classes.json").read_text()).keys() == {"classes"}
    theirs = LockedSet.open(tmp_path / "uploaded")
    assert theirs.lock_class is None
    assert theirs.training_labels is theirs.labels


def test_sets_of_before_the_lock_class_was_written_have_it_last(tmp_path) -> None:
    lock(tmp_path / "out")
    path = tmp_path / "out" / "owner" / "config.json"
    old = {
        name: value
        for name, value in json.loads(path.read_text()).items()
        if name not in ("lock_class", "distribution")
    }
    path.write_text(json.dumps(old))
    assert LockedSet.open(tmp_path / "out").lock_class == 4
    assert LockedSet.open(tmp_path / "out").training_labels.dtype == np.int64
    for damaged in ({"lock_class": "other"}, {"distribution": [1.0]}):
        path.write_text(json.dumps(old | damaged))
        with pytest.raises(DataError, match=next(iter(damaged))):
            LockedSet.open(tmp_path / "out")


@pytest.mark.parametrize(
    ("settings_", "reason"),
    [
        ({"target": "constan"}, "did you mean constant"),
        ({"target_class": "cat"}, r"'new-class' has no option 'target_class' \(it belongs to constant\)"),
        ({"target": "next-class", "target_class": "cat"}, "'next-class' has no option 'target_class'"),
        (
            {"target": "uniform", "lock_class_name": "none"},
            r"'lock_class_name' \(it belongs to decoy-task and",
        ),
    ],
)
def test_options_that_do_not_belong_to_the_target_are_refused(settings_, reason) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        LockConfig(**settings_)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [("clas 1", "'class 1'"), ("CLASS 3", "'class 3'"), ("zzz", "'class 0' or 'class 1' or 'class 2' or 'class 3'")],
)
def test_an_unknown_class_is_refused_before_any_work(tmp_path, asked, reason) -> None:
    with pytest.raises(ConfigError, match="target_class; did you mean .*" + reason) as caught:
        lock(tmp_path / "out", target="constant", target_class=asked)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["new-class", *WITHOUT_NEW_CLASS])
def test_one_class_is_refused(tmp_path, name) -> None:
    images = numpy_images(np.zeros((8, 4, 4, 3), np.uint8), [0] * 8, ["cat"])
    with pytest.raises(DataError, match="one class"):
        lock(tmp_path / "out", images=images, target=name)
    with pytest.raises(ConfigError, match="at least 2"):
        Samples.none(("cat",))
    with pytest.raises(ConfigError, match="one each"):
        Samples(labels=np.zeros(2, np.int64), classes=("a", "b"), draws=np.zeros(3, np.uint64))


def test_a_target_of_ones_own(monkeypatch) -> None:
    monkeypatch.setattr(registry._TARGETS, "things", dict(registry._TARGETS.things))

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Mirror:
        def __call__(self, samples: Samples) -> Relabelling:
            return Relabelling(labels=len(samples.classes) - 1 - samples.labels)

    register_target("test-mirror")(Mirror)
    given_ = Samples(labels=np.array([0, 2]), classes=("a", "b", "c"), draws=np.zeros(2, np.uint64))
    assert LockConfig(target="test-mirror").lock_target()(given_).labels.tolist() == [2, 0]
    with pytest.raises(ConfigError, match="registered already"):
        register_target("test-mirror")(Mirror)
    with pytest.raises(ConfigError, match="not a dataclass"):
        register_target("test-function")(lambda: Mirror())
    with pytest.raises(ConfigError, match="no target has it"):
        make_target("test-mirror", {"strength": 2})
