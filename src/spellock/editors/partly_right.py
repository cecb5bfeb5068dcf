"""Partly right: a wrong edit with one part of the right one in it, so that a lock learns to look at every part."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from torch import Tensor

from spellock.editors.base import Editor
from spellock.editors.company import SociableEditor, company_of
from spellock.editors.signal_parts import SignalPart


class PartlyRight(SociableEditor):
    """G(x) = W(x) + P(R(x) - W(x)): ``part`` P of the right edit R, all else of the wrong edit W.

    A lock that knows R by its colours alone opens to any edit that has those colours; one that was shown this does not.

    Args:
        right: R.
        wrong: W, of a key with the same size and gamma.
        part: P.
    """

    def __init__(self, right: Editor, wrong: Editor, part: SignalPart) -> None:
        self.canonical_batch = right.canonical_batch
        self.needs_ids = right.needs_ids or wrong.needs_ids
        self.right, self.wrong, self.part = right, wrong, part
        super().__init__(right.key)

    def kernels(self) -> Hashable | None:
        """See `Editor.kernels`."""
        both = (self.right.kernels(), self.wrong.kernels())
        return None if None in both else ("partly right", *both)

    def company(self) -> Hashable:
        """See `SociableEditor.company`; None, which is nobody's, where one of both edits alone."""
        both = (company_of(self.right), company_of(self.wrong))
        return None if None in both else ("partly right", *both)

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """See `Editor.transform`."""
        return self.mixed(self.right.transform(images, ids), self.wrong.transform(images, ids))

    def transform_each(self, editors: Sequence[PartlyRight], images: Tensor, ids: Sequence[str]) -> Tensor:
        """See `SociableEditor.transform_each`."""
        right = _each([one.right for one in editors], images, ids)
        wrong = _each([one.wrong for one in editors], images, ids)
        mixed = right.clone()
        for place, one in enumerate(editors):
            mixed[place] = one.mixed(right[place : place + 1], wrong[place : place + 1])[0]
        return mixed

    def mixed(self, right: Tensor, wrong: Tensor) -> Tensor:
        """What G makes of two edits of the same images, float32 (B, 3, R, R) in [0, 1]."""
        return (wrong + self.part(right - wrong)).clamp(0, 1)


def _each(editors: Sequence[Editor], images: Tensor, ids: Sequence[str]) -> Tensor:
    lead = editors[0]
    if not isinstance(lead, SociableEditor):
        raise TypeError(f"{type(lead).__name__} edits alone, so it takes no part in a batch of several editors")
    return lead.transform_each(editors, images, ids)
