"""The results as they grow: one entry a cell and seed, written as soon as it is finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from spellock.errors import ConfigError
from support.mlock.cell import Cell
from support.mlock.settings import Setting
from support.results import RESULTS, write_result

Figures = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Store:
    """``results/NAME.json``.

    Attributes:
        settings: by data set, as its cells were made.
        runs: figures by data set, row ("I, motif I") and seed.
    """

    name: str
    settings: dict[str, dict[str, Any]]
    runs: dict[str, dict[str, dict[str, dict[str, Any]]]]

    @classmethod
    def open(cls, name: str) -> Self:
        """What was finished before; nothing where there is no such file."""
        path = RESULTS / f"{name}.json"
        figures = json.loads(path.read_text())["figures"] if path.exists() else {}
        return cls(name=name, settings=figures.get("settings", {}), runs=figures.get("runs", {}))

    @property
    def path(self) -> Path:
        """The file."""
        return RESULTS / f"{self.name}.json"

    def begin(self, data: str, setting: Setting, *, again: bool) -> None:
        """Settle how the cells of ``data`` are made; ``again`` drops those made in another way.

        Raises:
            ConfigError: there are cells made in another way.
        """
        wanted = json.loads(json.dumps(setting.to_dict()))
        if self.runs.get(data) and self.settings.get(data) != wanted:
            if not again:
                raise ConfigError(
                    f"{self.path.name} has cells of {data} that were made with other settings; --again replaces them"
                )
            self.runs.pop(data)
        self.settings[data] = wanted

    def has(self, cell: Cell) -> bool:
        """Whether the cell is finished."""
        return str(cell.seed) in self.runs.get(cell.data, {}).get(cell.row, {})

    def baseline(self, data: str, seed: int) -> float | None:
        """The baseline of a data set and seed, from the cell that it was trained beside."""
        rows = self.runs.get(data, {}).values()
        return next((row[str(seed)]["baseline"] for row in rows if "baseline" in row.get(str(seed), {})), None)

    def add(self, cell: Cell, figures: Figures, *, command: str, device: str) -> None:
        """Store a finished cell and write the file."""
        self.runs.setdefault(cell.data, {}).setdefault(cell.row, {})[str(cell.seed)] = dict(figures)
        seeds = {int(seed) for rows in self.runs.values() for runs in rows.values() for seed in runs}
        write_result(
            self.name,
            {"settings": self.settings, "runs": self.runs},
            seeds=sorted(seeds),
            command=command,
            device=device,
            show=False,
        )
