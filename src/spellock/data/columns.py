"""The Hugging Face table layout: which columns hold image and label, and what the classes are called."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
from PIL import Image

from spellock.data.decode import decode_image
from spellock.data.image_set import Labels, checked_labels
from spellock.data.walk import named_below
from spellock.errors import DataError

_IMAGE_NAMES: Final = ("image", "img")
_LABEL_NAMES: Final = ("label", "labels")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the image and label columns, and the class names that the schema states (None when it states none)."""

    image: str
    label: str
    classes: tuple[str, ...] | None


def find_columns(schema: pa.Schema, name: str) -> Columns:
    """Find the columns by the Hugging Face features in the schema's metadata, else by their usual names.

    Raises:
        DataError: there is no image column (struct of bytes and path, or plain binary) or no label column (integer or
        text).
    """
    features = _features(schema)
    image = _choose(features, "Image", _IMAGE_NAMES, schema.names)
    label = _choose(features, "ClassLabel", _LABEL_NAMES, schema.names)
    if image is None or label is None:
        lacking = "image" if image is None else "label"
        raise DataError(
            f"{name} has no {lacking!r} column, only {', '.join(schema.names) or 'none'}; expected the columns "
            "'image' and 'label'"
        )
    kind = schema.field(image).type
    if not (is_binary(kind) or (pa.types.is_struct(kind) and {"bytes", "path"} & {field.name for field in kind})):
        raise DataError(f"{name}: column {image!r} is {kind}, expected a struct of bytes and path, or encoded bytes")
    names = features.get(label, {}).get("names")
    classes = tuple(str(item) for item in names) if isinstance(names, list) and names else None
    return Columns(image=image, label=label, classes=classes)


def read_labels(column: pa.ChunkedArray, classes: tuple[str, ...] | None, name: str) -> tuple[Labels, tuple[str, ...]]:
    """Return labels and class names; integers without stated names are called "0", "1", ..., text is sorted.

    Raises:
        DataError: a label is missing, negative, too large, or neither integer nor text.
    """
    if column.null_count:
        raise DataError(f"{name}: {column.null_count} rows have no label; remove them or use a labelled split")
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        words = [str(word) for word in column.to_pylist()]
        classes = classes or tuple(sorted(set(words)))
        index = {word: position for position, word in enumerate(classes)}
        unknown = sorted(set(words) - set(index))
        if unknown:
            raise DataError(
                f"{name}: label {unknown[0]!r} is none of the {len(classes)} classes that the schema states"
            )
        return checked_labels([index[word] for word in words], len(classes), name), classes
    if not pa.types.is_integer(kind):
        raise DataError(f"{name}: labels are {kind}, expected one integer or class name an image")
    values = column.to_numpy()
    if classes is None:
        if len(values) and values.max() > 1_000_000:
            raise DataError(
                f"{name}: the largest label is {values.max()}, expected class numbers from 0; is 'label' the right "
                "column?"
            )
        classes = tuple(str(number) for number in range(int(values.max()) + 1 if len(values) else 0))
    return checked_labels(values, len(classes), name), classes


def decode_cell(cell: object, *, name: str, folder: Path | None, max_pixels: int) -> Image.Image:
    """Decode one value of the image column: bytes, or a mapping with bytes, or with a path inside ``folder``.

    None for ``folder`` allows any path, as in tables that the Hugging Face library has just made of its own cache.

    Raises:
        DataError: the cell is empty, points outside ``folder``, or cannot be decoded.
    """
    data: object = cell
    if isinstance(cell, Mapping):
        data = cell.get("bytes")
        path = cell.get("path")
        if data is None and isinstance(path, str):
            file = Path(path) if folder is None else named_below(folder, path)
            if file is None:
                raise DataError(
                    f"{name} points to {path}, outside of {folder}; store the images inside the table, or below its "
                    "folder"
                )
            return decode_image(file, name=f"{name} ({path})", max_pixels=max_pixels)
    if not isinstance(data, bytes):
        raise DataError(f"{name} holds no image; remove the row")
    return decode_image(data, name=name, max_pixels=max_pixels)


def _features(schema: pa.Schema) -> Mapping[str, Mapping[str, object]]:
    raw = (schema.metadata or {}).get(b"huggingface")
    if not raw:
        return {}
    try:
        features = json.loads(raw)["info"]["features"]
        return {key: value for key, value in features.items() if isinstance(value, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # metadata of some other writer; the column names decide


def _choose(
    features: Mapping[str, Mapping[str, object]], kind: str, usual: Sequence[str], names: Sequence[str]
) -> str | None:
    for name in usual:
        if name in names:
            return name
    typed = [name for name, feature in features.items() if feature.get("_type") == kind and name in names]
    return typed[0] if len(typed) == 1 else None


def is_binary(kind: pa.DataType) -> bool:
    """Whether a column of this type holds bytes, as encoded pictures are; pyarrow writes one kind, polars another."""
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
