"""Some findings of a multi-label set: those that there are enough images of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from spellock.data.image_set import ImageSet
from spellock.data.label_vectors import MULTILABEL
from spellock.errors import DataError


class ChosenFindings(ImageSet):
    """All images of another set with some of its labels."""

    task = MULTILABEL

    def __init__(self, whole: ImageSet, findings: Sequence[str]) -> None:
        """Keep ``findings``, in that order.

        Raises:
            DataError: the set has one label an image, or has no such finding.
        """
        if whole.labels.ndim != 2:
            raise DataError(f"{whole.name} has one label an image, expected several findings to choose from")
        unknown = [name for name in findings if name not in whole.classes]
        if unknown or not findings:
            raise DataError(f"{whole.name} has no finding {unknown[0] if unknown else ''!r} to keep; name some of its")
        self._whole, self.name, self.on_error = whole, whole.name, whole.on_error
        self.classes, self.ids, self.patients = tuple(findings), whole.ids, whole.patients
        self.labels = whole.labels[:, [whole.classes.index(name) for name in findings]]

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        return self._whole.open(index)


def frequent_findings(sets: Mapping[str, ImageSet], least: Mapping[str, int]) -> tuple[str, ...]:
    """Findings with at least so many positives, and as many negatives, in each of the sets, by the sets' names.

    Raises:
        DataError: the sets do not name the same findings.
    """
    classes = {images.classes for images in sets.values()}
    if len(classes) != 1:
        raise DataError(f"{' and '.join(sets)} name different findings; open them from one table")
    kept = []
    for place, name in enumerate(classes.pop()):
        counts = {which: int(images.labels[:, place].sum()) for which, images in sets.items()}
        if all(least[which] <= counts[which] <= len(sets[which]) - least[which] for which in sets):
            kept.append(name)
    return tuple(kept)
