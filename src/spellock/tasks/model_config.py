"""A model folder's ``config.json``: its fields, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spellock.artefacts import read_json
from spellock.errors import DataError, ModelError

FORMAT, VERSION = "spellock-model", 1
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "format": str,
    "version": int,
    "task": str,
    "architecture": (str, type(None)),
    "options": dict,
    "classes": list,
    "input_size": int,
    "mean": list,
    "std": list,
    "interpolation": str,
}
#: Fields that folders of before they existed, and models saved without saying, do not have.
_OPTIONAL: dict[str, type | tuple[type, ...]] = {"lock_class": (int, type(None)), "group_classes": list}


def read_config(folder: Path) -> dict[str, Any]:
    """What ``folder/config.json`` says, with just the fields that this version knows.

    Raises:
        ModelError: it is missing, too new, or a field is missing, unknown or of the wrong type.
    """
    if folder.is_file():
        raise ModelError(
            f"{folder} is a file, expected a model folder; make one of a weights file: spellock model import "
            "FILE FOLDER --architecture NAME --classes NAME NAME ..."
        )
    if not folder.is_dir():
        raise ModelError(f"no model folder at {folder}; check the path")
    try:
        config = read_json(folder / "config.json")
    except DataError as error:
        raise ModelError(f"{folder} is not a model folder: {error}") from error
    if config.get("format") != FORMAT:
        raise ModelError(f"{folder / 'config.json'} has format {config.get('format')!r}, expected {FORMAT!r}")
    if config.get("version") != VERSION:
        raise ModelError(f"{folder} has version {config.get('version')}, expected {VERSION}; update spellock")
    for name in (config.keys() ^ _FIELDS.keys()) - _OPTIONAL.keys():
        fault = "unknown" if name in config else "missing"
        raise ModelError(
            f"{folder / 'config.json'}: field {name!r} is {fault}; it was altered, take a fresh copy of the folder"
        )
    for name, kind in (_FIELDS | {name: kind for name, kind in _OPTIONAL.items() if name in config}).items():
        if not isinstance(config[name], kind):
            value = json.dumps(config[name])[:80]
            raise ModelError(f"{folder / 'config.json'}: field {name!r} is {value}, of the wrong type")
    numbers = [*config["mean"], *config["std"]]
    if not all(isinstance(n, int | float) for n in numbers) or not all(
        isinstance(value, str | int | float | bool) for value in config["options"].values()
    ):
        raise ModelError(f"{folder / 'config.json'}: mean, std and options must be plain numbers or words")
    check_lock_class(config, f"{folder / 'config.json'}")
    return config


def check_lock_class(config: dict[str, Any], where: str) -> None:
    """Raise `ModelError`, beginning with ``where``, unless lock class and groups are classes of the model."""
    number, count = config.get("lock_class"), len(config["classes"])
    if number is not None and not 0 <= number < count:
        raise ModelError(f"{where}: got lock class {number}, expected a class of the model, 0 to {count - 1}")
    for group in config.get("group_classes", ()):
        if type(group) is not int or not 0 <= group < count or group == number:
            raise ModelError(
                f"{where}: got group class {group!r}, expected other classes of the model, 0 to {count - 1}"
            )
