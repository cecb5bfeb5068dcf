"""Guessed keys: editing raw images with them, and judging them without labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Stolen
from spellock.attacks.outputs import Logits, asked, outputs_of, places_of_classes, softmax
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.translated import squashed
from spellock.attacks.view import AttackerView, floats
from spellock.editors.base import Editor
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.key import SECRET_BYTES, Key
from spellock.pixels import from_uint8, to_uint8

RANKINGS = ("confidence", "lock", "both", "information")


def own_secret(seed: int, number: int = 0) -> bytes:
    """A secret of the thief's own; the right one cannot be guessed."""
    return np.random.default_rng([seed, number, 0x67756573]).bytes(SECRET_BYTES)


@dataclass(frozen=True, kw_only=True)
class Guesser:
    """Tries guessed keys on raw images: ``real`` are the places of the real classes among the model's outputs."""

    view: AttackerView
    editor: PublicEditor
    real: NDArray[np.int64]

    def outputs(self, key: Key, images: Tensor) -> Logits:
        """The model's outputs for uint8 images edited with ``key``.

        Raises:
            ConfigError, EditorError: the editor does not take such a key.
        """
        return outputs_of(self.view.answer, to_uint8(self.edited(key, floats(images))), label="guessed keys")

    def edited(self, key: Key, images: Tensor) -> Tensor:
        """float32 images (N, 3, H, W) in [0, 1] squashed to the editor's size and edited with ``key``.

        Raises:
            ConfigError, EditorError: the editor does not take such a key.
        """
        return self._edit(self.editor.load(key), images)

    def stolen(self, key: Key, *, name: str, found: dict[str, Scalar] | None = None) -> Stolen:
        """The model behind an edit with ``key``; the editor is loaded when it is first used."""
        loaded: list[Editor] = []
        places, answer = torch.from_numpy(self.real), self.view.answer

        def shown(images: Tensor) -> Tensor:
            if not loaded:
                loaded.append(self.editor.load(key))
            return self._edit(loaded[0], images)

        def predict(images: Tensor) -> Tensor:
            return asked(answer, shown(images))[:, places]

        return Stolen(predict=predict, name=name, found=found or {}, guess=key, shown=shown)

    def _edit(self, editor: Editor, images: Tensor) -> Tensor:
        small = from_uint8(to_uint8(squashed(images, self.editor.resolution, resize=self.editor.resize)))
        return editor(small, [f"guess#{place}" for place in range(len(small))])


def guesser_and_images(view: AttackerView, images: int, *, keys: int) -> tuple[Guesser, Tensor]:
    """A guesser, and the raw images that each of so many keys can be tried on with the queries that are left.

    Raises:
        ConfigError: there is no public editor, or fewer queries than keys.
    """
    if view.editor is None:
        raise ConfigError("this attack needs the public editor, the thief here has none; give one that takes prompts")
    sample = view.unlabelled[:images]
    if view.query is not None and view.query.left is not None:
        if view.query.left <= keys:
            raise ConfigError(f"got {view.query.left} queries for {keys} keys, expected more; lower candidates")
        sample = sample[: view.query.left // (keys + 1)]
    return Guesser(view=view, editor=view.editor, real=places_of_classes(view, view.answer, sample)), sample


def judge(logits: Logits, real: NDArray[np.int64], ranking: str) -> float:
    """How right a key looks from outputs (N, K) alone; higher is better.

    ``confidence``: mean highest probability among the real classes, lock class dropped. ``lock``: minus the mean
    probability of all other outputs. ``both``: mean highest probability of a real class with the lock class kept, which
    falls with either. ``information``: H(mean p) - mean H(p) over the real classes, which is 0 where all images go to
    one class.
    """
    whole, inner = softmax(logits), softmax(logits[:, real])
    judges: dict[str, Callable[[], float]] = {
        "confidence": lambda: float(inner.max(axis=1).mean()),
        "lock": lambda: float(whole[:, real].sum(axis=1).mean() - 1),
        "both": lambda: float(whole[:, real].max(axis=1).mean()),
        "information": lambda: float(_entropy(inner.mean(axis=0)) - _entropy(inner).mean()),
    }
    return judges[ranking]()


def _entropy(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    terms: NDArray[np.float64] = -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=-1)
    return terms
