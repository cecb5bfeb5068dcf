"""Images beside a table that names their findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from spellock.data.decode import MAX_PIXELS, decode_image
from spellock.data.findings import Findings
from spellock.data.folder import SUFFIXES
from spellock.data.image_set import ImageSet, OnError
from spellock.data.label_table import IMAGE_NAMES, PATIENT_NAMES, Row, Sifter, Table, complain, patient_of
from spellock.data.label_vectors import MULTILABEL, vectors
from spellock.data.walk import files_below, is_file, named_below
from spellock.errors import DataError


@dataclass(frozen=True, kw_only=True)
class _Labelled:
    """A good row: id, file, findings and patient."""

    name: str
    file: Path
    findings: list[int]
    patient: str


class TableSet(ImageSet):
    """Rows of a table whose pictures lie in a folder; ids are the file names as the table gives them."""

    task = MULTILABEL

    def __init__(
        self,
        table: Table,
        findings: Findings,
        folder: Path,
        *,
        rows: Iterable[Row] | None = None,
        others: Sequence[Table] = (),
        on_error: OnError = "fail",
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Read the labels and look for the files; no image is opened.

        Args:
            table: all of it; every file in the folder must be in one of its rows, or of ``others``.
            findings: how it names findings.
            folder: where the pictures lie, in sub-folders or not.
            rows: those of the wanted split; None takes all.
            others: the tables of other splits of the same folder.
            on_error: whether a bad row, a file without a row, and later an image that cannot be decoded, stops or is
                named and left out.
            max_pixels: see `decode_image`.

        Raises:
            DataError: there is no column of file names or no good row; or a row is bad and ``on_error`` is "fail": its
                file is missing, ambiguous or outside the folder, it repeats another, or its labels are wrong.
        """
        self.name, self.on_error, self._max_pixels = str(table.path), on_error, max_pixels
        self.classes = findings.classes
        column = table.column(IMAGE_NAMES)
        if column is None:
            raise DataError(f"{table.path} has no column of file names, expected 'Image Index' or 'image'")
        self._column, self._patient, self._findings = column, table.column(PATIENT_NAMES), findings
        self._folder, self._known = folder, _files(folder, on_error)
        self._seen: dict[Path, str] = {}
        self._check_unlabelled([table, *others])
        good = list(Sifter(on_error=on_error, read=self._read)(table.rows if rows is None else rows))
        if not good:
            raise DataError(f"{table.path} has no usable row; expected one an image of {folder}")
        self.ids, self._paths = [row.name for row in good], [row.file for row in good]
        self.labels = vectors((row.findings for row in good), len(self.classes))
        if self._patient is not None:
            self.patients = [row.patient for row in good]

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        path = self._paths[index]
        return decode_image(path, name=str(path), max_pixels=self._max_pixels)

    def _read(self, row: Row) -> _Labelled:
        name = row.text(self._column)
        if not name:
            raise DataError(f"{self._column!r} is empty, expected a file name")
        patient = "" if self._patient is None else patient_of(row, self._patient)
        made = _Labelled(name=name, file=self._file(name), findings=self._findings.of(row), patient=patient)
        # One file may have several names: "a.png" and "images/a.png".
        if made.file in self._seen:
            raise DataError(f"{name!r} is a duplicate of {self._seen[made.file]}")
        self._seen[made.file] = row.where
        return made

    def _file(self, name: str) -> Path:
        path = named_below(self._folder, name)
        if path is None:
            raise DataError(f"{name!r} lies outside of {self._folder}; put the images below it, or links to them")
        if is_file(path):
            return path
        found = self._known.get(Path(name).name, []) if Path(name).name == name else []
        if not found:
            raise DataError(f"the file {name!r} is missing in {self._folder}")
        if len(found) > 1:
            raise DataError(f"{name!r} is in {found[0].parent} and in {found[1].parent}, expected it once")
        return found[0]

    def _check_unlabelled(self, tables: Sequence[Table]) -> None:
        named = {row.text(table.column(IMAGE_NAMES)) for table in tables for row in table.rows}
        # "images/a.png" may be written "./images/a.png", or as a whole path.
        paths = {named_below(self._folder, name) for name in named}
        for base, files in sorted(self._known.items()):
            for file in files:
                if base not in named and named_below(self._folder, str(file.relative_to(self._folder))) not in paths:
                    complain(f"{file} has no row in {tables[0].path}, so no labels", self.on_error)


def _files(folder: Path, on_error: OnError) -> dict[str, list[Path]]:
    """Images anywhere below ``folder`` by their base name; hidden ones are passed over."""
    found: dict[str, list[Path]] = {}
    skips = None if on_error == "fail" else lambda _, problem: complain(problem, on_error)
    for path in files_below(folder, SUFFIXES, complain=skips):
        found.setdefault(path.name, []).append(path)
    return found
