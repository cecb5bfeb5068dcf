"""Which weights of the same number of bytes learn most: ways to choose a key, next to fine-tuning everything.

All keys hold the classifier, the norms and the biases, and are at most so many percent of the model's bytes, list of
places included; some hold weights rounded to 8 or 4 bits. Training, data and the choice of the learning rate are those
of `weight_locks.py`; what is selected never depends on test data, nor on any labels.

    python benchmarks/weight_selections.py [--network resnet20] [--percent 10] [--seeds 0 1 2] [--scale 1]

It goes on where it was stopped. With ``--scale`` below 1 it is a try, kept apart.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import torch
from support import shared_data
from support.cells import Cells, Figures
from support.weightlocks.data import load_owned
from support.weightlocks.keys import keyed, largest
from support.weightlocks.networks import Public
from support.weightlocks.settings import Pair, cpu_pairs
from support.weightlocks.single import Adaptation
from support.weightlocks.training import accuracy

from spellock.weightlocks.select_config import PRESETS, SelectConfig
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.unlocking import unlocked
from spellock.weightlocks.value_coding import EXACT

_OURS: Final = PRESETS["default"]
_SELECTED: Final[dict[str, SelectConfig]] = {
    "rows": replace(_OURS, balance=0.0),
    "rows, balanced": replace(_OURS, balance=0.5),
    "rows, at random": replace(_OURS, balance=0.0, score="random"),
    "blocks, largest, balanced": replace(_OURS, granularity="block", balance=0.5),
    "blocks, at random": replace(_OURS, balance=0.0, granularity="block", score="random"),
    "blocks, at random, balanced": replace(_OURS, balance=0.5, granularity="block", score="random"),
    "single weights, largest": replace(_OURS, balance=0.0, granularity="scalar"),
    "single weights, largest, balanced": replace(_OURS, granularity="scalar", balance=0.5),
    "single weights, at random": replace(_OURS, balance=0.0, granularity="scalar", score="random"),
    "single weights, smallest": replace(_OURS, balance=0.0, granularity="scalar", score="bottom"),
}
_CODED: Final = (
    "rows", "rows, balanced", "blocks, largest, balanced", "blocks, at random", "blocks, at random, balanced",
    "single weights, largest, balanced", "single weights, at random",
)  # fmt: skip
#: What is selected, and how the key holds the values: with fewer bits a value, more of them fit.
WAYS: Final[dict[str, tuple[SelectConfig, str]]] = {
    **{name: (config, EXACT) for name, config in _SELECTED.items()},
    **{f"{name}, {coding}": (_SELECTED[name], coding) for coding in ("int8", "int4") for name in _CODED},
}


def full(adaptation: Adaptation) -> Figures:
    """Everything is fine-tuned."""
    return adaptation.best(adaptation.start, adaptation.fit)[2]


def key_only(adaptation: Adaptation, config: SelectConfig, coding: str, percent: int) -> Figures:
    """The key alone learns, chosen in the public model with its fresh classifier; opened from the keyed model."""
    start = adaptation.start()
    sized = largest(ModuleState(start), config, percent, coding=coding)
    shipped = keyed(start, sized, "gaussian", seed=adaptation.seed, public=None, coding=coding)
    _, key, figures = adaptation.best(
        adaptation.start, lambda model, rate: adaptation.fit(model, rate, key=shipped.key)
    )
    assert key is not None
    with unlocked(shipped.model, key) as model:
        figures["authorised"] = accuracy(model, adaptation.owned.test)
    return figures | shipped.sizes() | {"unauthorised": accuracy(shipped.model, adaptation.owned.test)}


def adaptation_of(pair: Pair, seed: int, args: argparse.Namespace) -> Adaptation:
    """A pair with its data and public model."""
    public = Public(pair, args.data, args.work, None, seed=seed, scale=args.scale)
    owned = load_owned(pair, args.data, None, seed=seed, images=None)
    if args.scale < 1:
        some = torch.arange(0, len(owned.test), min(10, round(1 / args.scale)))
        owned = replace(owned, test=owned.test.take(some))
    return Adaptation(pair=pair, owned=owned, public=public, seed=seed)


def _used(pair: Pair) -> dict[str, object]:
    """What of the pair's budget matters here: nothing comes ten times, and there are no thieves."""
    budget = pair.to_dict()["budget"]
    return {name: value for name, value in budget.items() if name not in ("cycle_epochs", "thief_steps")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=("resnet20", "densenet", "convnext", "vit"), default="resnet20")
    parser.add_argument("--percent", type=int, default=10, help="of the model's bytes, the key at most")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="ways whose names contain one of them")
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/weight_locks"), help="keeps the public models")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the data; below 1 for a try, kept apart")
    parser.add_argument("--again", action="store_true", help="measure finished cells again")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    (pair,) = (one for one in cpu_pairs(args.scale) if one.network == args.network)
    cells = Cells(
        "weight_selections" + ("" if args.scale == 1 else "_try"),
        command=f"python benchmarks/weight_selections.py --percent {args.percent}",
        settings={"percent": args.percent, "scale": args.scale, "budget": _used(pair)},
        again=args.again,
    )
    for seed in args.seeds:
        adaptation = adaptation_of(pair, seed, args)
        ways = {"full": partial(full, adaptation)} | {
            name: partial(key_only, adaptation, *way, args.percent) for name, way in WAYS.items()
        }
        for name, way in ways.items():
            if any(text in name for text in args.only):
                figures = cells.run(f"{pair.name}: {name}", seed, way)
                print(
                    f"{name:<36} {figures['authorised']:6.2f} %, key {figures.get('key_bytes', 100):.2f} %", flush=True
                )


if __name__ == "__main__":
    main()
