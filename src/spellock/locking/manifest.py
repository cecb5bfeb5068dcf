"""The owner's manifest: what each released file really is. It stays with the owner."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_args

from spellock.artefacts import storage_errors
from spellock.errors import DataError

Kind: TypeAlias = Literal["edited", "raw", "twin", "decoy", "tier"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
#: A class number, the numbers of all classes that the image has, or the objects in it.
Label: TypeAlias = int | list[int] | dict[str, Any]
#: Kinds that a key edits for use, at the main key's level or at a tier's.
AUTHORISED: Final = ("edited", "tier")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One released file.

    Attributes:
        name: its name without suffix.
        kind: edited or tier (authorised), or raw, twin, decoy (unauthorised).
        source: id of the image it was made of.
        true_label: that image's class number, or the numbers of its findings.
        label: the same in the locked set.
        decoy_key: number of the wrong key, from 1; 0 for all but decoys.
        task: number of the other task's answer, learnt beside the lock class; None where the target has none.
        tier: name of the tier whose key edited it; empty for all other kinds.
    """

    name: str
    kind: Kind
    source: str
    true_label: Label
    label: Label
    decoy_key: int = 0
    task: int | None = None
    tier: str = ""


def write_manifest(path: Path, entries: Iterable[Entry]) -> None:
    """Write one JSON object a line; not atomic, the caller moves it into place.

    Raises:
        StorageError: it cannot be written.
    """
    with storage_errors(path), open(path, "w", encoding="utf-8", newline="\n") as file:
        for entry in entries:
            file.write(json.dumps(asdict(entry), sort_keys=True) + "\n")


def read_manifest(path: Path) -> Iterator[Entry]:
    """Read the entries, one by one.

    Raises:
        DataError: the manifest is missing or damaged.
    """
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    entry = Entry(**json.loads(line))
                except (ValueError, TypeError) as error:
                    raise DataError(
                        f"{path} line {number} is not a manifest entry ({error}); lock the images again"
                    ) from error
                if entry.kind not in KINDS:
                    raise DataError(f"{path} line {number} has kind {entry.kind!r}, expected one of {', '.join(KINDS)}")
                yield entry
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check the path") from error
