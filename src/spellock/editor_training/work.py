"""The folder beside an unfinished editor or LoRA: its settings, its checkpoints, its curves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from spellock.artefacts import storage_errors, write_bytes
from spellock.errors import ConfigError


def work_folder(out: Path) -> Path:
    """Where the unfinished work for ``out`` lies."""
    return out.with_name(out.name + ".work")


def begin_work(out: Path, config: dict[str, Any]) -> Path:
    """Make the work folder, or find one that was begun with the same settings.

    Raises:
        ConfigError: it was begun with others.
        StorageError: it cannot be written.
    """
    work = work_folder(out)
    with storage_errors(work):
        work.mkdir(parents=True, exist_ok=True)
        # What is half done is as secret as what it becomes, and the settings hold the secret itself while it lasts.
        work.chmod(0o700)
    path, described = work / "config.json", json.loads(json.dumps(config))
    if path.exists() and json.loads(path.read_text()) != described:
        raise ConfigError(f"{work} was begun with other settings; remove it to start again")
    write_bytes(path, json.dumps(described).encode(), mode=0o600)
    return work


def begun_with(out: Path, name: str) -> str | None:
    """The setting ``name`` of unfinished work for ``out``; None where there is no such work."""
    try:
        return str(json.loads((work_folder(out) / "config.json").read_text())[name])
    except (OSError, ValueError, KeyError):
        return None


def log_to(path: Path) -> Callable[[int, int, dict[str, float]], None]:
    """A reporter of figures: one line of JSON a call.

    What interrupted work had said of a step and those after it goes as soon as that step is said again.
    """
    begun = False

    def report(step: int, steps: int, values: dict[str, float]) -> None:
        nonlocal begun
        if not begun:
            write_bytes(path, b"".join(_lines_before(path, step)))
            begun = True
        with path.open("a") as file:
            file.write(json.dumps({"step": step, "steps": steps, **values}) + "\n")

    return report


def _lines_before(path: Path, step: int) -> Iterator[bytes]:
    """The whole lines of a reporter's file that are about earlier steps."""
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        if line.endswith(b"\n") and json.loads(line)["step"] < step:
            yield line
