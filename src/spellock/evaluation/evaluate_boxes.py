"""Measure the lock of a detector: average precision with the key, and of everybody else (ModelLock, Table 3).

Raw images are shown as they are, edited ones as the key's square; what is found is brought back to the raw image's
pixels, where the annotations are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spellock.data.box_set import only_categories
from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.box_examples import box_examples
from spellock.evaluation.box_figures import BOX_FIGURES, BoxReading
from spellock.evaluation.box_run import BATCH, BoxRun, as_detector
from spellock.evaluation.box_wrong_keys import box_wrong_keys
from spellock.evaluation.conditions import Edited, raw, same_path
from spellock.evaluation.cost import UnlockCost
from spellock.evaluation.detect import detect
from spellock.evaluation.halves import halves, stratified_subset
from spellock.evaluation.hardened import best_of, highest
from spellock.evaluation.report import Report
from spellock.evaluation.report_parts import WrongKeyResult
from spellock.evaluation.wrong_keys import WrongKey
from spellock.key import Key
from spellock.tasks.detection import DetectionTask
from spellock.tasks.pixel_model import PixelModel

_TIMED = 8


def evaluate_boxes(
    model: PixelModel,
    classes: Sequence[str],
    key: Key,
    test: ImageSet,
    *,
    lock: int | None,
    baseline: PixelModel | None,
    baseline_classes: Sequence[str] | None,
    chosen: Sequence[WrongKey],
    wrong_key_images: int,
    examples: int,
    seed: int,
    device: str,
    build: Callable[[Key], Editor],
) -> Report:
    """The report of a detector; see `spellock.evaluation.evaluate.evaluate`, which calls this.

    Raises:
        ModelError: a model is no detector.
        ConfigError: the key moves content away from its boxes.
        DataError: a test image has a category that the model does not have, and the set does not skip what is bad.
        MissingExtraError: the extra ``detection`` is not installed.
    """
    started, task = time.perf_counter(), DetectionTask()
    if test.on_error == "skip":
        test = only_categories(test, classes)
    editor = build(key)
    task.check_edit(moves_pixels=editor.moves_pixels)
    run = BoxRun(
        model=as_detector(model),
        classes=tuple(classes),
        lock=lock,
        test=test,
        truths=list(task.align(test.labels, test.classes, classes)),
        seed=seed,
    )
    split = halves(task.strata(test.labels), seed=seed)
    places, figures = list(range(len(test))), dict[str, Estimate]()
    if baseline is not None:
        figures |= _baseline(run, baseline, baseline_classes).figures("baseline")
    edited = Edited(test, editor)
    path = same_path(test, editor)
    up = run.read(run.model, edited, places, label="edited images")
    readings = {
        "lp": run.read(run.model, raw(test), places, label="raw images"),
        "lp_suppressed": run.read(run.every, raw(test), places, label="raw images, suppressed"),
        "lp_same_path": run.read(run.model, path, places, label="raw images, same path"),
        "lp_same_path_suppressed": run.read(run.every, path, places, label="same path, suppressed"),
    }
    figures |= up.figures("up")
    for name, reading in readings.items():
        figures |= reading.figures(name)
    hardened = best_of(readings, split)
    subset = stratified_subset(task.strata(test.labels), wrong_key_images, seed=seed)
    results: tuple[WrongKeyResult, ...] = ()
    if chosen:
        results, more, best = box_wrong_keys(run, chosen, subset, split, build)
        figures |= more
        hardened = highest(hardened, best)
    figures |= {"hardened_lp": hardened.honest, "hardened_lp_naive": hardened.naive, "chance": up.exactly(0.0)}
    shown, sheet = box_examples(run, readings["lp"], up, [int(place) for place in subset[:examples]])
    return Report(
        figures={name: figures[name] for name in BOX_FIGURES if name in figures},
        hardened_from=hardened.name,
        wrong_keys=results,
        cost=_cost(run, edited, [int(place) for place in subset[:_TIMED]]),
        seconds=time.perf_counter() - started,
        facts={
            "test images": len(test),
            "objects": sum(int((~one.crowd).sum()) for one in run.truths),
            "categories": len(classes) - int(lock is not None),
            "intervals": "none, average precision is of the whole set",
            "lock class": None if lock is None else classes[lock],
            "images a wrong key": len(subset) if chosen else 0,
            "seed": seed,
            "editor ran on": device,
        },
        examples=shown,
        texts=BOX_FIGURES,
        measure="average precision",
        sheet=sheet,
    )


def _baseline(run: BoxRun, baseline: PixelModel, names: Sequence[str] | None) -> BoxReading:
    """The baseline's categories are the model's own without the lock category, which lies last, or all of them."""
    own = tuple(names or [name for place, name in enumerate(run.classes) if place != run.lock])
    plain = BoxRun(
        model=as_detector(baseline),
        classes=own,
        lock=None,
        test=run.test,
        truths=list(DetectionTask().align(run.test.labels, run.test.classes, own)),
        seed=run.seed,
    )
    return plain.read(plain.model, raw(run.test), range(len(run.test)), label="baseline, raw images")


def _cost(run: BoxRun, edited: Edited, places: Sequence[int]) -> UnlockCost:
    images = raw(run.test)(places)
    numbers = range(len(images))

    def source(wanted: Sequence[int]) -> list[NDArray[np.uint8]]:
        return [images[place] for place in wanted]

    detect(run.model, source, numbers[:1], label="timing")
    started = time.perf_counter()
    detect(run.model, source, numbers, label="timing", batch_size=BATCH)
    seconds = time.perf_counter() - started
    return UnlockCost(edit_ms=1000 * edited.seconds / edited.images, inference_ms=1000 * seconds / len(images))
