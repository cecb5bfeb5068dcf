"""Hugging Face data sets: by id (extra ``hub``), or a ``save_to_disk`` folder (read without any extra)."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from spellock.artefacts import read_json
from spellock.data.columns import decode_cell, find_columns, read_labels
from spellock.data.decode import MAX_PIXELS
from spellock.data.image_set import ImageSet, OnError
from spellock.data.splits import choose_split
from spellock.errors import DataError, MissingExtraError, MissingSplitError


class ArrowSet(ImageSet):
    """Rows of an Arrow table that stays on disk (memory-mapped) until an image is asked for. Ids are
    ``<name>#<row>``."""

    def __init__(
        self,
        table: pa.Table,
        *,
        name: str,
        folder: Path | None,
        on_error: OnError = "fail",
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Read the labels; image paths in the table must stay inside ``folder``, or may be any where it is None.

        Raises:
            DataError: a column is missing, or there are no rows.
        """
        self.name, self.on_error, self._max_pixels, self._folder = name, on_error, max_pixels, folder
        columns = find_columns(table.schema, name)
        self.labels, self.classes = read_labels(table.column(columns.label), columns.classes, name)
        if not len(self.labels):
            raise DataError(f"{name} has no rows; expected one an image")
        self.ids = [f"{Path(name).name}#{row}" for row in range(table.num_rows)]
        self._chunks = table.column(columns.image).chunks
        self._starts = np.cumsum([0] + [len(chunk) for chunk in self._chunks])

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        chunk = int(np.searchsorted(self._starts, index, side="right")) - 1
        cell = self._chunks[chunk][index - int(self._starts[chunk])].as_py()
        return decode_cell(cell, name=f"{self.name} row {index}", folder=self._folder, max_pixels=self._max_pixels)


def is_saved_dataset(folder: Path) -> bool:
    """Whether ``datasets.Dataset.save_to_disk`` or ``DatasetDict.save_to_disk`` wrote this folder."""
    return (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()


def saved_dataset(
    folder: Path, *, split: str | None, on_error: OnError = "fail", max_pixels: int = MAX_PIXELS
) -> ImageSet:
    """Open a ``save_to_disk`` folder, or one split of a dictionary of them.

    Raises:
        DataError: the split is missing, a file is missing or damaged, or the layout is not image/label.
    """
    if (folder / "dataset_dict.json").is_file():
        splits = [str(name) for name in read_json(folder / "dataset_dict.json").get("splits", [])]
        folder = folder / Path(choose_split(splits, split, str(folder))).name
        split = None
    state = read_json(folder / "state.json")
    if split not in (None, state.get("_split")):
        raise MissingSplitError(f"{folder} has no split {split!r}; it was saved as {state.get('_split') or 'one set'}")
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise DataError(
            f"{folder} was saved with an index over its rows, which is not supported; call flatten_indices() and "
            "save it again"
        )
    files = [folder / Path(str(entry["filename"])).name for entry in state.get("_data_files", [])]
    if not files:
        raise DataError(f"{folder} has no rows; expected one an image")
    try:
        table = pa.concat_tables([pa.ipc.open_stream(pa.memory_map(str(file))).read_all() for file in files])
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"cannot read the Arrow files of {folder} ({error}); save the data set again") from error
    return ArrowSet(table, name=str(folder), folder=folder, on_error=on_error, max_pixels=max_pixels)


def hub_dataset(name: str, *, split: str | None, on_error: OnError = "fail", max_pixels: int = MAX_PIXELS) -> ImageSet:
    """Download, or take from the cache, a data set of the Hugging Face hub; ``split`` defaults to "train".

    Raises:
        MissingExtraError: the package ``datasets`` is not installed.
        DataError: the data set cannot be had, or its layout is not image/label.
    """
    try:
        datasets = importlib.import_module("datasets")
    except ImportError as error:
        raise MissingExtraError(
            f"{name} is no local file or folder, and reading it from the Hugging Face hub needs the extra: pip "
            "install 'spellock[hub]'"
        ) from error
    try:
        rows = datasets.load_dataset(name, split=split or "train")
        rows = rows.flatten_indices() if getattr(rows, "_indices", None) is not None else rows
        table = rows.data.table
    except Exception as error:  # network, access, unknown id or split: the library has an exception class for each
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"cannot load {name} (split {split or 'train'}) from the Hugging Face hub: {reason}; check the id, the "
            "split and the network"
        ) from error
    # The features of the loaded object are authoritative; the cached table's own metadata may lack them.
    table = table.replace_schema_metadata(rows.features.arrow_schema.metadata)
    return ArrowSet(table, name=name, folder=None, on_error=on_error, max_pixels=max_pixels)


def refuse_hub(source: str | Path, expected: str) -> None:
    """Refuse a data set of the hub where only those with one class an image are read from there.

    Raises:
        DataError: ``source`` is "hf://...".
    """
    if str(source).startswith("hf:/"):
        raise DataError(
            f"{source} is a data set of the Hugging Face hub, from where only sets with one class an image are read; "
            f"download its files, then give {expected}"
        )
