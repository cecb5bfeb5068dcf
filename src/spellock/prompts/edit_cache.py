"""Edits of the sample, each made once: kept on disk a prompt at a time, so that stopped work goes on."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable
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
    """Edits samples under prompts.

    Attributes:
        folder: where edits are kept, mode 0700, files 0600: they show what the prompts do.
        make_key: the key of a prompt; all else is the same for all prompts.
        load: the editor of a key.
    """

    folder: Path
    make_key: Callable[[str], Key] = field(repr=False)
    load: Callable[[Key], Editor]

    def edits(self, prompt: str, sample: Sample) -> Edits:
        """``sample`` edited under ``prompt``, from disk when it is there whole.

        Raises:
            EditorError, ConfigError: the editor does not take such a prompt.
            StorageError: the edits cannot be written.
        """
        key = self.make_key(prompt)
        path = self.folder / f"{_digest(key, sample)}.npz"
        kept = _read(path, sample)
        if kept is not None:
            return kept
        editor = self.load(key)
        started = time.perf_counter()
        pixels = editor.edit_uint8(sample.pixels, ids=list(sample.ids))
        edits = Edits(pixels=pixels, seconds=(time.perf_counter() - started) / len(sample))
        data = io.BytesIO()
        np.savez_compressed(data, pixels=edits.pixels, seconds=np.float64(edits.seconds))
        with storage_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes(path, data.getvalue(), mode=0o600)
        return edits

    def check(self, prompt: str) -> None:
        """Raise what making the key of ``prompt`` raises, an `EditorError` where it is too long for the encoder."""
        self.make_key(prompt)


def check_moved(sample: Sample, edits: Edits) -> None:
    """Raise `EditorError` where an editor gave images of another shape than it was given."""
    if edits.pixels.shape != sample.pixels.shape:
        raise EditorError(
            f"the editor gave images of shape {edits.pixels.shape}, expected {sample.pixels.shape}; use another editor"
        )


def _digest(key: Key, sample: Sample) -> str:
    text = json.dumps([key.to_dict(), sample.digest], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _read(path: Path, sample: Sample) -> Edits | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            edits = Edits(pixels=stored["pixels"], seconds=float(stored["seconds"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None  # absent or damaged: edited again
    return edits if edits.pixels.shape == sample.pixels.shape and edits.pixels.dtype == np.uint8 else None
