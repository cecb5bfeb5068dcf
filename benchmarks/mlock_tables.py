"""M-LOCK's Tables 1 and 2: three strategies, two certificates, a fixed and a random place, beside the paper's numbers.

Every cell also gets the figures that the paper does not give: what a thief without the certificate can make of the
model. Cells are stored as they are finished, and skipped by the next call.

    python benchmarks/mlock_tables.py [NAME ...] [--seeds 0 1 2] [--full --device cuda] [--again] [--report-only]
"""

from __future__ import annotations

import argparse
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import torch
from support import shared_data
from support.mlock.cell import Cell, run_cell
from support.mlock.data import TITLES, Data, is_there, load, missing
from support.mlock.page import fill_page
from support.mlock.paper import CERTIFICATES, STRATEGIES
from support.mlock.plot import plot
from support.mlock.settings import CPU, FULL, SEEDS, Setting
from support.mlock.store import Store
from support.mlock.tables import print_tables

from spellock.errors import SpellockError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was asked for."""

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    data: Path
    work: Path
    device: str
    full: bool
    again: bool

    @property
    def result(self) -> str:
        """Name of the result file."""
        return "mlock_tables_full" if self.full else "mlock_tables"

    @property
    def command(self) -> str:
        """How to make the results again."""
        return "python benchmarks/mlock_tables.py" + (f" --full --device {self.device}" if self.full else "")


def cells(names: tuple[str, ...], seeds: tuple[int, ...]) -> Iterator[Cell]:
    """All cells, whole tables of the first seed before the second, and every data set early in each."""
    for seed, certificate, strategy, data in product(seeds, CERTIFICATES, STRATEGIES, names):
        yield Cell(data=data, strategy=strategy, certificate=certificate, seed=seed)


def run(options: Options, settings: dict[str, Setting], store: Store) -> None:
    """Make what is missing, or everything with ``again``."""
    for name in options.names:
        store.begin(name, settings[name], again=options.again)
    loaded: dict[tuple[str, int], Data] = {}
    for cell in cells(options.names, options.seeds):
        if store.has(cell) and not options.again:
            continue
        setting = settings[cell.data]
        if (cell.data, cell.seed) not in loaded:
            if cell.seed not in {seed for _, seed in loaded}:
                loaded.clear()
            loaded[cell.data, cell.seed] = load(
                cell.data,
                options.data,
                train_images=setting.train_images,
                test_images=setting.test_images,
                seed=cell.seed,
            )
        out = options.work / options.result / f"{cell.data}_{cell.row.replace(', ', '_').replace(' ', '-')}_{cell.seed}"
        if options.again:
            shutil.rmtree(out, ignore_errors=True)
        first = (cell.strategy, cell.certificate) == (STRATEGIES[0], CERTIFICATES[0])
        figures = run_cell(
            cell,
            setting,
            loaded[cell.data, cell.seed],
            out,
            weights=None if setting.weights is None else options.data / setting.weights,
            device=options.device,
            baseline=first or store.baseline(cell.data, cell.seed) is None,
        )
        store.add(cell, figures, command=options.command, device=options.device)
        shutil.rmtree(out)
        shown = {name: figures[name] for name in ("up", "lp", "hardened_lp", "cpu_seconds_training", "minutes")}
        _log.info("%s, %s, seed %d: %s", cell.data, cell.row, cell.seed, shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(TITLES), metavar="NAME", help=", ".join(TITLES))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs"), help="unfinished cells")
    parser.add_argument("--full", action="store_true", help="all images and larger networks; results of their own")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--again", action="store_true", help="make finished cells again")
    parser.add_argument("--report-only", action="store_true", help="tables, plot and page from what is stored")
    args = parser.parse_args()
    if unknown := set(args.names) - set(TITLES):
        parser.error(f"unknown data set {min(unknown)}; expected some of {', '.join(TITLES)}")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    _log.setLevel(logging.INFO)
    torch.set_num_threads(1 if args.device == "cpu" else torch.get_num_threads())
    for name in args.names:
        if not is_there(name, args.data):
            _log.warning("%s", missing(name, args.data))
    options = Options(
        names=tuple(name for name in args.names if is_there(name, args.data)),
        seeds=tuple(args.seeds),
        data=args.data,
        work=args.work,
        device=args.device,
        full=args.full,
        again=args.again,
    )
    store = Store.open(options.result)
    if not args.report_only:
        try:
            run(options, FULL if args.full else CPU, store)
        except SpellockError as error:
            parser.exit(1, f"{error}\n")
    print_tables(store.runs)
    plot(store.runs, store.path.with_suffix(".png"))
    if not args.full:
        fill_page(store)


if __name__ == "__main__":
    main()
