"""XML from strangers: elements with their lines, and none of the constructs that make a small file expand or read
another."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from xml.parsers import expat

from spellock.errors import DataError

#: Annotations of one image are some kilobytes.
_MAX_BYTES: Final = 4_000_000
_MAX_DEPTH: Final = 50


@dataclass(eq=False)
class Element:
    """One element: its tag, the line it begins in, its text without space around it, and its children."""

    tag: str
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, tag: str) -> list[Element]:
        """The children called ``tag``."""
        return [child for child in self.children if child.tag == tag]

    def words(self, path: str) -> str:
        """The text at ``path`` ("bndbox/xmin"); empty where there is no such element."""
        found = self
        for tag in path.split("/"):
            inside = found.all(tag)
            if not inside:
                return ""
            found = inside[0]
        return found.text


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path, self._open = path, [Element("", 0)]
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.ExternalEntityRefHandler = self._refuse
        self.parser.buffer_text = True

    def root(self) -> Element:
        return self._open[0].children[0]

    def _start(self, tag: str, attributes: object) -> None:
        if len(self._open) > _MAX_DEPTH:
            raise DataError(f"{self._path} line {self.parser.CurrentLineNumber}: elements are nested too deeply")
        element = Element(tag, self.parser.CurrentLineNumber)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, tag: str) -> None:
        self._open[-1].text = self._open[-1].text.strip()
        self._open.pop()

    def _data(self, text: str) -> None:
        self._open[-1].text += text

    def _refuse(self, *details: object) -> int:
        raise DataError(
            f"{self._path} line {self.parser.CurrentLineNumber} declares a document type or entity, which annotations "
            "do not need and which can be used to attack; remove it"
        )


def read_xml(path: Path) -> Element:
    """The root element of a file.

    Raises:
        DataError: the file is missing, larger than 4 MB, no XML, in an encoding that cannot be read, or declares a
            document type or entities.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise DataError(f"{path} is larger than {_MAX_BYTES} bytes, expected the annotations of one image")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check the path") from error
    reader = _Reader(path)
    try:
        reader.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DataError(f"{path} is not valid XML ({error}); it may be truncated") from error
    except (LookupError, ValueError) as error:  # an encoding that expat leaves to Python, which has none or many bytes
        raise DataError(f"{path} is in an encoding that cannot be read ({error}); save it in UTF-8") from error
    return reader.root()
