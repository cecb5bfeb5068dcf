"""What the docstring of a dataclass says of its fields, under "Attributes:"."""

from __future__ import annotations

import inspect
import re
from typing import Any, Final

_ENTRY: Final = re.compile(r"^    (?P<names>[a-z_]+(?:, [a-z_]+)*): (?P<text>.*)$")


def attribute_texts(kind: type[Any]) -> dict[str, str]:
    """By field, what the docstrings of ``kind`` and of its bases say; the nearest one counts."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        found |= _texts(inspect.cleandoc(base.__doc__ or ""))
    return found


def first_paragraph(kind: type[Any]) -> str:
    """The first paragraph of the docstring on one line."""
    return _plain(inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0])


def _texts(doc: str) -> dict[str, str]:
    lines = iter(doc.splitlines())
    found: dict[str, str] = {}
    names: list[str] = []
    if "Attributes:" not in lines:  # goes on to it
        return found
    for line in lines:
        if line and not line.startswith("    "):
            break
        if entry := _ENTRY.match(line):
            names = entry["names"].split(", ")
            found |= dict.fromkeys(names, entry["text"])
        elif line.strip():
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return {name: _plain(text) for name, text in found.items()}


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")
