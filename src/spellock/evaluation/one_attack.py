"""One attack on one model: its hits on images that it has not seen, its price, and what its labels cost to code."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from spellock.attacks.base import Stolen
from spellock.attacks.view import AttackerView
from spellock.evaluation.attack_plan import AttackPlan, Trial
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.attack_store import AttackStore, Done
from spellock.evaluation.bits_stolen import label_costs
from spellock.evaluation.predicted import predictions, scores_of
from spellock.evaluation.thief import Thief
from spellock.pixels import from_uint8, to_uint8
from spellock.tasks.pixel_model import PixelModel

#: Scored images whose pictures are kept as the attack shows them to the model, and their longest side in pixels.
PICTURES: Final = 6
PICTURE_SIDE: Final = 128


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Images that nothing was attacked with: uint8 (N, 3, H, W), their real classes (N,), and their places in the
    test set."""

    images: Tensor
    labels: NDArray[np.int64]
    places: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class OneAttack:
    """Runs attacks of one plan; ``subset`` are the scored images that each of several predictors is tried on."""

    thief: Thief
    scored: Scored
    subset: NDArray[np.int64]
    plan: AttackPlan
    store: AttackStore | None
    batch_size: int

    def __call__(
        self, trial: Trial, start: str, model: PixelModel, row: AttackRow, draw: int, *, following: int | None
    ) -> Done:
        """What it got, out of the store where it is done already.

        Args:
            row: level and amounts.
            following: labels of the next larger amount, whose new ones are coded with what was stolen here.
        """
        name = f"{trial.attack!r} {start} {row.level} {row.labels} {row.leaked} {draw}"
        name += f" asked {row.asked}" if row.asked else ""
        name += f" then {following}" if following else ""
        done = None if self.store is None else self.store.load(name)
        if done is not None:
            return done
        lock = self.thief.lock_class if start == "locked" else None
        seed = self.plan.seed + draw
        view = self.thief.view(
            model, row.level, labels=row.labels, leaked=row.leaked, asked=row.asked, lock_class=lock, seed=seed
        )
        started = time.perf_counter()
        with _counted(view) as passed:
            stolen = trial.attack(view, None if self.store is None else self.store.work(name))
        seconds = time.perf_counter() - started
        queries = view.customer.spent if view.customer else view.query.spent if view.query else sum(passed)
        if view.query is not None:
            view.query.release()
        scoring = time.perf_counter()
        done = Done(
            hits=self._hits(stolen), found=stolen[0].found, seconds=seconds, queries=queries,
            costs=self._costs(stolen[0], row.labels, following, seed),
            pictures=self._pictures(stolen[0]) if start == "locked" else (),
        )  # fmt: skip
        done = replace(done, scoring=time.perf_counter() - scoring)
        if self.store is not None:
            self.store.save(name, done)
        return done

    def _hits(self, stolen: list[Stolen]) -> NDArray[np.bool_]:
        places = np.arange(len(self.scored.labels)) if len(stolen) == 1 else self.subset
        images, labels = self.scored.images[places], self.scored.labels[places]
        return np.stack([predictions(one.predict, images, batch_size=self.batch_size) == labels for one in stolen])

    def _costs(self, stolen: Stolen, labels: int, following: int | None, seed: int) -> NDArray[np.float64] | None:
        """`label_costs` of the labels that come next."""
        if following is None:
            return None
        images, classes = self.thief.next_labelled(labels, following, seed=seed)
        if not len(classes):
            return None
        costs = label_costs(scores_of(stolen.predict, images, batch_size=self.batch_size), classes)
        return costs.astype(np.float32).astype(np.float64)  # as they are stored, so that a run goes on to the same bits

    def _pictures(self, stolen: Stolen) -> tuple[tuple[bytes, int], ...]:
        """PNG and named class of some scored images as the model is shown them."""
        images = self.scored.images[self.subset[:PICTURES]]
        named = predictions(stolen.predict, images, batch_size=self.batch_size)
        shown = images if stolen.shown is None else to_uint8(stolen.shown(from_uint8(images)))
        return tuple((_png(image), int(place)) for image, place in zip(shown, named, strict=True))


@contextmanager
def _counted(view: AttackerView) -> Iterator[list[int]]:
    """Counts images that pass through the stolen network, training steps included; copies of it count too."""
    passed: list[int] = []

    def count(_: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        passed.append(len(inputs[0]) if inputs else 0)

    if view.model is None:
        yield passed
        return
    handle = view.model.network.register_forward_pre_hook(count)
    try:
        yield passed
    finally:
        handle.remove()


def _png(image: Tensor) -> bytes:
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    data = io.BytesIO()
    picture.save(data, format="PNG", optimize=True)
    return data.getvalue()
