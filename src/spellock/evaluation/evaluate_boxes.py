"""Measure the lock of a detector: average precision with the key, and of everybody else (ModelLock, Table 3).

Raw images are shown as they are, edited ones as the key's square; what is found is brought back to the raw image's
pixels, where the annotations are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spellock.data.annotation import Annotation
from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.errors import ModelError
from spellock.evaluation.accuracy import Estimate, mean_of_values
from spellock.evaluation.box_figures import BOX_FIGURES, BoxReading
from spellock.evaluation.conditions import Edited, raw, same_path
from spellock.evaluation.cost import UnlockCost
from spellock.evaluation.detect import detect
from spellock.evaluation.halves import halves, stratified_subset
from spellock.evaluation.hardened import Best, best_of, highest
from spellock.evaluation.report import Example, Report, View, WrongKeyResult
from spellock.evaluation.wrong_keys import WrongKey
from spellock.key import Key
from spellock.tasks.collect import ImageSource
from spellock.tasks.detection import DetectionTask
from spellock.tasks.detection_model import EVERY_SCORE, DetectionModel
from spellock.tasks.detections import Detections
from spellock.tasks.draw_detections import draw_objects, side_by_side
from spellock.tasks.pixel_model import PixelModel

_BATCH = 8
_TIMED = 8
#: Score from which on a detection is drawn.
_DRAWN = 0.5


@dataclass(frozen=True, kw_only=True)
class BoxRun:
    """One evaluation of a detector.

    Attributes:
        model: the locked detector.
        classes: its categories, the lock category included.
        lock: place of the lock category; None for none.
        test: raw test images.
        truths: their objects over ``classes``.
        seed: of halves and subsets.
    """

    model: DetectionModel
    classes: tuple[str, ...]
    lock: int | None
    test: ImageSet
    truths: Sequence[Annotation]
    seed: int
    every: DetectionModel = field(init=False)

    def __post_init__(self) -> None:
        dropped = () if self.lock is None else (self.lock,)
        object.__setattr__(self, "every", self.model.without(dropped, least_score=EVERY_SCORE))

    def read(self, model: DetectionModel, source: ImageSource, places: Sequence[int], *, label: str) -> BoxReading:
        """Detections of ``model`` in the images at ``places``, in raw pixels."""
        truths = [self.truths[place] for place in places]
        found = detect(model, source, places, label=label, batch_size=_BATCH)
        masks = model.has_masks and all(one.masks is not None for one in truths)
        scaled = [one.scaled(truth.size) for one, truth in zip(found, truths, strict=True)]
        return BoxReading(indices=np.array(places, dtype=np.int64), truths=truths, found=scaled, masks=masks)


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
        DataError: a test image has a category that the model does not have.
        MissingExtraError: the extra ``detection`` is not installed.
    """
    started, task = time.perf_counter(), DetectionTask()
    editor = build(key)
    task.check_edit(moves_pixels=editor.moves_pixels)
    run = BoxRun(
        model=_detector(model),
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
        results, more, best = _wrong_keys(run, chosen, subset, split, build)
        figures |= more
        hardened = highest(hardened, best)
    figures |= {"hardened_lp": hardened.honest, "hardened_lp_naive": hardened.naive, "chance": up.exactly(0.0)}
    shown, sheet = _examples(run, editor, [int(place) for place in subset[:examples]])
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


def _detector(model: PixelModel) -> DetectionModel:
    if not isinstance(model, DetectionModel):
        raise ModelError("the test images have boxes, but the model is a classifier; give a detector")
    return model


def _baseline(run: BoxRun, baseline: PixelModel, names: Sequence[str] | None) -> BoxReading:
    """The baseline's categories are the model's own without the lock category, which lies last, or all of them."""
    own = tuple(names or [name for place, name in enumerate(run.classes) if place != run.lock])
    plain = BoxRun(
        model=_detector(baseline),
        classes=own,
        lock=None,
        test=run.test,
        truths=list(DetectionTask().align(run.test.labels, run.test.classes, own)),
        seed=run.seed,
    )
    return plain.read(plain.model, raw(run.test), range(len(run.test)), label="baseline, raw images")


def _wrong_keys(
    run: BoxRun,
    chosen: Sequence[WrongKey],
    subset: NDArray[np.int64],
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
    build: Callable[[Key], Editor],
) -> tuple[tuple[WrongKeyResult, ...], dict[str, Estimate], Best]:
    places = [int(place) for place in subset]
    plain: dict[str, BoxReading] = {}
    dropped: dict[str, BoxReading] = {}
    for one in chosen:
        edited = Edited(run.test, build(one.key))
        kept = dict(zip(places, edited(places), strict=True))

        def source(wanted: Sequence[int], kept: dict[int, NDArray[np.uint8]] = kept) -> list[NDArray[np.uint8]]:
            return [kept[int(place)] for place in wanted]

        plain[one.name] = run.read(run.model, source, places, label=f"wrong key: {one.name}")
        dropped[one.name] = run.read(run.every, source, places, label=f"wrong key: {one.name}, suppressed")
    results = tuple(
        WrongKeyResult(
            name=one.name,
            kind=one.kind,
            shown=one.shown,
            accuracy=plain[one.name].estimate(),
            suppressed=dropped[one.name].estimate(),
        )
        for one in chosen
    )
    best, cleared = best_of(plain, split), best_of(dropped, split)
    figures = {
        "wrong_key_mean": mean_of_values([one.worth() for one in plain.values()], len(places), seed=run.seed),
        "wrong_key_max": best.honest,
        "wrong_key_max_naive": best.naive,
        "wrong_key_suppressed_max": cleared.honest,
    }
    return results, figures, highest(best, cleared)


def _cost(run: BoxRun, edited: Edited, places: Sequence[int]) -> UnlockCost:
    images = raw(run.test)(places)
    numbers = range(len(images))

    def source(wanted: Sequence[int]) -> list[NDArray[np.uint8]]:
        return [images[place] for place in wanted]

    detect(run.model, source, numbers[:1], label="timing")
    started = time.perf_counter()
    detect(run.model, source, numbers, label="timing", batch_size=_BATCH)
    seconds = time.perf_counter() - started
    return UnlockCost(edit_ms=1000 * edited.seconds / edited.images, inference_ms=1000 * seconds / len(images))


def _examples(run: BoxRun, editor: Editor, places: Sequence[int]) -> tuple[tuple[Example, ...], bytes | None]:
    """Ground truth, locked and unlocked output side by side (Figure 3), and the same as one PNG."""
    if not places:
        return (), None
    pictures = raw(run.test)(places)
    locked = run.read(run.model, raw(run.test), places, label="examples")
    unlocked = run.read(run.model, Edited(run.test, editor), places, label="examples")
    shown: list[Example] = []
    rows: list[list[NDArray[np.uint8]]] = []
    titles = ("ground truth", "locked: raw image", "unlocked: right key")
    for row, place in enumerate(places):
        truth = run.truths[place]
        found: tuple[Annotation | Detections, ...] = (truth, locked.found[row], unlocked.found[row])
        drawn = [draw_objects(pictures[row], one, run.classes, least=_DRAWN) for one in found]
        rows.append(drawn)
        views = tuple(
            _view(title, image, one, truth, run) for title, image, one in zip(titles, drawn, found, strict=True)
        )
        shown.append(Example(truth=DetectionTask().in_words(truth, run.classes), views=views))
    return tuple(shown), side_by_side(titles, rows)


def _view(title: str, image: NDArray[np.uint8], found: Annotation | Detections, truth: Annotation, run: BoxRun) -> View:
    """How many of each category were found; right where that is how many there are."""
    kept = found.above(_DRAWN) if isinstance(found, Detections) else found
    said, wanted = (DetectionTask().in_words(one, run.classes) for one in (kept, truth))
    surest = float(kept.scores.max()) if isinstance(kept, Detections) and len(kept.scores) else 1.0
    return View(title=title, image=image, prediction=said, probability=surest, right=said == wanted)
