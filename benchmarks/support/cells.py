"""A benchmark's result file, cell by cell: what is finished is kept, so that a run can be stopped and continued."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from statistics import mean, stdev
from typing import Any

from support.results import RESULTS, write_result

Figures = dict[str, float]


class Cells:
    """Finished cells of ``results/NAME.json``.

    Args:
        name: of the result file.
        command: as it stands in the result file.
        settings: what the cells were measured with; a file made with other settings is refused. One that the file does
            not know yet must be off (None, 0, False or empty).
        again: forget what is finished, settings included.
        device: where the figures are made.

    Raises:
        SystemExit: the file was made with other settings.
    """

    def __init__(
        self, name: str, *, command: str, settings: Mapping[str, Any], again: bool = False, device: str = "cpu"
    ) -> None:
        self.name, self.command, self.device = name, command, device
        self.settings: dict[str, Any] = json.loads(json.dumps(dict(settings)))
        self.done: dict[str, dict[str, Figures]] = {}
        path = RESULTS / f"{name}.json"
        if path.exists() and not again:
            figures = json.loads(path.read_text())["figures"]
            if not _agree(figures["settings"], self.settings):
                raise SystemExit(f"{path} was made with other settings, expected the present ones; run with --again")
            self.done = figures["cells"]

    def run(self, cell: str, seed: int, measure: Callable[[], Figures]) -> Figures:
        """The cell's figures, measured now unless they are in the file already."""
        runs = self.done.setdefault(cell, {})
        if str(seed) not in runs:
            started = time.process_time()
            figures = {figure: round(value, 2) for figure, value in measure().items()}
            runs[str(seed)] = figures | {"cpu_seconds": round(time.process_time() - started, 1)}
            self._write()
            print(f"{cell}, seed {seed}: {runs[str(seed)]}", flush=True)
        return runs[str(seed)]

    def _write(self) -> None:
        finished = {cell: runs for cell, runs in self.done.items() if runs}
        seeds = sorted({int(seed) for runs in finished.values() for seed in runs})
        figures = {"settings": self.settings, "cells": finished}
        write_result(self.name, figures, seeds=seeds, command=self.command, device=self.device, show=False)


def _agree(old: Any, new: Any) -> bool:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return bool(old == new)
    known = all(name in new and _agree(old[name], new[name]) for name in old)
    return known and not any(new[name] for name in new if name not in old)


def over_seeds(runs: Mapping[str, Figures], figure: str, *, digits: int = 1) -> str:
    """Mean over the seeds, with their standard deviation where there are several; empty where nothing was measured."""
    values = [run[figure] for run in runs.values() if figure in run]
    if not values:
        return ""
    return f"{mean(values):.{digits}f}" + (f" ± {stdev(values):.{digits}f}" if len(values) > 1 else "")
