"""Weight locks: keys of 1, 5 and 10 % that are adapted to new data, once and ten times in a row (AdaLoc).

Four small networks learn traffic signs (GTSRB) and a small text encoder learns SST-2 and AG News, each from a public
pretrained model: everything, the key alone under the authors' selection and under ours, and the classifier alone; all
with the same budget, the learning rate chosen on validation data from the same grid. Beside each: what a thief gets.

    python benchmarks/weight_locks.py [--seeds 0 1 2] [--only TEXT ...] [--data FOLDER] [--work FOLDER] [--again]
    python benchmarks/weight_locks.py --full --device cuda --images FOLDER [--weights FOLDER]

It goes on where it was stopped. ``--full`` takes the authors' networks and training on a folder of images with the
splits train and test (CIFAR-100, Flowers-102, Caltech-256): one result file for each folder's name.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from support import shared_data
from support.cells import Cells, Figures
from support.weightlocks.cycle_table import cycle_table
from support.weightlocks.cycles import Way, cycle_rate, full_cycles, key_cycles
from support.weightlocks.data import load_owned
from support.weightlocks.networks import Public
from support.weightlocks.plot import plot
from support.weightlocks.settings import (
    CYCLE_PERCENT,
    CYCLES,
    DELTA_PERCENT,
    EITHER_CYCLES,
    FULL_NETWORKS,
    LABELLED,
    LATE,
    LATE_CYCLES,
    LATE_WAY,
    RATE_CYCLES,
    RATE_SEED,
    SHIPPED_FILL,
    Pair,
    cpu_pairs,
)
from support.weightlocks.single import Adaptation
from support.weightlocks.tables import ALL, adaptation_table, percents, theft_table
from support.weightlocks.texts import Vocabulary


class Run:
    """The cells of one pair and one seed. A cell that another one needs is measured before it."""

    def __init__(self, pair: Pair, seed: int, cells: Cells, args: argparse.Namespace) -> None:
        self.pair, self.seed, self.cells, self.args = pair, seed, cells, args

    @cached_property
    def adaptation(self) -> Adaptation:
        vocabulary = Vocabulary.of(self.args.data) if self.pair.text else None
        public = Public(
            self.pair, self.args.data, self.args.work, vocabulary, seed=self.seed, scale=self.args.scale,
            weights=self.args.weights,
        )  # fmt: skip
        owned = load_owned(self.pair, self.args.data, vocabulary, seed=self.seed, images=self.args.images)
        if self.args.scale < 1:
            some = torch.arange(0, len(owned.test), min(10, round(1 / self.args.scale)))
            owned = replace(owned, test=owned.test.take(some))
        return Adaptation(pair=self.pair, owned=owned, public=public, seed=self.seed, device=self.args.device)

    def rate(self, way: str) -> float:
        """The learning rate that was best for a way to adapt."""
        return self.measured(way)["rate_per_mille"] / 1000

    def cycle_rate(self, scheme: str) -> float:
        """The learning rate that was best for the cycles of a scheme, which one seed chooses for all."""
        chooser = self if self.seed == RATE_SEED else Run(self.pair, RATE_SEED, self.cells, self.args)
        how = {"full": (None, 0.0), LATE_CYCLES: ("delta", LATE)}.get(scheme, (scheme, 0.0))
        figures = self.cells.run(
            f"{self.pair.name}: rate of cycles, {scheme}",
            RATE_SEED,
            lambda: cycle_rate(chooser.adaptation, how[0], rounded_from=how[1]),
        )
        return figures["rate_per_mille"] / 1000

    def cycle_way(self, scheme: str) -> Way:
        """How the key of a scheme learns in ten cycles."""
        return Way(self.cycle_rate(scheme), LATE if scheme == LATE_CYCLES else 0.0)

    @property
    def ways(self) -> dict[str, Callable[[], Figures]]:
        """All cells by name, in the order of their worth."""
        ways: dict[str, Callable[[], Figures]] = {
            "full": lambda: self.adaptation.full(),
            "head only": lambda: self.adaptation.head_only(),
            "no lock": lambda: self.adaptation.without_lock(self.rate("full")),
        }
        for selection in ALL:
            for percent in percents(selection):
                ways[f"{selection} {percent} %"] = lambda s=selection, p=percent: self.adaptation.key_only(  # type: ignore[misc]
                    s, p, thief_rate=self.rate("full")
                )
        ways[LATE_WAY] = lambda: self.adaptation.key_only(
            "delta", DELTA_PERCENT, thief_rate=self.rate("full"), rounded_from=LATE
        )
        ways["cycles, full"] = lambda: full_cycles(self.adaptation, rate=self.cycle_rate("full"))
        for selection in ALL:
            ways[f"cycles, {selection}"] = lambda s=selection: key_cycles(self.adaptation, s, [self.cycle_way(s)])  # type: ignore[misc]
        ways[f"cycles, {LATE_CYCLES}"] = lambda: key_cycles(self.adaptation, "delta", [self.cycle_way(LATE_CYCLES)])
        ways[f"cycles, {EITHER_CYCLES}"] = lambda: key_cycles(
            self.adaptation, "delta", [self.cycle_way("delta"), self.cycle_way(LATE_CYCLES)]
        )
        return ways

    def measured(self, way: str) -> Figures:
        """The figures of a cell."""
        return self.cells.run(f"{self.pair.name}: {way}", self.seed, self.ways[way])


def full_pairs(images: Path, *, toy: bool) -> list[Pair]:
    """The authors' networks on a folder of images; ``toy`` trains next to nothing, to see whether it runs."""
    budgets = {
        network: replace(budget, epochs=1, cycle_epochs=1, thief_steps=1) if toy else budget
        for network, budget in FULL_NETWORKS.items()
    }
    return [Pair(network=network, data=images.name, budget=budget) for network, budget in budgets.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="cells whose names contain one of them")
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/weight_locks"), help="keeps the public models")
    parser.add_argument("--again", action="store_true", help="measure finished cells again")
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="share of the data; below 1 for a try, kept apart; with --full one epoch",
    )
    parser.add_argument("--full", action="store_true", help="the authors' networks and training; wants a GPU")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--images", type=Path, help="image folder with splits, of --full")
    parser.add_argument("--weights", type=Path, help="folder of NAME.safetensors, of --full; the libraries' by default")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if args.full and args.images is None:
        parser.error("--full needs --images, a folder with the splits train and test")
    torch.set_num_threads(1 if args.device == "cpu" else torch.get_num_threads())
    args.work.mkdir(parents=True, exist_ok=True)
    pairs = full_pairs(args.images, toy=args.scale < 1) if args.full else cpu_pairs(args.scale)
    name = f"weight_locks_full_{args.images.name}" if args.full else "weight_locks"
    if args.scale != 1:
        name += "_try"
    cells = Cells(
        name,
        command="python benchmarks/weight_locks.py" + (f" --full --images {args.images.name}" if args.full else ""),
        settings={
            "pairs": {pair.name: pair.to_dict() for pair in pairs}, "cycles": CYCLES, "cycle_percent": CYCLE_PERCENT,
            "rate_cycles": RATE_CYCLES, "rate_seed": RATE_SEED,
            "shipped_fill": SHIPPED_FILL, "labelled": LABELLED,
        },
        again=args.again,
        device=args.device,
    )  # fmt: skip
    for seed in args.seeds:
        for pair in pairs:
            run = Run(pair, seed, cells, args)
            for way in run.ways:
                if any(text in f"{pair.name}: {way}" for text in args.only):
                    run.measured(way)
    print("\n".join([*adaptation_table(cells.done), "", *theft_table(cells.done), "", *cycle_table(cells.done)]))
    plot(cells.done, name)


if __name__ == "__main__":
    main()
