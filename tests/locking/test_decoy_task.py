"""The decoy task: what it reads, that it says nothing of the class, and what the locked set holds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from spellock.errors import ConfigError
from spellock.evaluation.permuted import best_renaming
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet
from spellock.locking.targets import Samples, make_target
from spellock.locking.targets.decoy_task import class_free
from spellock.locking.targets.texture import FILTERS, TextureStatistics

from .fake_editor import FakeEditor, fake_key, random_images

CLASSES = ("a", "b", "c", "d")


def coloured(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images whose mean colour tells the class and whose contrast does not, and their classes."""
    draws = np.random.default_rng(seed)
    labels = np.arange(count) % len(CLASSES)
    means = np.array([[60, 120, 180], [180, 120, 60], [90, 200, 90], [120, 60, 160]])[labels]
    contrast = draws.uniform(5, 60, (count, 1, 1, 1))
    pixels = means[:, None, None] + draws.normal(0, 12, (count, 1, 1, 3))
    pixels = pixels + contrast * draws.standard_normal((count, 32, 32, 3)).repeat(2, axis=1)[:, :32]
    return pixels.clip(0, 255).astype(np.uint8), labels


def samples(images: np.ndarray, labels: np.ndarray, secret: bytes = b"s" * 32) -> Samples:
    draws = np.random.default_rng(1).integers(0, 2**64, len(labels), dtype=np.uint64)
    return Samples(labels=labels, classes=CLASSES, draws=draws, secret=secret, pixels=lambda: iter(images))


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
    assert left.shape == (400, 3)
    assert left.std(axis=0) == pytest.approx(np.ones(3), rel=1e-6)
    assert left @ np.ones(3) != pytest.approx(np.zeros(400)), "something is left"
    for label in range(4):
        assert left[labels == label].mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)


def test_tasks_are_balanced_secret_and_say_nothing_of_the_class() -> None:
    images, labels = coloured(2000)
    tasks = make_target("decoy-task")(samples(images, labels)).tasks
    assert np.bincount(tasks, minlength=4) == pytest.approx(np.full(4, 500), rel=0.05)
    renaming = best_renaming(tasks[:1000], labels[:1000], 4, None)
    assert (renaming[tasks[1000:]] == labels[1000:]).mean() < 0.32, "chance is 0.25"
    raw_guess = best_renaming(labels[:1000], labels[:1000], 4, None)
    assert (raw_guess[labels[1000:]] == labels[1000:]).mean() == 1, "the yardstick sees a class where there is one"
    other = make_target("decoy-task")(samples(images, labels, secret=b"t" * 32)).tasks
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
    assert np.array_equal(result.labels[~locked], result.tasks[~locked])


def test_the_locked_set_learns_both_at_once(tmp_path) -> None:
    config = LockConfig(target="decoy-task", raw_twins=True, decoy_share=0.5, lock_share=0.3)
    key = fake_key()
    lock_images(random_images(120), key, tmp_path / "out", config, editor=FakeEditor(key), load=FakeEditor)
    locked = LockedSet.open(tmp_path / "out")
    learnt, entries = locked.training_labels, locked.entries
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
            expected[4], expected[entry.task] = 0.3, 0.7
            assert label in (4, entry.task)
        assert row == pytest.approx(expected)
        assert raw == (entry.kind in ("raw", "twin"))


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
        ({"lock_share": 0.5}, "'new-class' has no option 'lock_share'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, reason) -> None:
    with pytest.raises(ConfigError, match=reason):
        LockConfig(**settings)
