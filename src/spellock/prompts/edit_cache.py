"""Edits of a sample, each made once: kept on disk a key at a time, so that stopped work and larger samples go on."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from spellock.artefacts import storage_errors, write_bytes
from spellock.editors.base import Editor
from spellock.errors import EditorError
from spellock.key import Key
from spellock.prompts.sample import Pixels, Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class Edits:
    """The edited sample, uint8 (N, R, R, 3), and the seconds that one edit took, loading the editor left out."""

    pixels: Pixels
    seconds: float


@dataclass(frozen=True, kw_only=True)
class EditCache:
    """Edits samples under keys, and under prompts.

    Attributes:
        folder: where edits are kept, mode 0700, files 0600: they show what the keys do.
        make_key: the key of a prompt; all else is the same for all prompts.
        load: the editor of a key.
    """

    folder: Path
    make_key: Callable[[str], Key] = field(repr=False)
    load: Callable[[Key], Editor]

    def edits(self, prompt: str, sample: Sample) -> Edits:
        """``sample`` edited under ``prompt``; see `edits_of`.

        Raises:
            EditorError, ConfigError: the editor does not take such a prompt.
            StorageError: the edits cannot be written.
        """
        return self.edits_of(self.make_key(prompt), sample)

    def edits_of(self, key: Key, sample: Sample) -> Edits:
        """``sample`` edited with ``key``: images that are on disk are not edited again, whatever sample they came in.

        Raises:
            EditorError, ConfigError: the key does not fit its editor.
            StorageError: the edits cannot be written.
        """
        path, names = self.folder / f"{_digest(key)}.npz", sample.names
        known, seconds = _read(path, sample)
        new = [place for place, name in enumerate(names) if name not in known]
        if new:
            editor = self.load(key)
            started = time.perf_counter()
            pixels = editor.edit_uint8(sample.pixels[new], ids=[sample.ids[place] for place in new])
            spent = time.perf_counter() - started + seconds * len(known)
            known = {**known, **{names[place]: one for place, one in zip(new, pixels, strict=True)}}
            seconds = spent / len(known)
            self._write(path, known, seconds)
        return Edits(pixels=np.stack([known[name] for name in names]), seconds=seconds)

    def check(self, prompt: str) -> None:
        """Raise what making the key of ``prompt`` raises, an `EditorError` where it is too long for the encoder."""
        self.make_key(prompt)

    def _write(self, path: Path, known: Mapping[str, Pixels], seconds: float) -> None:
        data = io.BytesIO()
        np.savez_compressed(
            data, names=np.array(list(known)), pixels=np.stack(list(known.values())), seconds=np.float64(seconds)
        )
        with storage_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes(path, data.getvalue(), mode=0o600)


def check_moved(sample: Sample, edits: Edits) -> None:
    """Raise `EditorError` where an editor gave images of another shape than it was given."""
    if edits.pixels.shape != sample.pixels.shape:
        raise EditorError(
            f"the editor gave images of shape {edits.pixels.shape}, expected {sample.pixels.shape}; use another editor"
        )


def _digest(key: Key) -> str:
    return hashlib.sha256(json.dumps(key.to_dict(), sort_keys=True).encode()).hexdigest()[:40]


def _read(path: Path, sample: Sample) -> tuple[dict[str, Pixels], float]:
    """Edits by the raw image's name, and the seconds that one took."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            names, pixels, seconds = stored["names"], stored["pixels"], float(stored["seconds"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return {}, 0.0  # absent or damaged: edited again
    if pixels.dtype != np.uint8 or pixels.shape != (len(names), *sample.pixels.shape[1:]):
        return {}, 0.0
    return dict(zip(names.tolist(), pixels, strict=True)), seconds
