"""The decoy task: what it reads, that it says nothing of the class, and what the locked set holds."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from spellock.attacks.permuted import best_renaming
from spellock.errors import ConfigError, DataError
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet
from spellock.locking.targets import Relabelling, Samples, make_target
from spellock.locking.targets.decoy_task import class_free, class_sectors, sectors
from spellock.locking.targets.texture import FILTERS, TextureStatistics

from .fake_editor import FakeEditor, fake_key, random_images

CLASSES = ("a", "b", "c", "d")


def coloured(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images whose mean colour tells the class and whose contrast does not, and their classes."""
    draws = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASSES)
    means = np.array([[113, 128, 143], [143, 128, 113], [118, 148, 118], [128, 108, 138]])[labels]
    contrast = draws.uniform(5, 35, (count, 1, 1, 1))
    pixels = means[:, None, None] + draws.normal(0, 6, (count, 1, 1, 3))
    pixels = pixels + contrast * draws.standard_normal((count, 32, 32, 3)).repeat(2, axis=1)[:, :32]
    return pixels.clip(0, 255).astype(np.uint8), labels


def samples(images: np.ndarray, labels: np.ndarray, secret: bytes = b"s" * 32) -> Samples:
    draws = np.random.default_rng(1).integers(0, 2**64, len(labels), dtype=np.uint64)
    return Samples(labels=labels, classes=CLASSES, draws=draws, secret=secret, pixels=lambda: iter(images))


def classes_of(result: Relabelling) -> np.ndarray:
    """The class of each sample's answer, where every answer is one class."""
    assert sorted(result.answers) == [(label,) for label in range(4)]
    return np.array([result.answers[task][0] for task in result.tasks])


def told(answers: np.ndarray, labels: np.ndarray) -> float:
    """How often the best renaming of ``answers``, fitted on the first half, meets the class on the second."""
    half = len(labels) // 2
    return float((best_renaming(answers[:half], labels[:half], 4, None)[answers[half:]] == labels[half:]).mean())


def test_statistics_are_rectified_filters_averaged_over_picture_and_mirror() -> None:
    images, _ = coloured(3)
    draws = np.random.default_rng(list(b"secret"))
    filters = draws.standard_normal((9, 3, FILTERS))
    filters = (filters - 0.5 * filters.mean(axis=0)).reshape(27, FILTERS)
    filters /= np.sqrt((filters**2).sum(axis=0))
    bias = 0.1 * draws.standard_normal(FILTERS)
    found = TextureStatistics(b"secret")(iter(images))
    for image, row in zip(images, found, strict=True):
        expected = np.zeros(FILTERS)
        for picture in (image / 255, image[:, ::-1] / 255):
            for top in range(30):
                for left in range(30):
                    patch = picture[top : top + 3, left : left + 3].reshape(27)
                    expected += np.maximum(patch @ filters + bias, 0) / 900
        assert row == pytest.approx(expected, rel=1e-4)
    assert np.array_equal(TextureStatistics(b"secret")([]), np.zeros((0, FILTERS)))


def test_statistics_of_a_large_image_are_those_of_its_small_version() -> None:
    image = coloured(1)[0][0].repeat(4, axis=0).repeat(4, axis=1)
    small = np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BOX))
    read = TextureStatistics(b"secret")
    assert np.array_equal(read([image]), read([small]))


def test_classes_do_not_differ_on_average_in_what_is_left() -> None:
    images, labels = coloured(400)
    left = class_free(TextureStatistics(b"x")(images), labels)
    assert left.shape == (400, 2)
    assert left.std(axis=0) == pytest.approx(np.ones(2), rel=1e-6)
    assert left @ np.ones(2) != pytest.approx(np.zeros(400)), "something is left"
    for label in range(4):
        assert left[labels == label].mean(axis=0) == pytest.approx(np.zeros(2), abs=1e-6)


def test_sectors_are_parts_of_the_circle() -> None:
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, 1000)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.linspace(0.1, 3, 1000)[:, None]
    found = sectors(points, np.array([0.5, 0.2, 0.3]), turn=0.25)
    assert np.bincount(found).tolist() == [500, 200, 300]
    order = np.argsort((angles - np.pi / 2) % (2 * np.pi))
    assert found[order].tolist() == [0] * 500 + [1] * 200 + [2] * 300, "counted on from a quarter of the circle"


