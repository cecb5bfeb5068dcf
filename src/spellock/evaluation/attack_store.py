"""Hits of attacks that are done, kept so that an interrupted run goes on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spellock.artefacts import read_json, storage_errors, write_json
from spellock.errors import DataError
from spellock.hidden import Scalar
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class Done:
    """What an attack got.

    Attributes:
        hits: (candidates, images).
        found: what the attack chose.
        seconds: that it took.
        scoring: seconds of measuring it afterwards.
        queries: images that the model, or the customer, answered during the attack.
        costs: of the labels that come next, see `spellock.evaluation.bits_stolen`.
        pictures: PNG and named class of a few scored images.
    """

    hits: NDArray[np.bool_]
    found: Mapping[str, Scalar]
    seconds: float
    scoring: float = 0.0
    queries: int = 0
    costs: NDArray[np.float64] | None = None
    pictures: tuple[tuple[bytes, int], ...] = ()


class AttackStore:
    """One JSON file an attack in ``folder``; None keeps nothing.

    ``run`` stands for what results depend on besides the attack: models, images, seed.

    Attributes:
        spared: seconds of earlier runs on what was found here and not done again.
    """

    def __init__(self, folder: Path | None, run: str) -> None:
        self._folder, self._run = folder, run
        self.spared = 0.0

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
        scoring = stored.get("scoring", 0.0)
        self.spared += stored["seconds"] + scoring
        return Done(
            hits=bits.astype(np.bool_).reshape(shape),
            found=stored["found"],
            seconds=stored["seconds"],
            scoring=scoring,
            queries=stored.get("queries", 0),
            costs=None if stored.get("costs") is None else _costs(stored["costs"]),
            pictures=tuple((base64.b64decode(png), int(named)) for png, named in stored.get("pictures", ())),
        )

    def save(self, name: str, done: Done) -> None:
        """Keep it."""
        path = self._path(name)
        if path is None:
            return
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        text = base64.b64encode(np.packbits(done.hits).tobytes()).decode()
        # Without the name: an attack's options may hold the key prompt, where the thief is taken to know it.
        values = {"hits": text, "shape": list(done.hits.shape), "seconds": done.seconds}
        values |= {"scoring": done.scoring, "found": dict(done.found), "queries": done.queries}
        values["pictures"] = [[base64.b64encode(png).decode(), named] for png, named in done.pictures]
        if done.costs is not None:
            packed = base64.b64encode(done.costs.astype("<f4").tobytes()).decode()
            values["costs"] = {"shape": list(done.costs.shape), "float32": packed}
        write_json(path, values)

    def whole(self, name: str, seconds: float) -> float:
        """Seconds of the attack called ``name``, which took ``seconds`` now: those of the longest run of it.

        For attacks that go on from checkpoints and are scored anew each time, when most of the work is done already.
        """
        path = self._path(f"{name} seconds")
        if path is None:
            return seconds
        try:
            longest = float(read_json(path)["seconds"]) if path.is_file() else 0.0
        except (DataError, KeyError, TypeError, ValueError):
            longest = 0.0  # damaged: what it takes now
        if longest > seconds:
            self.spared += longest - seconds
            return longest
        with storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"seconds": seconds})
        return seconds

    def _path(self, name: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{self._digest(name)}.json"

    def _digest(self, name: str) -> str:
        return hashlib.sha256(f"{self._run} {name}".encode()).hexdigest()[:24]


def _costs(stored: Mapping[str, Any]) -> NDArray[np.float64]:
    values = np.frombuffer(base64.b64decode(stored["float32"]), "<f4")
    return values.reshape(stored["shape"]).astype(np.float64)


def weights_of(model: PixelModel) -> str:
    """A digest of the model's weights and statistics."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
