"""The demonstration for detectors: real handwritten digits on made-up ground, so that boxes and masks are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from spellock.data.annotation import Annotation
from spellock.data.box_set import BoxSet
from spellock.data.image_set import ImageSet
from spellock.data.rle import Rle, encode
from spellock.recipes.demo import DemoConfig
from spellock.recipes.digit_pairs import demo_images
from spellock.recipes.model_choice import ModelChoice
from spellock.recipes.presets import get_preset
from spellock.tasks.average_precision import check_installed
from spellock.tasks.detection import DetectionTask

SIDE: Final = 64
IMAGES: Final = 320
_DIGITS: Final = (0, 1, 4)
_INK: Final = 96
_MOST: Final = 3


def detection_demo(seed: int) -> DemoConfig:
    """The demonstration's settings for the task detection, sized for a few minutes on two cores.

    Raises:
        MissingExtraError: the extra ``detection`` is not installed: said before anything is made.
    """
    check_installed()
    preset = get_preset("modellock", task="detection")
    return replace(
        DemoConfig(seed=seed, objective=preset.objective),
        resolution=SIDE,
        choice=ModelChoice(name="maskrcnn_tiny", input_size=SIDE),
        lock=replace(preset.lock, raw_twins=True, validation=0.1, seed=seed),
        training=replace(
            preset.training,
            epochs=10,
            learning_rate=2e-3,
            augment="none",  # digits have a left and a right
            unauthorised_share=0.5,
            validate_every=5,
            seed=seed,
        ),
        wrong_keys=6,
        wrong_key_images=24,
    )


@demo_images.register
def _(task: DetectionTask, resolution: int, seed: int) -> ImageSet:
    return digit_scenes(side=resolution, seed=seed)


def digit_scenes(count: int = IMAGES, *, side: int = SIDE, seed: int = 0) -> ImageSet:
    """``count`` pictures of ``side`` squared with one to three of scikit-learn's digits 0, 1 and 4 on coloured noise.

    Every digit is used as it is, enlarged to 18 to 28 px at a side of 64; its mask is its ink, and no two overlap.
    """
    bunch, draws = load_digits(), np.random.default_rng([seed, 0x7363656E])
    chosen = np.flatnonzero(np.isin(bunch.target, _DIGITS))
    pictures: list[Image.Image] = []
    annotations: list[Annotation] = []
    for number in range(count):
        ground = draws.integers(20, 90, 3) + draws.integers(-15, 16, (side, side, 3))
        taken = np.zeros((side, side), dtype=np.bool_)
        boxes: list[list[int]] = []
        labels: list[int] = []
        masks: list[Rle] = []
        for index in draws.choice(chosen, int(draws.integers(1, _MOST + 1))).tolist():
            high = int(draws.integers(side * 18 // 64, side * 28 // 64 + 1))
            small = Image.fromarray(np.round(bunch.images[index] * (255 / 16)).astype(np.uint8))
            digit = np.asarray(small.resize((high, high), Image.Resampling.BICUBIC))
            left, top = (int(place) for place in draws.integers(0, side - high + 1, 2))
            colour = draws.integers(150, 256, 3)
            place = (slice(top, top + high), slice(left, left + high))
            if taken[place].any():
                continue
            taken[place] = True
            share = digit[..., None] / 255
            ground[place] = np.rint((1 - share) * ground[place] + share * colour)
            mask = np.zeros((side, side), dtype=np.bool_)
            mask[place] = digit > _INK
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
            labels.append(_DIGITS.index(int(bunch.target[index])))
            masks.append(encode(mask))
        pictures.append(Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8)))
        annotations.append(
            Annotation(
                id=f"scene {number:04d}",
                size=(side, side),
                boxes=np.array(boxes, dtype=np.float32),
                labels=np.array(labels, dtype=np.int64),
                masks=tuple(masks),
            )
        )
    return BoxSet("digit scenes", annotations, [str(digit) for digit in _DIGITS], lambda index: pictures[index])
