"""Wrong keys tried on a detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from spellock.editors.base import Editor
from spellock.evaluation.accuracy import Estimate, mean_of_values
from spellock.evaluation.box_figures import BoxReading
from spellock.evaluation.box_run import BoxRun
from spellock.evaluation.conditions import Edited
from spellock.evaluation.hardened import Best, best_of, highest
from spellock.evaluation.report_parts import WrongKeyResult
from spellock.evaluation.wrong_keys import WrongKey
from spellock.key import Key


def box_wrong_keys(
    run: BoxRun,
    chosen: Sequence[WrongKey],
    subset: NDArray[np.int64],
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
    build: Callable[[Key], Editor],
) -> tuple[tuple[WrongKeyResult, ...], dict[str, Estimate], Best]:
    """How far each of the ``chosen`` keys unlocks, the figures of all of them, and the best of them.

    Args:
        subset: places of the test images that each key is tried on.
        split: halves of the test images: the best key is chosen on one and scored on the other.
        build: makes an editor from a key.
    """
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
