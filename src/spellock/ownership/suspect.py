"""A suspect: a model in memory, or only its answers; every image it is asked about is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.errors import ConfigError, ModelError
from spellock.pixels import from_uint8
from spellock.progress import track
from spellock.tasks.collect import in_evaluation_mode
from spellock.tasks.pixel_model import PixelModel

BATCH: Final = 128
#: Rows of probabilities may miss 1 by so much; half-precision services round.
_SLACK: Final = 1e-2


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a suspect said: ``labels`` int64 (N,), and where it gives them ``scores`` float64 (N, K), rows sum to 1."""

    labels: NDArray[np.int64]
    scores: NDArray[np.float64] | None = None


class Suspect:
    """A suspect behind a counter. Its classes may be others than the owner's, in number and order.

    Args:
        model: `PixelModel` in memory, used in evaluation mode; None where only ``query`` is had.
        query: float32 images (N, 3, H, W) in [0, 1] to scores (N, K), logits or probabilities, or to labels (N,).
        limit: images that it may be asked about.

    Attributes:
        spent: images that it was asked about.

    Raises:
        ConfigError: neither or both of ``model`` and ``query``, or a limit that is not positive.
    """

    def __init__(
        self,
        model: PixelModel | None = None,
        *,
        query: Callable[[Tensor], Tensor] | None = None,
        limit: int | None = None,
    ) -> None:
        if (model is None) == (query is None):
            raise ConfigError(
                "got both or neither of model and query, expected one of them; give the model, or a query"
            )
        if limit is not None and limit < 1:
            raise ConfigError(f"got a limit of {limit} queries, expected a positive number, or none for no limit")
        self._model, self._query, self._limit = model, query, limit
        self.spent = 0

    @property
    def left(self) -> int | None:
        """Images that it may still be asked about; None for no limit."""
        return None if self._limit is None else self._limit - self.spent

    @property
    def model(self) -> PixelModel:
        """The model itself. Raises `ConfigError` where there are only answers."""
        if self._model is None:
            raise ConfigError(
                "this method needs the suspect's weights, here are only its answers; choose another method"
            )
        return self._model

    def ask(self, images: Tensor, *, label: str = "asking the suspect") -> Answers:
        """Answers to uint8 images (N, 3, H, W).

        Raises:
            ConfigError: the limit is passed.
            ModelError: the answers are neither scores nor labels of the images, or not finite.
        """
        if self._limit is not None and self.spent + len(images) > self._limit:
            raise ConfigError(
                f"the method asks for {self.spent + len(images)} answers, expected at most {self._limit}; raise the "
                "limit or lower its numbers of images and keys"
            )
        self.spent += len(images)
        starts: Iterable[int] = range(0, len(images), BATCH)
        if len(images) > BATCH:  # a method may ask thousands of times about a few images: no bar for those
            starts = track(starts, total=len(images), label=label, weight=BATCH)
        parts = [self._batch(images[start : start + BATCH]) for start in starts]
        if odd := [part.shape for part in parts if not part.shape or part.shape[1:] != parts[0].shape[1:]]:
            raise ModelError(
                f"the suspect gave {parts[0].shape} for some images and {odd[0]} for others, expected a label each, or "
                "scores of the same classes; a query must not squeeze its answers"
            )
        return read_answers(np.concatenate(parts), len(images))

    def _batch(self, images: Tensor) -> NDArray[np.generic]:
        with torch.no_grad():
            if self._model is None:
                assert self._query is not None  # __init__ checks
                answer = torch.as_tensor(self._query(from_uint8(images)))
            else:
                with in_evaluation_mode(self._model) as model:
                    answer = model(from_uint8(images.to(model.mean.device)))
        # bfloat16 has no numpy type
        found: NDArray[np.generic] = (answer.float() if answer.is_floating_point() else answer).cpu().numpy()
        return found


def read_answers(answers: NDArray[np.generic], images: int) -> Answers:
    """Answers from scores (N, K) or labels (N,). Scores that are no probabilities are taken for logits.

    Raises:
        ModelError: another shape, labels that are no whole numbers, or scores that are not finite.
    """
    if answers.shape == (images,):
        if not np.array_equal(answers, np.rint(answers)):
            raise ModelError(
                "the suspect gave one number an image that is no whole number, expected a label each, or scores of all "
                "classes; of two classes give both probabilities"
            )
        return Answers(labels=answers.astype(np.int64))
    if answers.ndim != 2 or len(answers) != images or answers.shape[1] < 2:
        raise ModelError(
            f"the suspect gave {answers.shape} for {images} images, expected a label each, or scores of two "
            "classes or more"
        )
    scores = answers.astype(np.float64)
    if not np.isfinite(scores).all():
        raise ModelError("the suspect gave scores that are not finite numbers; its weights are damaged")
    if scores.min() < 0 or np.abs(scores.sum(axis=1) - 1).max() > _SLACK:
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    scores /= scores.sum(axis=1, keepdims=True)
    return Answers(labels=scores.argmax(axis=1), scores=scores)
