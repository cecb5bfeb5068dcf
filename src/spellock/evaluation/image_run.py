"""A locked model under measurement, and its figures that take more than one pass to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import ImageSet
from spellock.errors import ModelError
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.conditions import raw, same_path
from spellock.evaluation.hardened import Best
from spellock.evaluation.judge import Judge
from spellock.evaluation.labels import aligned_labels
from spellock.evaluation.report_parts import WrongKeyResult
from spellock.evaluation.wrong_key_trials import EditorMaker, wrong_key_logits
from spellock.evaluation.wrong_keys import WrongKey
from spellock.tasks.collect import collect
from spellock.tasks.pixel_model import PixelModel

if TYPE_CHECKING:
    from spellock.editors.base import Editor


@dataclass(frozen=True, kw_only=True)
class WrongKeys:
    """What wrong keys open.

    Attributes:
        results: one a key, in their order.
        figures: over all of them.
        best: the best of them, chosen on one half of their images.
        pictures: edits by the first key of each kind, by its name.
    """

    results: tuple[WrongKeyResult, ...]
    figures: dict[str, Estimate]
    best: Best
    pictures: dict[str, list[NDArray[np.uint8]]]


@dataclass(frozen=True, kw_only=True)
class ImageRun:
    """Model, images and judge of one measurement.

    Attributes:
        model: the locked model.
        classes: its classes in logit order, lock class included.
        lock: place of the lock class, if there is one.
        test: raw test images.
        judge: reads logits as the task does.
        batch_size: images a pass.
    """

    model: PixelModel
    classes: Sequence[str]
    lock: int | None
    test: ImageSet
    judge: Judge
    batch_size: int

    def path(self, editor: Editor) -> dict[str, Estimate]:
        """The path of the edit without the edit."""
        source, label = same_path(self.test, editor), "raw images, same path"
        logits = collect(self.model, source, range(len(self.test)), batch_size=self.batch_size, label=label)
        return self.judge.same_path(logits)

    def baseline(self, plain: PixelModel, names: Sequence[str] | None) -> dict[str, Estimate]:
        """A model without a lock on raw images.

        Args:
            names: its classes; by default the locked model's, without the lock class where it has one output less.

        Raises:
            ModelError: it has another number of classes.
        """
        if names is None:
            real = [name for place, name in enumerate(self.classes) if place != self.lock]
            names = self.classes if plain.num_classes == len(self.classes) else real
        if plain.num_classes != len(names):
            raise ModelError(
                f"the baseline has {plain.num_classes} classes, expected {len(names)} as the locked model's data"
            )
        own, label = aligned_labels(self.test, names, None), "baseline, raw images"
        logits = collect(plain, raw(self.test), range(len(self.test)), batch_size=self.batch_size, label=label)
        return self.judge.baseline(logits, own, names)

    def wrong_keys(
        self, chosen: Sequence[WrongKey], subset: NDArray[np.int64], build: EditorMaker, *, shown: int
    ) -> WrongKeys:
        """Each of ``chosen`` (at least one) on the test images at ``subset``; ``shown`` of them as pictures."""
        logits, pictures = wrong_key_logits(
            self.model,
            self.test,
            [int(index) for index in subset],
            chosen,
            build,
            batch_size=self.batch_size,
            shown=min(shown, len(subset)),
        )
        both = {one.name: self.judge.wrong_key(own, subset) for one, own in zip(chosen, logits, strict=True)}
        figures, best = self.judge.wrong_keys(
            {name: plain for name, (plain, _) in both.items()}, {name: dropped for name, (_, dropped) in both.items()}
        )
        results = tuple(
            WrongKeyResult(
                name=one.name,
                kind=one.kind,
                shown=one.shown,
                accuracy=both[one.name][0].estimate(),
                suppressed=both[one.name][1].estimate(),
            )
            for one in chosen
        )
        return WrongKeys(results=results, figures=figures, best=best, pictures=pictures)
