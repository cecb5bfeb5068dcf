"""The demonstration's pictures: scikit-learn's handwritten digits, one a picture, or two side by side."""

from __future__ import annotations

from functools import singledispatch

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import load_digits

from spellock.data.image_set import ImageSet
from spellock.data.label_vectors import numpy_vectors
from spellock.data.memory import numpy_images
from spellock.errors import ConfigError
from spellock.tasks.classification import ClassificationTask
from spellock.tasks.multilabel import MultiLabelTask
from spellock.tasks.task import Task

#: Digits of one writer's sheet, so to speak: they are paired among themselves only, so that sets made of other sheets
#: share no digit.
_SHEET = 6


@singledispatch
def demo_images(task: Task, resolution: int, seed: int) -> ImageSet:
    """Pictures for the demonstration of a task, ``resolution`` squared; a new task registers its own.

    Raises:
        ConfigError: there are none.
    """
    raise ConfigError(f"the task {type(task).__name__} has no pictures for the demonstration; give your own")


@demo_images.register
def _(task: ClassificationTask, resolution: int, seed: int) -> ImageSet:
    return digits(resolution)


@demo_images.register
def _(task: MultiLabelTask, resolution: int, seed: int) -> ImageSet:
    return digit_pairs(resolution, seed=seed)


def digits(resolution: int) -> ImageSet:
    """scikit-learn's 1,797 handwritten digits, 8x8 grey pixels enlarged to ``resolution`` squared."""
    small, labels, names = _small()
    size = (resolution, resolution)
    large = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in small]
    return numpy_images(np.stack(large), labels, names, name="digits")


def digit_pairs(resolution: int, *, seed: int = 0) -> ImageSet:
    """Two of these digits side by side, each at a height of its own; an image has the labels of both.

    The digits are shuffled and dealt out to sheets of six, on which each is once on the left and once on the right:
    1,794 images. A sheet stands for a patient: its images belong into one split.
    """
    small, labels, names = _small()
    draws = np.random.default_rng([seed, 0x70616972])
    sheets = draws.permutation(len(small) - len(small) % _SHEET).reshape(-1, _SHEET)
    left, right = sheets.reshape(-1), np.roll(sheets, 1, axis=1).reshape(-1)
    heights = draws.integers(0, 9, size=(len(left), 2))
    canvas = np.zeros((len(left), 16, 16), dtype=np.uint8)
    for picture, one, other, (up, down) in zip(canvas, left, right, heights, strict=True):
        picture[up : up + 8, :8], picture[down : down + 8, 8:] = small[one], small[other]
    size = (resolution, resolution)
    large = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in canvas]
    findings = np.zeros((len(left), len(names)), dtype=np.int64)
    findings[np.arange(len(left)), labels[left]] = 1
    findings[np.arange(len(left)), labels[right]] = 1
    patients = [f"sheet {number // _SHEET}" for number in range(len(left))]
    return numpy_vectors(np.stack(large), findings, names, patients=patients, name="digit pairs")


def _small() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], list[str]]:
    bunch = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    return pixels, np.asarray(bunch.target, dtype=np.int64), [str(name) for name in bunch.target_names]
