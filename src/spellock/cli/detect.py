"""What `spellock predict` does with a detector: lines or JSON of boxes, and pictures with them drawn."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from spellock.artefacts import storage_errors, write_bytes
from spellock.cli.options import on_one_line
from spellock.data.write_png import encode_png

if TYPE_CHECKING:
    from spellock.unlocking.unlocked_detector import UnlockedDetector


def detect_files(
    model: UnlockedDetector,
    paths: Sequence[Path],
    *,
    draw: Path | None,
    score: float,
    top: int | None,
    json: bool,
    on_error: Literal["fail", "skip"],
    skipped: list[dict[str, str]],
) -> int:
    """Print what is in each image; returns 0, or 1 when not one could be read.

    Args:
        draw: folder for pictures with what was found drawn on them.
        score: least score of what is printed and drawn.
        top: objects of an image to print, the surest first; None for all.
        skipped: folders that could not be looked into; images that cannot be read come behind them.
    """
    from spellock.tasks.draw_detections import draw_objects
    from spellock.unlocking.inputs import Skipped

    rows: list[dict[str, object]] = []
    folders = len(skipped)
    if draw is not None:
        with storage_errors(draw):
            draw.mkdir(parents=True, exist_ok=True)
    for number, result in enumerate(model.stream(paths, on_error=on_error)):
        if isinstance(result, Skipped):
            skipped.append({"source": result.source, "reason": result.reason})
            print(f"spellock: skipped: {result.reason}", file=sys.stderr)
            continue
        found = result.found.above(score)
        objects = found.to_json(model.classes)[:top]
        if json:
            height, width = found.size
            rows.append({"source": result.source, "width": width, "height": height, "objects": objects})
        for one in () if json else objects:
            box = one["box"]
            print(
                "\t".join((on_one_line(result.source), one["class"], f"{one['score']:.4f}", *map(str, box))), flush=True
            )
        if draw is not None:
            picture = draw_objects(np.asarray(result.image), found, model.classes, least=score)
            # Files of the same name may come from several folders.
            write_bytes(draw / f"{number:05d}_{Path(result.source).stem}.png", encode_png(picture))
    if json:
        print(json_format.dumps({"predictions": rows, "skipped": skipped}))
    return 0 if len(skipped) - folders < len(paths) else 1
