"""Unauthorised images learn objects that are not there: where and of what category, their texture says.

The counterpart of the decoy task for boxes. A detector that is only taught to call objects background, or to find
another image's, still answers a little where they truly are, and a thief counts every score. Here it is busy with
objects that it can learn to find, and which say nothing of the true ones.

Texture statistics are read around a grid of places; of their directions the two strongest that are not correlated with
how much of the place true objects of any category cover; and each place gets its rank in both, among the places that
are covered alike. Objects lie at the highest first ranks that are not too near to each other; the second rank says
which: in its order they get the set's own objects, sorted by category and size. So categories, sizes and masks are
those of the set, each once. Directions and the order of the categories come from the key's secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np

from spellock.data.annotation import Annotation, as_labels
from spellock.errors import ConfigError
from spellock.locking.targets.centre_box import CentreBox
from spellock.locking.targets.label_free import label_free
from spellock.locking.targets.moved_object import moved_object
from spellock.locking.targets.new_class import NewClass
from spellock.locking.targets.place_grid import Ints, alike, chosen_places, coverage, image_shares, ranks
from spellock.locking.targets.registry import Relabelling, Samples, register_target
from spellock.locking.targets.texture import Floats
from spellock.locking.targets.texture_maps import CORNERS, PLACES, WINDOW, TextureMaps

#: Images that the directions are found on: more would change them little, and each has 196 places.
_MOST_IMAGES = 400


@register_target("decoy-boxes", task="detection")
@dataclass(frozen=True, kw_only=True)
class DecoyBoxes:
    """One object of a new category for every image, as with `CentreBox`, and objects of the set where its texture says.

    Attributes:
        lock_class_name: what the category is called; no real one may have the name, capitals or not.

    Raises:
        ConfigError: the name is empty.
    """

    lock_class_name: str = NewClass.lock_class_name

    def __post_init__(self) -> None:
        NewClass(lock_class_name=self.lock_class_name)

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`.

        Raises:
            ConfigError: the samples come without their pixels, or a category is called like the new one.
        """
        made = CentreBox(lock_class_name=self.lock_class_name)(samples)
        if not len(samples.labels):
            return made
        # One fixed order, so that the order of the samples changes no bit.
        names = np.array([one.id for one in samples.labels], dtype=np.str_)
        order = np.lexsort((names, samples.draws))
        known = [samples.labels[number] for number in order.tolist()]
        covers = [coverage(one, len(samples.classes)) for one in known]
        points = _points(samples, order, covers)
        draws = np.random.default_rng([*samples.secret, 1])
        turn = 2 * np.pi * draws.uniform()
        points = points @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        groups = np.stack([alike(cover) for cover in covers])
        first = np.stack(
            [
                image_shares(point[:, 0], group > 0, draw)
                for point, group, draw in zip(points, groups, samples.draws[order].tolist(), strict=True)
            ]
        )
        second = ranks(points[..., 1].ravel(), groups.ravel()).reshape(groups.shape)
        objects = _sorted_objects(known, draws.permutation(len(samples.classes)))
        rows, places = chosen_places(first, len(objects), _reach(objects))
        # Fewer places than objects: those that are left out are of all categories and sizes.
        kept = np.linspace(0, len(objects) - 1, len(rows)).round().astype(np.int64)
        turned = np.argsort(second[rows, places], kind="stable")
        given: list[list[Annotation]] = [[] for _ in known]
        for number, row, place in zip(kept.tolist(), rows[turned].tolist(), places[turned].tolist(), strict=True):
            given[row].append(_put(objects[number], known[row], place))
        whole = [
            _gathered([made.labels[number], *given[place]]) for number, place in enumerate(np.argsort(order).tolist())
        ]
        return replace(made, labels=as_labels(whole))


def _points(samples: Samples, order: Ints, covers: Sequence[Floats]) -> Floats:
    """Points of all places, (M, PLACES * PLACES, 2), in the given order of the samples.

    Raises:
        ConfigError: there is not one picture a sample.
    """
    if samples.pixels is None:
        raise ConfigError("the lock target decoy-boxes got samples without pixels, expected one image a sample")
    at = np.argsort(order)
    wanted, count = at < _MOST_IMAGES, sum(1 for _ in samples.pixels())
    if count != len(order):
        raise ConfigError(f"got {count} images for {len(order)} samples, expected one each")
    texture = TextureMaps(samples.secret)
    maps = np.stack(list(texture.maps(compress(samples.pixels(), wanted))))[np.argsort(at[wanted])]
    free = label_free(maps.reshape(-1, maps.shape[-1]), np.concatenate(covers[: len(maps)]))
    found = np.empty((len(order), PLACES * PLACES, 2))
    for number, one in zip(at.tolist(), texture.maps(samples.pixels()), strict=True):
        found[number] = free(one.reshape(PLACES * PLACES, -1))
    return found


def _sorted_objects(known: Sequence[Annotation], order: Ints) -> list[Annotation]:
    """Each object by itself, by category in the given order, the small before the large."""
    ones = []
    for annotation in known:
        for place in np.flatnonzero(~annotation.crowd).tolist():
            marks = np.zeros(len(annotation.labels), dtype=np.bool_)
            marks[place] = True
            ones.append(annotation.chosen(marks))
    rank = np.argsort(order)
    return sorted(ones, key=lambda one: (int(rank[one.labels[0]]), _area(one)))


def _area(one: Annotation) -> float:
    """Of its box, as a share of the image."""
    left, top, right, bottom = one.boxes[0].tolist()
    return float((right - left) * (bottom - top) / (one.size[0] * one.size[1]))


def _reach(objects: Sequence[Annotation]) -> int:
    """Half the side of the typical object, in places."""
    side = float(np.median([_area(one) for one in objects])) ** 0.5 if objects else 0.0
    return int(side / 2 / float(CORNERS[1]) + 0.5)


def _put(one: Annotation, host: Annotation, place: int) -> Annotation:
    row, column = divmod(place, PLACES)
    height, width = host.size
    return moved_object(
        one.scaled(host.size), float(CORNERS[column] + WINDOW / 2) * width, float(CORNERS[row] + WINDOW / 2) * height
    )


def _gathered(got: Sequence[Annotation]) -> Annotation:
    """The first of ``got`` with the objects of all; masks only where all have them."""
    masks = tuple(mask for one in got for mask in one.masks or ())
    return replace(
        got[0],
        boxes=np.concatenate([one.boxes for one in got]),
        labels=np.concatenate([one.labels for one in got]),
        masks=masks if all(one.masks is not None for one in got) else None,
        crowd=np.zeros(sum(len(one.labels) for one in got), dtype=np.bool_),
    )
