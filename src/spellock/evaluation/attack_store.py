"""Hits of attacks that are done, kept so that an interrupted run goes on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spellock.artefacts import read_json, storage_errors, write_json
from spellock.errors import DataError
from spellock.hidden import Scalar
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class Done:
    """Hits (candidates, images) of an attack, what it found, and its seconds."""

    hits: NDArray[np.bool_]
    found: Mapping[str, Scalar]
    seconds: float


class AttackStore:
    """One JSON file an attack in ``folder``; None keeps nothing.

    ``run`` stands for what results depend on besides the attack: models, images, seed.
    """

    def __init__(self, folder: Path | None, run: str) -> None:
        self._folder, self._run = folder, run

    def work(self, name: str) -> Path | None:
        """Folder for the checkpoints of the attack called ``name``."""
        return None if self._folder is None else self._folder / self._digest(name)

    def load(self, name: str) -> Done | None:
        """What is kept of the attack called ``name``."""
        path = self._path(name)
        if path is None or not path.is_file():
            return None
        try:
            stored = read_json(path, max_bytes=100_000_000)
        except DataError:
            return None  # damaged: attack again
        shape = tuple(stored["shape"])
        bits = np.unpackbits(np.frombuffer(base64.b64decode(stored["hits"]), np.uint8), count=shape[0] * shape[1])
        return Done(hits=bits.astype(np.bool_).reshape(shape), found=stored["found"], seconds=stored["seconds"])

    def save(self, name: str, done: Done) -> None:
        """Keep it."""
        path = self._path(name)
        if path is None:
            return
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        text = base64.b64encode(np.packbits(done.hits).tobytes()).decode()
        values = {"name": name, "hits": text, "shape": list(done.hits.shape), "seconds": done.seconds}
        write_json(path, values | {"found": dict(done.found)})

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{self._digest(name)}.json"

    def _digest(self, name: str) -> str:
        return hashlib.sha256(f"{self._run} {name}".encode()).hexdigest()[:24]


def weights_of(model: PixelModel) -> str:
    """A digest of the model's weights and statistics."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
