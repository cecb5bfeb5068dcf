"""Progress of long work: a bar with rate and time left on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Task as BarTask
from rich.text import Text

T = TypeVar("T")
_SILENT_SECONDS = 2.0
_PLAIN_EVERY = 15.0


class _Rate(ProgressColumn):
    def render(self, task: BarTask) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if not speed else in_words(speed))


def in_words(rate: float) -> str:
    """A rate in items a second, above 0, as people read it: ``12.3/s``, below one a second ``4.2 s each``."""
    return f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"


def track(items: Iterable[T], *, total: int, label: str, weight: int = 1) -> Iterator[T]:
    """Yield ``items`` and show how far they are on standard error; each item counts as ``weight`` of ``total``."""
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=True) as progress:
            bar = progress.add_task(label, total=total)
            for item in items:
                yield item
                progress.advance(bar, weight)
        return
    started = said = time.monotonic()
    done = 0
    for item in items:
        yield item
        done = min(total, done + weight)
        now = time.monotonic()
        if now - started > _SILENT_SECONDS and (now - said > _PLAIN_EVERY):
            rate = done / (now - started)
            print(
                f"{label}: {done}/{total}, {in_words(rate)}, {(total - done) / rate:.0f} s left",
                file=sys.stderr,
                flush=True,
            )
            said = now
