"""The training log: one row an epoch, as CSV and JSON lines, and for TensorBoard if asked."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spellock.artefacts import write_bytes
from spellock.errors import MissingExtraError

Row = Mapping[str, float]


def summary_writer() -> Any:
    """The class that writes TensorBoard's files.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return importlib.import_module("torch.utils.tensorboard").SummaryWriter
    except ImportError as error:
        raise MissingExtraError(
            "TensorBoard logs need the package tensorboard; install it with pip install 'spellock[tensorboard]'"
        ) from error


class TrainingLog:
    """Writes ``log.csv`` and ``log.jsonl`` into a folder.

    Both are written whole and atomically each epoch (they are small): a kill cannot leave half a row, and a resumed run
    cannot leave a row twice.

    Raises:
        MissingExtraError: TensorBoard is wanted but not installed.
    """

    def __init__(self, folder: Path, *, tensorboard: bool) -> None:
        self._folder = folder
        self._writer: Any = None
        if tensorboard:
            self._writer = summary_writer()(folder / "tensorboard")

    def write(self, history: Sequence[Row]) -> None:
        """Write all rows so far; the last one is new."""
        columns = list(dict.fromkeys(name for row in history for name in row))
        table = io.StringIO()
        writer = csv.DictWriter(table, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_bytes(self._folder / "log.csv", table.getvalue().encode())
        write_bytes(self._folder / "log.jsonl", "".join(json.dumps(dict(row)) + "\n" for row in history).encode())
        if self._writer is not None:
            for name, value in history[-1].items():
                self._writer.add_scalar(name, value, int(history[-1]["epoch"]))
            self._writer.flush()

    def close(self) -> None:
        """Close TensorBoard's file."""
        if self._writer is not None:
            self._writer.close()
