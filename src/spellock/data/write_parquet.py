"""Write a parquet file in the Hugging Face image/label layout."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from spellock.artefacts import storage_errors
from spellock.data.write_folder import CONSTANT_TIME

_GROUP: Final = 256


def write_parquet(file: Path, images: Iterable[tuple[str, int, bytes]], classes: Sequence[str]) -> None:
    """Write each (name, label, PNG bytes) as a row, in the order given; class names go into the schema.

    Rows stream in groups of 256, so memory does not grow with their number. The caller moves the file into place once
    it is
    complete. Its time is `CONSTANT_TIME`.

    Raises:
        StorageError: the disk is full or nothing may be written there.
    """
    schema = _schema(classes)
    rows = iter(images)
    with storage_errors(file):
        with pq.ParquetWriter(file, schema, compression="none", store_schema=True) as writer:
            for group in _groups(rows):
                cells = [{"bytes": data, "path": f"{name}.png"} for name, _, data in group]
                arrays = [
                    pa.array(cells, schema.field("image").type),
                    pa.array([label for _, label, _ in group], pa.int64()),
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=_GROUP)
        os.utime(file, (CONSTANT_TIME, CONSTANT_TIME))


def _groups(rows: Iterator[tuple[str, int, bytes]]) -> Iterator[list[tuple[str, int, bytes]]]:
    while group := list(islice(rows, _GROUP)):
        yield group


def _schema(classes: Sequence[str]) -> pa.Schema:
    image = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    features = {"image": {"_type": "Image"}, "label": {"names": list(classes), "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([pa.field("image", image), pa.field("label", pa.int64())], metadata=metadata)
