"""Write images with several labels each: a folder of images beside a table, or one parquet file."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from spellock.artefacts import storage_errors
from spellock.data.label_table import IMAGE_NAMES, LISTED_NAMES, PATIENT_NAMES, SPLIT_NAMES
from spellock.data.write_folder import CONSTANT_TIME
from spellock.errors import DataError

_GROUP: Final = 256
_TAKEN: Final = frozenset((*IMAGE_NAMES, *PATIENT_NAMES, *SPLIT_NAMES, *LISTED_NAMES))
LABELS_FILE: Final = "labels.csv"
Labelled = Iterable[tuple[str, npt.NDArray[np.int64], bytes]]


def check_column_names(classes: Sequence[str]) -> None:
    """Check that every class name can be the name of a column of labels.

    Raises:
        DataError: names a class that cannot: empty, of several lines, or what columns of files, patients or splits are
            called; or a name twice.
    """
    for name in classes:
        bare = "".join(letter for letter in name.casefold() if letter.isalnum())
        if not name or name != name.strip() or "|" in name or not name.isprintable() or bare in _TAKEN:
            raise DataError(f"the class name {name!r} cannot be a column of labels; rename the class")
    if len(set(classes)) < len(classes):
        raise DataError("two classes have the same name; rename one")


def write_label_folder(folder: Path, images: Labelled, classes: Sequence[str]) -> None:
    """Write ``folder/images/<name>.png`` and ``folder/labels.csv`` (column ``image``, then zeros and ones a class).

    Give the images in an order that means nothing (sorted by name): directory entries and rows keep it. ``folder`` must
    not exist. All times are `CONSTANT_TIME`.

    Raises:
        DataError: a class name cannot be a column.
        StorageError: the disk is full or nothing may be written there.
    """
    check_column_names(classes)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("image", *classes))
    with storage_errors(folder):
        (folder / "images").mkdir(parents=True)
        for name, labels, data in images:
            file = folder / "images" / f"{name}.png"
            with open(file, "xb") as handle:
                handle.write(data)
            os.utime(file, (CONSTANT_TIME, CONSTANT_TIME))
            table.writerow((f"images/{name}.png", *labels.tolist()))
        (folder / LABELS_FILE).write_text(text.getvalue(), encoding="utf-8")
        for path in (folder / LABELS_FILE, folder / "images", folder):
            os.utime(path, (CONSTANT_TIME, CONSTANT_TIME))


def write_label_parquet(file: Path, images: Labelled, classes: Sequence[str]) -> None:
    """Write a row an image in the Hugging Face layout: ``image``, and ``labels``, the numbers of its classes.

    Rows stream in groups of 256. Its time is `CONSTANT_TIME`.

    Raises:
        StorageError: the disk is full or nothing may be written there.
    """
    picture = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    several = {"feature": {"names": list(classes), "_type": "ClassLabel"}, "_type": "Sequence"}
    features = {"image": {"_type": "Image"}, "labels": several}
    schema = pa.schema(
        [pa.field("image", picture), pa.field("labels", pa.list_(pa.int64()))],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    rows = iter(images)
    with storage_errors(file):
        with pq.ParquetWriter(file, schema, compression="none", store_schema=True) as writer:
            while group := list(islice(rows, _GROUP)):
                cells = [{"bytes": data, "path": f"{name}.png"} for name, _, data in group]
                places = [np.flatnonzero(labels).tolist() for _, labels, _ in group]
                arrays = [pa.array(cells, picture), pa.array(places, pa.list_(pa.int64()))]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=_GROUP)
        os.utime(file, (CONSTANT_TIME, CONSTANT_TIME))
