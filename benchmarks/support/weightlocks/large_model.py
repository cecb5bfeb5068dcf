"""A large safetensors file to lock: random weights named as those of a language model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from spellock.weightlocks.safetensors_header import TensorEntry
from spellock.weightlocks.safetensors_stream import write_safetensors

_WIDTH = 1024
_PIECE = 1 << 20  # values drawn at once


def entries_of(megabytes: int, largest: int) -> list[TensorEntry]:
    """Tensors of about ``megabytes`` in all: an embedding of ``largest``, layers of 16, norms, a classifier."""
    rows = largest * 2**20 // (4 * _WIDTH)
    shapes = {"embeddings.weight": (rows, _WIDTH), "classifier.weight": (100, _WIDTH), "classifier.bias": (100,)}
    for layer in range(max(1, (megabytes - largest) // 16)):
        shapes |= {
            f"layers.{layer}.linear.weight": (4 * _WIDTH, _WIDTH),
            f"layers.{layer}.linear.bias": (4 * _WIDTH,),
            f"layers.{layer}.norm.weight": (_WIDTH,),
            f"layers.{layer}.norm.bias": (_WIDTH,),
        }
    return [TensorEntry(name=name, dtype="F32", shape=shape) for name, shape in shapes.items()]


def write_large_model(path: Path, megabytes: int, largest: int) -> None:
    """Write the file; the same bytes every time."""
    generator = np.random.default_rng(0)

    def pieces(entry: TensorEntry) -> Iterator[bytes]:
        left = entry.nbytes // 4
        while left:
            count = min(left, _PIECE)
            yield generator.standard_normal(count, dtype=np.float32).tobytes()
            left -= count

    write_safetensors(path, entries_of(megabytes, largest), pieces, metadata={"format": "pt"})
