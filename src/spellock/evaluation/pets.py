"""The Oxford-IIIT Pets test set from its own files: ``images/`` and ``annotations/test.txt``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from spellock.data.image_set import ImageSet
from spellock.errors import DataError


class PetsTest(ImageSet):
    """Breeds in the order of their numbers; image ids are the names in ``test.txt``.

    Images are opened as the authors' code opens them: converted to RGB, EXIF rotation not applied.

    Args:
        root: the folder with ``images`` and ``annotations``, or the one above it that torchvision makes.
        breeds: how many the full set has.

    Raises:
        DataError: files are missing, or a line is not of the form ``name number ...``.
    """

    def __init__(self, root: Path, *, breeds: int = 37) -> None:
        root = Path(root)
        if (root / "oxford-iiit-pet").is_dir():
            root = root / "oxford-iiit-pet"
        listing = root / "annotations" / "test.txt"
        if not listing.is_file() or not (root / "images").is_dir():
            raise DataError(
                f"{root} has no images folder with annotations/test.txt beside it; unpack the Pets set there"
            )
        self.name, self._images = "Oxford-IIIT Pets, test", root / "images"
        self.ids, numbers = [], []
        for line in listing.read_text().splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            words = line.split()
            if len(words) < 2 or not words[1].isdecimal() or not 1 <= int(words[1]) <= breeds or "/" in words[0]:
                raise DataError(
                    f"{listing}: cannot read the line {line[:60]!r}, expected a name and a number of 1 to {breeds}"
                )
            self.ids.append(words[0])
            numbers.append(int(words[1]) - 1)
        if not self.ids:
            raise DataError(f"{listing} names no images, expected one a line")
        self.labels = np.array(numbers, dtype=np.int64)
        names = {number: name.rpartition("_")[0] or name for name, number in zip(self.ids, numbers, strict=True)}
        self.classes = tuple(names.get(number, f"breed {number + 1}") for number in range(breeds))

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        path = self._images / f"{self.ids[index]}.jpg"
        try:
            with Image.open(path) as image:
                return image.convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise DataError(f"cannot read {path} ({error}); fetch the Pets set again") from error
