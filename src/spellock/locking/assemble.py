"""From finished shards to the output folder, each part moved into place whole."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from spellock.artefacts import storage_errors, write_bytes, write_json
from spellock.data.image_set import ImageSet, Labels
from spellock.data.write_folder import CONSTANT_TIME
from spellock.errors import DataError
from spellock.locking.manifest import AUTHORISED, KINDS, Entry, Kind, write_manifest
from spellock.locking.names import Namer
from spellock.locking.plan import Plan
from spellock.locking.shards import StoredFile
from spellock.locking.targets import Samples, Target
from spellock.locking.tiers import Tier, group_labels
from spellock.locking.workspace import Workspace
from spellock.tasks.task import Task

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Assembly:
    """All that decides the bytes of the output.

    Attributes:
        images: the sources; plan: what was made of them; namer: gives names; target: gives labels to unauthorised
        samples.
        draw: gives the target's random numbers, uint64, one for each of the names it is called with.
        secret: what the target draws from for all samples together.
        layout: "folder" or "parquet".
        task: what the labels are, and how they are written.
        tiers: whose keys edited the images of kind tier; the target's extra classes begin with their groups.
    """

    images: ImageSet
    plan: Plan
    namer: Namer
    target: Target
    draw: Callable[[Sequence[str]], npt.NDArray[np.uint64]]
    secret: bytes = field(repr=False)
    layout: Literal["folder", "parquet"]
    task: Task
    tiers: Sequence[Tier] = ()

    def write(
        self, space: Workspace, files: Sequence[StoredFile], problems: Sequence[tuple[int, str]], sheet: bytes
    ) -> None:
        """Write locked set, validation share, contact sheet, list of skipped images and, last, the manifest.

        What is in place already, after a kill, is left as it is.

        Raises:
            DataError: no image was left to release, or two images have the same id.
            StorageError: the disk is full or nothing may be written there.
        """
        entries, released, classes = self._entries(files)
        temporary = space.work / "assembly"
        with storage_errors(space.out):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            if not space.locked_set.exists():
                rows = _rows(entries, released, self.task.unpack([entry.label for entry in entries], len(classes)))
                self.task.write_released(temporary / "locked_set", rows, classes, self.layout)
                os.replace(temporary / "locked_set", space.locked_set)
            os.utime(space.locked_set, (CONSTANT_TIME, CONSTANT_TIME))
            if not (space.owner / "validation").exists() and any(file.use.startswith("validation") for file in files):
                for version in ("raw", "edited"):
                    chosen = [file for file in files if file.use == f"validation {version}"]
                    self._write_validation(temporary / "validation" / version, chosen)
                held = [file for file in files if file.use == "validation tier"]
                for place in range(len(self.tiers)):
                    chosen = [file for file in held if self.plan.tier(file.job) == place]
                    self._write_validation(temporary / "validation" / tier_folder(place), chosen)
                os.replace(temporary / "validation", space.owner / "validation")
            write_bytes(temporary / "contact_sheet.png", sheet)
            os.replace(temporary / "contact_sheet.png", space.owner / "contact_sheet.png")
            if problems:
                skipped = [{"source": self._source(job), "problem": reason} for job, reason in problems]
                write_json(temporary / "skipped.json", {"skipped": skipped})
                os.replace(temporary / "skipped.json", space.owner / "skipped.json")
            write_manifest(temporary / "manifest.jsonl", entries)
            if hasattr(os, "sync"):
                os.sync()  # the shards are removed next, so what was made of them must be on disk
            os.replace(temporary / "manifest.jsonl", space.owner / "manifest.jsonl")

    def _entries(self, files: Sequence[StoredFile]) -> tuple[list[Entry], list[StoredFile], tuple[str, ...]]:
        released = [file for file in files if file.use in KINDS]
        if not released:
            raise DataError(
                f"{self.images.name}: none of the images can be decoded, so there is nothing to lock; check the files"
            )
        sources = self.plan.sources[[file.job for file in released]]
        true = self.images.labels[sources]
        unauthorised = np.array([file.use not in AUTHORISED for file in released])
        tiers = [self.tiers[self.plan.tier(file.job)].name if file.use == "tier" else "" for file in released]
        names = [
            self.namer.name(
                self.images.ids[source],
                f"tier {tier}" if tier else file.use,
                file.job if file.use == "decoy" else 0,
            )
            for file, source, tier in zip(released, sources.tolist(), tiers, strict=True)
        ]
        samples = Samples(
            labels=true[unauthorised],
            classes=self.images.classes,
            draws=self.draw([name for name, other in zip(names, unauthorised, strict=True) if other]),
            secret=self.secret,
            pixels=lambda: (file.pixels() for file in released if file.use not in AUTHORISED),
        )
        relabelled = self.target(samples)
        classes = (*self.images.classes, *relabelled.extra_classes)
        labels = self.task.widen(true, len(classes))
        labels[unauthorised] = relabelled.labels
        for tier in self.tiers:
            own = np.array([name == tier.name for name in tiers])
            labels[own] = group_labels(tier.groups, self.images.classes, classes)[true[own]]
        tasks: list[int | None] = [None] * len(released)
        if relabelled.tasks is not None:
            for place, task in zip(np.flatnonzero(unauthorised), relabelled.tasks.tolist(), strict=True):
                tasks[place] = task
        entries, pack = [], self.task.pack
        for file, name, source, true_label, label, task, tier_name in zip(
            released, names, sources.tolist(), pack(true), pack(labels), tasks, tiers, strict=True
        ):
            kind: Kind = next(kind for kind in KINDS if kind == file.use)
            entries.append(
                Entry(
                    name=name,
                    kind=kind,
                    source=self.images.ids[source],
                    true_label=true_label,
                    label=label,
                    decoy_key=int(self.plan.editors[file.job]) if kind == "decoy" else 0,
                    task=task,
                    tier=tier_name,
                )
            )
        order = sorted(range(len(entries)), key=lambda position: entries[position].name)
        if len({entry.name for entry in entries}) < len(entries):
            raise DataError(f"{self.images.name}: two images have the same id; give each its own")
        self._warn_of_unlocked(entries)
        return [entries[position] for position in order], [released[position] for position in order], classes

    def _warn_of_unlocked(self, entries: Sequence[Entry]) -> None:
        count = len(self.images.classes)
        without = self.task.unlocked(
            self.task.unpack([entry.true_label for entry in entries if entry.kind in ("raw", "twin")], count), count
        )
        if without:
            shown = ", ".join(self.images.classes[label] for label in without[:5])
            _log.warning("%d classes have no raw sample in the locked set, first %s", len(without), shown)

    def _write_validation(self, folder: Path, files: Sequence[StoredFile]) -> None:
        chosen = [(self.namer.name(self._source(file.job), "validation"), file) for file in files]
        chosen.sort(key=lambda pair: pair[0])
        rows = ((name, self.images.labels[self.plan.sources[file.job]], file.read()) for name, file in chosen)
        self.task.write_held_out(folder, rows, self.images.classes, self.layout)

    def _source(self, job: int) -> str:
        return self.images.ids[int(self.plan.sources[job])]


def tier_folder(place: int) -> str:
    """Folder of the held-out images edited under the key of tier ``place``, from 0, below ``owner/validation``."""
    return f"tier_{place + 1}"


def _rows(entries: Sequence[Entry], files: Sequence[StoredFile], labels: Labels) -> Iterator[tuple[str, Any, bytes]]:
    for entry, file, label in zip(entries, files, labels, strict=True):
        yield entry.name, label, file.read()