def test_tasks_are_balanced_secret_and_say_nothing_of_the_class() -> None:
    images, labels = coloured(2000)
    tasks = classes_of(make_target("decoy-task")(samples(images, labels)))
    assert np.bincount(tasks, minlength=4) == pytest.approx(np.full(4, 500), rel=0.05)
    said = told(tasks, labels)
    # The same sectors of the strongest directions, classes and all, tell much more.
    statistics = TextureStatistics(b"s" * 32)(images)
    centred = statistics - statistics.mean(axis=0)
    strongest = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    assert said < 0.4 < 0.55 < told(sectors(strongest, np.full(4, 0.25), turn=0.0), labels), "chance is 0.25"
    other = classes_of(make_target("decoy-task")(samples(images, labels, secret=b"t" * 32)))
    assert 0.1 < (other == tasks).mean() < 0.6, "another secret, another task"


def test_tasks_can_be_read_off_the_picture() -> None:
    images, labels = coloured(2000)
    tasks = make_target("decoy-task")(samples(images, labels)).tasks
    # Contrast is what these pictures differ in, so a linear reader of two numbers must do far better than chance.
    read = np.stack([images.std(axis=(1, 2, 3)), images.mean(axis=(1, 2, 3)), np.ones(2000)], axis=1)
    weights = np.linalg.lstsq(read[:1000], np.eye(4)[tasks[:1000]], rcond=None)[0]
    assert ((read[1000:] @ weights).argmax(axis=1) == tasks[1000:]).mean() > 0.4


def test_order_does_not_matter() -> None:
    images, labels = coloured(60)
    given = samples(images, labels)
    order = np.random.default_rng(2).permutation(60)
    turned = dataclasses.replace(
        given, labels=labels[order], draws=given.draws[order], pixels=lambda: iter(images[order])
    )
    target = make_target("decoy-task")
    assert np.array_equal(target(turned).labels, target(given).labels[order])
    assert np.array_equal(target(turned).tasks, target(given).tasks[order])


@pytest.mark.parametrize("share", [0.1, 0.4, 0.9])
def test_files_hold_the_lock_class_for_its_share(share: float) -> None:
    images, labels = coloured(2000)
    given = samples(images, labels)
    result = make_target("decoy-task", {"lock_share": share, "lock_class_name": "none of them"})(given)
    assert (result.extra_classes, result.lock_class) == (("none of them",), 4)
    assert result.distribution == (0, 0, 0, 0, share)
    locked = result.labels == 4
    assert locked.tolist() == [number / 2**64 < share for number in given.draws.tolist()]
    assert np.array_equal(result.labels[~locked], classes_of(result)[~locked])


def test_the_locked_set_learns_both_at_once(tmp_path) -> None:
    config = LockConfig(target="decoy-task", raw_twins=True, decoy_share=0.5, lock_share=0.3)
    key = fake_key()
    lock_images(random_images(120), key, tmp_path / "out", config, editor=FakeEditor(key), load=FakeEditor)
    locked = LockedSet.open(tmp_path / "out")
    learnt, entries = locked.training_labels, locked.entries
    answers = json.loads((tmp_path / "out" / "owner" / "config.json").read_text())["answers"]
    assert learnt.shape == (len(locked), 5)
    assert learnt.sum(axis=1) == pytest.approx(np.ones(len(locked)))
    kinds = {kind: sum(entry.kind == kind for entry in entries) for kind in ("edited", "raw", "twin", "decoy")}
    assert kinds["decoy"] == round(0.5 * (kinds["edited"] + kinds["raw"]))
    for entry, row, label, raw in zip(entries, learnt, locked.labels, locked.raw, strict=True):
        expected = np.zeros(5, dtype=np.float32)
        if entry.kind == "edited":
            expected[entry.true_label] = 1
            assert entry.task is None
        else:
            (answer,) = answers[entry.task]
            expected[4], expected[answer] = 0.3, 0.7
            assert label in (4, answer)
        assert row == pytest.approx(expected)
        assert raw == (entry.kind in ("raw", "twin"))


