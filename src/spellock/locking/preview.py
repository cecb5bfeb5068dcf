"""The owner's contact sheet of a locked set: raw and edited images, decoys and tiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from spellock.data.image_set import ImageSet, Labels
from spellock.locking.contact_sheet import contact_sheet
from spellock.locking.image_editor import ImageEditor, Pixels
from spellock.locking.manifest import AUTHORISED
from spellock.locking.plan import Plan
from spellock.locking.shards import StoredFile
from spellock.locking.tiers import Tier
from spellock.tasks.task import Task

_IMAGES: Final = 8


def preview(
    images: ImageSet,
    plan: Plan,
    editor: ImageEditor,
    files: Sequence[StoredFile],
    tiers: Sequence[Tier],
    task: Task,
) -> bytes:
    """Eight edited images, of as many classes as there are, above them their raw versions, below some decoys and some
    images of each tier."""
    strata = task.strata(images.labels)
    edited = _spread([file for file in files if file.use == "edited"], strata, plan)
    decoys = _spread([file for file in files if file.use == "decoy"], strata, plan)
    before: list[tuple[Pixels, str]] = []
    for file in edited:
        source = int(plan.sources[file.job])
        before.append((editor.prepare(images.open(source)), task.in_words(images.labels[source], images.classes)))
    after = [(file.pixels(), f"gamma {editor.key.gamma:g}") for file in edited]
    rows = [("raw", before), ("edited", after)]
    if decoys:
        rows.append(("decoys", [(file.pixels(), f"wrong key {plan.editors[file.job]}") for file in decoys]))
    for place, tier in enumerate(tiers):
        own = _spread([file for file in files if file.use == "tier" and plan.tier(file.job) == place], strata, plan)
        truths = [images.classes[images.labels[plan.sources[file.job]]] for file in own]
        rows.append(
            (f"tier {place + 1}", [(f.pixels(), tier.groups[name]) for f, name in zip(own, truths, strict=True)])
        )
    return contact_sheet(rows)


def _spread(files: Sequence[StoredFile], strata: Labels, plan: Plan) -> list[StoredFile]:
    seen: dict[tuple[int, int], int] = {}
    ranked = []
    for file in files:
        group = (
            int(plan.editors[file.job]),
            int(strata[plan.sources[file.job]]) if file.use in AUTHORISED else 0,
        )
        seen[group] = seen.get(group, 0) + 1
        if seen[group] <= _IMAGES:
            ranked.append((seen[group], *group, file.job, file))
    return [file for *_, file in sorted(ranked, key=lambda item: item[:4])[:_IMAGES]]
