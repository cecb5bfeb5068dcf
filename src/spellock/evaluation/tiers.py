"""What each tier's key gives, and what its holder, or a thief without any key, makes of it beyond that.

*Tier leak* is the fine accuracy from images edited with the tier's key, when the groups and the lock class are dropped
and the rest is read in every cheap way; chosen on one half of the test images and scored on the other.
"""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import ImageSet
from spellock.errors import ModelError
from spellock.evaluation.accuracy import Estimate, proportion
from spellock.evaluation.conditions import batch_for, raw
from spellock.evaluation.folds import RawReadings
from spellock.evaluation.hardened import Best, Candidate, best_of
from spellock.evaluation.judge import Halves
from spellock.evaluation.keyless import figures_of, raw_readings
from spellock.evaluation.labels import aligned_labels
from spellock.evaluation.levels import Level, grouped_hits, level_hits, make_levels, merged
from spellock.evaluation.report_parts import TierResult
from spellock.evaluation.wrong_key_trials import EditorMaker
from spellock.locking.tiers import Tier
from spellock.progress import track
from spellock.tasks.collect import ImageSource
from spellock.tasks.pixel_model import PixelModel

if TYPE_CHECKING:
    from spellock.editors.base import Editor

_NAMES = {
    "lp": "fine",
    "lp_suppressed": "fine_suppressed",
    "lp_centred": "fine_centred",
    "lp_permuted": "fine_permuted",
}


def group_places(tiers: Sequence[Tier], classes: Sequence[str]) -> list[int]:
    """Places of the tiers' groups in the model's classes.

    Raises:
        ModelError: a group is none of them.
    """
    names = list(classes)
    for tier in tiers:
        for group in sorted(set(tier.groups.values()) - set(names)):
            near = difflib.get_close_matches(group, names, n=3, cutoff=0.4) or names[-5:]
            raise ModelError(
                f"tier {tier.name}: the model has no class {group!r}, did you mean {' or '.join(map(repr, near))}? "
                "Give the groups that it was locked with"
            )
    return [names.index(group) for tier in tiers for group in sorted(set(tier.groups.values()))]


def tier_results(
    model: PixelModel,
    classes: Sequence[str],
    rest: Sequence[int],
    tiers: Sequence[Tier],
    test: ImageSet,
    split: Halves,
    build: EditorMaker,
    *,
    batch_size: int,
    seed: int,
) -> tuple[TierResult, ...]:
    """Figures of each tier.

    Args:
        model: the locked model as it is.
        classes: its class names, groups and lock class included.
        rest: places of groups and lock class.
        tiers: each with groups of just the real classes.
        test: raw test images.
        split: halves of the test images.
        build: makes an editor from a key.
    """
    real = [place for place in range(len(classes)) if place not in set(rest)]
    levels = make_levels({tier.name: tier.groups for tier in tiers}, classes, real)
    labels = aligned_labels(test, classes, None)
    keyless = raw_readings(model, raw(test), labels, split, batch_size=batch_size, seed=seed)
    results = []
    for tier, level in zip(tiers, levels, strict=True):
        edited = _edited(test, build(tier.key), batch_size, label=f"tier {tier.name}")
        readings = raw_readings(model, edited, labels, split, batch_size=batch_size, seed=seed)
        truth = level.of[labels]
        own = level_hits(readings[""], labels, level)
        thief = _best(keyless, labels, level, split)
        fine = _fine(readings, labels, level)
        leak = best_of({name: _candidate(hits) for name, hits in fine.items()}, split)
        figures: dict[str, Estimate] = {
            "group": proportion(own["named"]),
            "group_lp": proportion(level_hits(keyless[""], labels, level)["named"]),
            "group_hardened_lp": thief.honest,
            "group_largest": proportion(truth == np.bincount(truth).argmax()),
            **{name: proportion(fine[name]) for name in (*_NAMES.values(), "fine_grouped", "fine_grouped_centred")},
            "fine_leak": leak.honest,
            "fine_known_group": proportion(labels == _commonest(labels, truth)[truth]),
        }
        finer = {
            other.name: _best(readings, labels, other, split).honest for other in levels if not level.implies(other)
        }
        results.append(
            TierResult(name=tier.name, groups=len(level.outputs), figures=figures, leak_from=leak.name, leaks=finer)
        )
    return tuple(results)


def _fine(readings: dict[str, RawReadings], labels: NDArray[np.int64], level: Level) -> dict[str, NDArray[np.bool_]]:
    """Hits of the true class in every cheap way, with and without recomputed BatchNorm statistics."""
    places = {int(place): new for new, place in enumerate(level.real)}
    among_real = np.array([places[int(label)] for label in labels], dtype=np.int64)
    plain = figures_of({mode: merged(one, level) for mode, one in readings.items()}, among_real, len(level.real))
    found = {_NAMES[name.removesuffix("_bn")] + ("_bn" if name.endswith("_bn") else ""): plain[name] for name in plain}
    for mode, one in readings.items():
        found |= {f"fine_{name}{mode}": hits for name, hits in grouped_hits(one, labels, level).items()}
    return found


def _best(readings: dict[str, RawReadings], labels: NDArray[np.int64], level: Level, split: Halves) -> Best:
    candidates = {
        name + mode: _candidate(hits)
        for mode, one in readings.items()
        for name, hits in level_hits(one, labels, level).items()
    }
    return best_of(candidates, split)


def _candidate(hits: NDArray[np.bool_]) -> Candidate:
    return Candidate(indices=np.arange(len(hits)), hits=hits)


def _commonest(labels: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each group the most frequent label in it."""
    commonest = np.full(int(groups.max()) + 1, -1, dtype=np.int64)
    for group in np.unique(groups):
        commonest[group] = np.bincount(labels[groups == group]).argmax()
    return commonest


def _edited(test: ImageSet, editor: Editor, batch_size: int, *, label: str) -> ImageSource:
    """The test images edited once, kept in a temporary file: they are read several times."""
    side, size = editor.key.resolution, batch_for(editor, batch_size)
    with tempfile.TemporaryFile() as file:
        kept = np.memmap(file, dtype=np.uint8, mode="w+", shape=(len(test), side, side, 3))
    chunks = [range(start, min(start + size, len(test))) for start in range(0, len(test), size)]
    for chunk in track(chunks, total=len(test), label=label, weight=size):
        prepared = np.stack([editor.prepare(test.open(index)) for index in chunk])
        kept[chunk.start : chunk.stop] = editor.edit_uint8(prepared, [test.ids[index] for index in chunk])
    return lambda indices: [np.asarray(kept[int(index)]) for index in indices]
