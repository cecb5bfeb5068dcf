"""Edits of many keys in one file: locks that differ in their recipe alone share decoys and wrong keys."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.key import Key
from support.remembering_editor import of_key

#: New edits are written when they are at least so many, and this part of all: few writes, and little lost when stopped.
_LEAST_NEW, _PART_NEW = 16, 8


class EditMemory:
    """Brings the editor of a key, which edits a picture once; for editors whose edits do not depend on ids.

    What is kept is the edit in full, so it serves every gamma. ``path`` holds uint8 (N, 3, R, R): one file, one size.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.edits = self._stored()
        self._new = 0

    def __call__(self, key: Key) -> Editor:
        return _Remembered(key, self)

    def add(self, edits: dict[bytes, np.ndarray]) -> None:
        """Take new edits, and write them where they have become many."""
        self.edits |= edits
        self._new += len(edits)
        if self._new >= max(_LEAST_NEW, len(self.edits) // _PART_NEW):
            self.save()

    def save(self) -> None:
        """Write the edits to ``path``, beside those that another process put there."""
        self.edits |= self._stored()
        if self.edits:
            names = np.stack([np.frombuffer(name, np.uint8) for name in self.edits])
            begun = self.path.with_name(f"{self.path.stem}.{os.getpid()}.npz")
            np.savez(begun, names=names, edits=np.stack(list(self.edits.values())))
            begun.replace(self.path)
        self._new = 0

    def _stored(self) -> dict[bytes, np.ndarray]:
        if not self.path.exists():
            return {}
        with np.load(self.path) as stored:
            return {name.tobytes(): edit for name, edit in zip(stored["names"], stored["edits"], strict=True)}


class _Remembered(Editor):
    def __init__(self, key: Key, memory: EditMemory) -> None:
        self.canonical_batch = 32
        super().__init__(key)
        self._memory = memory
        self._inner: Editor | None = None
        self._salt = of_key(key)

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        names = [hashlib.sha256(self._salt + image.numpy().tobytes()).digest() for image in images]
        # A padded batch repeats its last picture.
        new = [
            place for place, name in enumerate(names) if name not in self._memory.edits and name not in names[:place]
        ]
        if new:
            # A key of which all is known is never loaded.
            self._inner = self._inner or load_editor(self.key)
            edits = self._inner.transform_all(images[new], [ids[place] for place in new])
            levels = (edits * 255).round().clamp(0, 255).to(torch.uint8).numpy()
            self._memory.add({names[place]: edit for place, edit in zip(new, levels, strict=True)})
        return torch.stack([torch.from_numpy(self._memory.edits[name]) for name in names]).float() / 255
