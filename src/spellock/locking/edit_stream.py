"""Decode, edit and encode at the same time, in bounded memory: threads decode ahead and encode behind while the editor
works."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Final

import numpy as np

from spellock.data.image_set import ImageSet
from spellock.data.write_png import encode_png
from spellock.editors.company import company_of, edit_each
from spellock.errors import DataError
from spellock.locking.image_editor import ImageEditor, Pixels
from spellock.locking.plan import NO_EDITOR, Plan, Role
from spellock.locking.product import USES, Product

_AHEAD: Final = 2  # batches decoded ahead of the editor
_OPEN: Final = 8  # batches' worth of jobs that may wait for a partly filled batch


@dataclass(kw_only=True)
class StreamStats:
    """Times of one run: images edited, seconds in all, in the editor, and spent loading editors."""

    edited: int = 0
    seconds: float = 0.0
    editor_seconds: float = 0.0
    loading_seconds: float = 0.0

    @property
    def busy(self) -> float:
        """Share of the time, loading aside, in which the editor was at work."""
        spent = self.seconds - self.loading_seconds
        return self.editor_seconds / spent if spent > 0 else 0.0


@dataclass(kw_only=True)
class _Open:
    job: int
    raw: Future[bytes] | None = None
    edited: Future[bytes] | None = None
    awaits_edit: bool = False
    problem: str | None = None

    @property
    def settled(self) -> bool:
        return not self.awaits_edit


@dataclass(frozen=True)
class _Waiting:
    item: _Open
    pixels: Pixels
    editor: ImageEditor


def _together(first: ImageEditor, second: ImageEditor) -> bool:
    company = company_of(first)
    return first is second or (company is not None and company == company_of(second))


@dataclass(kw_only=True)
class EditStream:
    """Runs jobs of a plan.

    Attributes:
        images: the sources.
        plan: what to make of them.
        editor: gives editor 0 (the key's) or j (of wrong keys, then of tiers); `NO_EDITOR` jobs are prepared by
            editor 0.
        skip: whether to pass over images that cannot be decoded.
        workers: threads that decode and encode.
        batch_size: images given to the editor at once; None takes its canonical batch.
    """

    images: ImageSet
    plan: Plan
    editor: Callable[[int], ImageEditor]
    skip: bool = False
    workers: int = 2
    batch_size: int | None = None
    stats: StreamStats = field(default_factory=StreamStats)

    def run(self, jobs: Sequence[int]) -> Generator[Product, None, None]:
        """Yield the products of ``jobs``, in their order; memory depends on the batch size only.

        Raises:
            DataError: an image cannot be decoded and ``skip`` is off.
        """
        started = time.perf_counter()
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="spellock-images")
        try:
            for _, group in groupby(jobs, key=self._stage):
                for product in self._group(pool, group):
                    self.stats.seconds = time.perf_counter() - started
                    yield product
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            self.stats.seconds = time.perf_counter() - started

    def tries_again(self, job: int) -> bool:
        """Whether ``job``, which an earlier run passed over, is worth another try: its image can be read now, or is to
        stop the work."""
        if not self.skip:
            return True
        try:
            self.images.open(int(self.plan.sources[job]))
        except DataError:
            return False
        return True

    def _stage(self, job: int) -> int:
        """Jobs of a stage follow each other in batches: the key's are one, all wrong keys' one, each tier's one."""
        number = max(0, int(self.plan.editors[job]))
        return number if number > self.plan.decoy_keys else min(number, 1)

    def _editor(self, job: int) -> ImageEditor:
        loading = time.perf_counter()
        editor = self.editor(max(0, int(self.plan.editors[job])))
        self.stats.loading_seconds += time.perf_counter() - loading
        return editor

    def _group(self, pool: ThreadPoolExecutor, jobs: Iterator[int]) -> Iterator[Product]:
        first = next(jobs)
        preparer = self._editor(first)
        size = self.batch_size or preparer.canonical_batch
        opened: deque[_Open] = deque()
        batch: list[_Waiting] = []
        for job, decoded in self._decode(pool, preparer, chain([first], jobs), ahead=_AHEAD * size + self.workers):
            item = _Open(job=job)
            opened.append(item)
            if isinstance(decoded, str):
                item.problem = decoded
            else:
                role = Role(int(self.plan.roles[job]))
                if role in (Role.RAW, Role.TWIN, Role.VALIDATION):
                    item.raw = pool.submit(encode_png, decoded)
                if self.plan.editors[job] != NO_EDITOR:
                    editor = self._editor(job)
                    if batch and not _together(batch[-1].editor, editor):
                        self._edit(pool, batch)
                        batch = []
                    item.awaits_edit = True
                    batch.append(_Waiting(item, decoded, editor))
            if len(batch) == size or (batch and len(opened) >= _OPEN * size):
                self._edit(pool, batch)
                batch = []
            # What was submitted before the last edit is done by now; the newest batch is left to encode during the
            # next.
            while len(opened) > 2 * size and opened[0].settled:
                yield self._product(opened.popleft())
        if batch:
            self._edit(pool, batch)
        while opened:
            yield self._product(opened.popleft())

    def _decode(
        self, pool: ThreadPoolExecutor, editor: ImageEditor, jobs: Iterator[int], *, ahead: int
    ) -> Iterator[tuple[int, Pixels | str]]:
        def one(job: int) -> Pixels | str:
            try:
                return editor.prepare(self.images.open(int(self.plan.sources[job])))
            except DataError as error:
                if not self.skip:
                    raise
                return str(error)

        window: deque[tuple[int, Future[Pixels | str]]] = deque()
        for job in jobs:
            window.append((job, pool.submit(one, job)))
            if len(window) > ahead:
                first, future = window.popleft()
                yield first, future.result()
        while window:
            first, future = window.popleft()
            yield first, future.result()

    def _edit(self, pool: ThreadPoolExecutor, batch: list[_Waiting]) -> None:
        ids = [self.images.ids[int(self.plan.sources[one.item.job])] for one in batch]
        started = time.perf_counter()
        edited = edit_each([one.editor for one in batch], np.stack([one.pixels for one in batch]), ids)
        self.stats.editor_seconds += time.perf_counter() - started
        self.stats.edited += len(batch)
        for one, pixels in zip(batch, edited, strict=True):
            one.item.edited, one.item.awaits_edit = pool.submit(encode_png, pixels), False

    def _product(self, item: _Open) -> Product:
        uses = USES[Role(int(self.plan.roles[item.job]))]
        futures = [future for future in (item.raw, item.edited) if future is not None]
        files = tuple((use, future.result()) for use, future in zip(uses, futures, strict=False))
        return Product(job=item.job, files=files, problem=item.problem)
