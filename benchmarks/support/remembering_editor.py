"""An editor that edits each picture once: several seeds of a benchmark share one key's edits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spellock.editors.base import Editor
from spellock.key import Key


def edits_file(folder: Path, key: Key) -> Path:
    """Where the edits of ``key`` are kept: another file for every setting, secret, size and weights of the editor."""
    return folder / f"edits_{of_key(key).hex()[:12]}.npz"


def of_key(key: Key) -> bytes:
    """32 bytes that differ between keys whose edit in full differs."""
    # A secret shows itself in no repr, only as bytes.
    settings = (key.editor, key.resolution, key.resize, sorted(key.settings.items()), bytes(key.secret).hex())
    return hashlib.sha256(repr(settings).encode()).digest()


class RememberingEditor(Editor):
    """Wraps an editor whose edits do not depend on ids; ``path`` keeps the edits between runs."""

    def __init__(self, inner: Editor, path: Path | None = None) -> None:
        self.canonical_batch = 32
        super().__init__(inner.key)
        self.inner = inner
        self.path = path
        self._edits: dict[bytes, np.ndarray] = {}
        if path is not None and path.exists():
            with np.load(path) as stored:
                self._edits = {
                    name.tobytes(): edit for name, edit in zip(stored["names"], stored["edits"], strict=True)
                }

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        names = [hashlib.sha256(image.numpy().tobytes()).digest() for image in images]
        # Only the new ones: another seed leaves other images raw, and a batch would hold one of them nearly always.
        # A padded batch repeats its last picture.
        new = [place for place, name in enumerate(names) if name not in self._edits and name not in names[:place]]
        if new:
            edits = self.inner.transform_all(images[new], [ids[place] for place in new])
            for place, edit in zip(new, edits, strict=True):
                self._edits[names[place]] = (edit * 255).round().clamp(0, 255).to(torch.uint8).numpy()
        return torch.stack([torch.from_numpy(self._edits[name]) for name in names]).float() / 255

    def save(self) -> None:
        """Write the edits to ``path``."""
        if self.path is not None and self._edits:
            names = np.stack([np.frombuffer(name, np.uint8) for name in self._edits])
            np.savez(self.path, names=names, edits=np.stack(list(self._edits.values())))