def test_of_many_classes_an_answer_stands_for_several() -> None:
    images, labels = coloured(2000)
    given = dataclasses.replace(samples(images, labels), classes=tuple(map(str, range(40))))
    result = make_target("decoy-task", {"lock_share": 0.1})(given)
    assert len(result.answers) == 16
    assert sorted(label for answer in result.answers for label in answer) == list(range(40))
    assert all(label in (40, *result.answers[task]) for label, task in zip(result.labels, result.tasks, strict=True))
    assert np.bincount(result.labels, minlength=41)[:40] == pytest.approx(np.full(40, 45), abs=25), "all about equally"
    learnt = make_target("decoy-task")(dataclasses.replace(Samples.none(given.classes), secret=given.secret))
    assert learnt.answers == result.answers, "known before the work begins"


def test_an_answer_that_the_settings_do_not_know_is_refused(tmp_path) -> None:
    key, path = fake_key(), tmp_path / "out" / "owner" / "config.json"
    config = LockConfig(target="decoy-task", raw_twins=True)
    lock_images(random_images(60), key, tmp_path / "out", config, editor=FakeEditor(key), load=FakeEditor)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"answers": [[0]]}))
    with pytest.raises(DataError, match="lock the images again"):
        _ = LockedSet.open(tmp_path / "out").training_labels


def test_images_all_alike_are_no_error() -> None:
    images = np.full((8, 32, 32, 3), 128, dtype=np.uint8)
    assert len(make_target("decoy-task")(samples(images, np.arange(8) % 4)).labels) == 8


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ConfigError, match=r"expected a share from 0\.1 to 0\.9"):
        LockConfig(target="decoy-task", lock_share=share)


def test_samples_without_their_pixels_are_refused() -> None:
    images, labels = coloured(8)
    with pytest.raises(ConfigError, match="without pixels"):
        make_target("decoy-task")(dataclasses.replace(samples(images, labels), pixels=None))
    with pytest.raises(ConfigError, match="7 images for 8 samples"):
        make_target("decoy-task")(dataclasses.replace(samples(images, labels), pixels=lambda: iter(images[:7])))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"decoy_share": -0.5}, "decoy_share is -0.5"),
        ({"decoy_share": 0.5, "decoys": 3}, "expected one of both"),
        ({"decoy_share": 0.5, "decoy_leaks": 1.5}, "decoy_leaks is 1.5, expected a share from 0 to 1"),
        ({"decoy_leaks": 0.5}, "there are no decoys; set decoys or decoy_share"),
        ({"lock_share": 0.5}, "'new-class' has no option 'lock_share'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, reason) -> None:
    with pytest.raises(ConfigError, match=reason):
        LockConfig(**settings)


def test_every_class_has_every_sector_in_its_share() -> None:
    draws = np.random.default_rng(5)
    labels = draws.integers(0, 3, 900)
    # Classes alike on average, but one of them stretched: common borders tell them apart.
    points = draws.standard_normal((900, 2)) * np.where(labels == 1, 4.0, 1.0)[:, None] ** np.array([1, 0])
    shares = np.array([0.25, 0.25, 0.5])

    def parts(found: np.ndarray, label: int) -> np.ndarray:
        return np.bincount(found[labels == label], minlength=3) / (labels == label).sum()

    found = class_sectors(points, labels, shares, turn=0.1)
    for label in range(3):
        assert np.abs(parts(found, label) - shares).max() <= 1 / (labels == label).sum()
    assert np.abs(parts(sectors(points, shares, turn=0.1), 1) - shares).max() > 0.05


def test_small_classes_have_the_borders_of_all() -> None:
    points, labels = np.random.default_rng(6).standard_normal((40, 2)), np.zeros(40, dtype=np.int64)
    labels[:5] = 1
    shares = np.array([0.5, 0.5])
    everywhere, found = sectors(points, shares, turn=0.3), class_sectors(points, labels, shares, turn=0.3)
    assert np.array_equal(found[:5], everywhere[:5])
    assert abs(int(found[5:].sum()) - 17) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_the_samples_changes_no_bit_even_where_only_rounding_is_left(seed: int) -> None:
    """A class of one sample has no place of its own once what differs between classes is removed."""
    random = np.random.default_rng(seed)
    statistics = random.normal(size=(30, 40))
    labels = np.array([0, 1, 2, *random.integers(3, 6, 27)])
    order = random.permutation(30)
    assert np.array_equal(class_free(statistics[order], labels[order]), class_free(statistics, labels)[order])
