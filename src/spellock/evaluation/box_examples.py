"""Test images with what a detector found drawn on them, locked and unlocked, beside the truth (ModelLock, Figure 3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spellock.data.annotation import Annotation
from spellock.evaluation.box_figures import BoxReading
from spellock.evaluation.box_run import BoxRun
from spellock.evaluation.conditions import raw
from spellock.evaluation.report_parts import Example, View
from spellock.tasks.detection import DetectionTask
from spellock.tasks.detections import Detections
from spellock.tasks.draw_detections import at_sheet_size, draw_objects, side_by_side

#: Score from which on a detection is drawn.
_DRAWN = 0.5


def box_examples(
    run: BoxRun, locked: BoxReading, unlocked: BoxReading, places: Sequence[int]
) -> tuple[tuple[Example, ...], bytes | None]:
    """Ground truth, locked and unlocked output side by side (Figure 3), and the same as one PNG.

    Args:
        locked, unlocked: what was found in all test images raw, and edited with the key.
        places: of the test images to show.
    """
    if not places:
        return (), None
    pictures = [at_sheet_size(picture) for picture in raw(run.test)(places)]
    shown: list[Example] = []
    rows: list[list[NDArray[np.uint8]]] = []
    titles = ("ground truth", "locked: raw image", "unlocked: right key")
    for row, place in enumerate(places):
        truth = run.truths[place]
        found: tuple[Annotation | Detections, ...] = (truth, locked.found[place], unlocked.found[place])
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
