"""Rows of a parquet column in bounded memory, fast when they are asked for in rising order."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from spellock.errors import DataError

_BATCH: Final = 64
_BUDGET: Final = 16_000_000


class ParquetRows:
    """One column of one file, read in batches of 64 rows, of which the latest 16 MB are kept.

    Rows in rising order are read once. A step back beyond what is kept reads its row group again from the start, so
    random
    access is slow only in row groups larger than 16 MB.
    """

    def __init__(self, path: Path, column: str) -> None:
        self._path, self._column = path, column
        metadata = pq.read_metadata(path)
        self._starts = [0]
        for group in range(metadata.num_row_groups):
            self._starts.append(self._starts[-1] + metadata.row_group(group).num_rows)
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], pa.Array] = OrderedDict()
        self._bytes = 0
        self._cursor: tuple[int, int, Iterator[pa.RecordBatch]] | None = None

    def __getitem__(self, row: int) -> object:
        """The value of ``row`` as plain Python.

        Raises:
            DataError: the file was truncated or changed since it was opened.
        """
        with self._lock:
            group = next(index for index, end in enumerate(self._starts[1:]) if row < end)
            number, offset = divmod(row - self._starts[group], _BATCH)
            try:
                value: object = self._batch(group, number)[offset].as_py()
            except (OSError, pa.ArrowException, StopIteration, IndexError) as error:
                raise DataError(
                    f"cannot read row {row} of {self._path} ({error}); the file may be truncated"
                ) from error
        return value

    def _batch(self, group: int, number: int) -> pa.Array:
        kept = self._kept.get((group, number))
        if kept is not None:
            self._kept.move_to_end((group, number))
            return kept
        if self._cursor is None or self._cursor[0] != group or self._cursor[1] > number:
            # Neither prefetched nor threaded: a row group may be far larger than memory allows.
            file = pq.ParquetFile(self._path, buffer_size=1 << 20, pre_buffer=False)
            self._cursor = (
                group,
                0,
                file.iter_batches(_BATCH, row_groups=[group], columns=[self._column], use_threads=False),
            )
        _, position, batches = self._cursor
        while True:
            batch = next(batches).column(0)
            self._keep(group, position, batch)
            position += 1
            self._cursor = (group, position, batches)
            if position > number:
                return batch

    def _keep(self, group: int, number: int, batch: pa.Array) -> None:
        # Read again on the way to another one, it may be here already.
        before = self._kept.pop((group, number), None)
        self._kept[group, number] = batch
        self._bytes += batch.nbytes - (0 if before is None else before.nbytes)
        while self._bytes > _BUDGET and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes
