"""Ownership on CIFAR-10: which copies of a locked model each method finds, and which unrelated models it blames.

Takes the models that `real_results.py` (raw twins) or `hardening.py` (hardened) locked, makes suspects of them (kept in
--work), and asks each method about each suspect; the key's own test also with few queries, several times over, which is
its power curve. Finished cells are kept in the result file and skipped. Images: thieves' and suspects' are disjoint
parts of ``train_extra``, which is in no locked set.

    python benchmarks/ownership.py [--lock hardened] [--seeds 0 1 2] [--methods key ...] [--work FOLDER] [--toy]
"""

from __future__ import annotations

import argparse
import hashlib
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch
from support import shared_data
from support.cells import Cells, Figures
from support.edit_memory import EditMemory
from support.ownership_suspects import Loot, kept, worth
from support.ownership_table import WORTH, table
from support.pages import fill_page
from support.real_settings import PROMPT, SETTINGS

from spellock.data.memory import numpy_images
from spellock.editors.presets import new_key
from spellock.hidden import Scalar
from spellock.ownership.case import Case
from spellock.ownership.queries import edited
from spellock.ownership.registry import make_method
from spellock.ownership.suspect import Suspect
from spellock.recipes.lock_model import ModelChoice
from spellock.tasks.checkpoint import load_model
from spellock.tasks.pixel_model import PixelModel

CLASSES = [str(label) for label in range(10)]
#: Of each lock: where its models are, and the weave of its key.
LOCKS = {"raw-twins": (Path("runs/real_results"), 0.0), "hardened": (Path("runs/hardening/hardened"), 0.1)}
#: Unrelated models that methods compare with; half start from public weights, half from random ones.
UNRELATED = 9


@dataclass(frozen=True, kw_only=True)
class Row:
    """A column of the table: a method, its options, whether it has unrelated models, queries, how often it is tried."""

    method: str
    options: dict[str, Scalar] = field(default_factory=dict)
    compare: bool = True
    queries: int | None = None
    draws: int = 1


#: The fewest unrelated models for a rank of 0.05 are 19.
_RANK: dict[str, Scalar] = {"alpha": 1 / (UNRELATED + 1)}
ROWS = {
    "key": Row(method="key"),
    "key, nothing to compare with": Row(method="key", compare=False),
    "key, 1000 queries": Row(method="key", queries=1000, draws=5),
    "key, 202 queries": Row(method="key", queries=202, draws=5),
    "key, 100 queries": Row(method="key", options={"keys": 19, "alpha": 0.05}, queries=100, draws=5),
    "sac-m": Row(method="sac", options=_RANK),
    "sac-w": Row(method="sac", options=_RANK | {"form": "wrong"}),
    "sac-m, labels alone": Row(method="sac", options=_RANK | {"hard": True}),
    "move, white-box": Row(method="move"),
    "move, black-box": Row(method="move", options={"way": "black-box"}),
    "dataset-inference": Row(method="dataset-inference"),
}
TOY: dict[str, dict[str, Scalar]] = {
    "key": {"images": 10, "keys": 3, "alpha": 0.25},
    "sac": {"images": 10},
    "dataset-inference": {"images": 4, "starts": 1, "walk": 5},
    "move": {"images": 6},
}


def verdicts(row: Row, model: PixelModel, case: Case) -> Figures:
    """What a method says of a suspect in each of the row's draws; percent."""
    found = []
    for draw in range(row.draws):
        # The same images and random keys for the models of all seeds, whose edits are then made once.
        own = replace(case, seed=draw, unrelated=case.unrelated if row.compare else ())
        verdict = make_method(row.method, row.options)(Suspect(model, limit=row.queries), own)
        print(verdict.words, flush=True)
        found.append(verdict)
    return {
        "match_percent": 100 * mean(one.match for one in found),
        "p_percent": 100 * median(1.0 if one.p_value is None else one.p_value for one in found),
        "statistic_hundredths": 100 * mean(one.statistic for one in found),
        "queries": float(max(one.queries for one in found)),
        "draws": float(row.draws),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="METHOD")
    parser.add_argument("--lock", default="raw-twins", choices=list(LOCKS))
    parser.add_argument("--models", type=Path, default=None, help="holds cifar10_SEED/model; the lock's own by default")
    parser.add_argument("--baselines", type=Path, default=Path("runs/real_results"), help="holds cifar10_SEED/baseline")
    parser.add_argument("--work", type=Path, default=Path("runs/ownership"))
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--epochs", type=int, default=6, help="of thieves' training")
    parser.add_argument(
        "--toy", action="store_true", help="a few minutes, a result file of its own, no figures to quote"
    )
    parser.add_argument("--again", action="store_true", help="forget finished cells")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    stolen, asked = (256, 200) if args.toy else (5000, 2000)
    args.epochs = 1 if args.toy else args.epochs
    args.work = args.work / "toy" if args.toy else args.work
    folder, weave = LOCKS[args.lock]
    args.models = args.models or folder
    args.work.mkdir(parents=True, exist_ok=True)
    rows = {name: _smaller(row) if args.toy else row for name, row in ROWS.items()}
    name = "ownership_toy" if args.toy else f"ownership_{args.lock.replace('-', '_')}"
    settings = {
        "thief_images": stolen, "asked_from": asked, "epochs": args.epochs, "lock": args.lock,
        "unrelated": UNRELATED, "methods": {name: asdict(row) for name, row in rows.items()},
    }  # fmt: skip
    command = f"python benchmarks/ownership.py --lock {args.lock}"
    cells = Cells(name, command=command, settings=settings, again=args.again)

    x, y = shared_data.cifar10(args.data, "train_extra")
    xt, yt = shared_data.cifar10(args.data, "train")
    order = np.random.default_rng(0).permutation(len(x))
    thieves, public = order[:stolen], order[stolen : stolen + asked]
    secret = hashlib.sha256(b"benchmark cifar10").digest()
    key = new_key("embedded", prompt=PROMPT, resolution=32, secret=secret, weave=weave)
    memory = EditMemory(args.work / "edits.npz")
    shown = edited(numpy_images(x[thieves], y[thieves], CLASSES, name="loot"), np.arange(stolen), memory(key))
    setting = SETTINGS["cifar10"]
    assert setting.weights is not None
    choice = ModelChoice(name=setting.model, weights=args.data / setting.weights, input_size=32)
    baselines = [load_model(args.baselines / f"cifar10_{seed}" / "baseline").model for seed in (0, 1, 2)]

    def loot(locked: PixelModel, seed: int) -> Loot:
        return Loot(
            locked=locked, fresh=partial(choice.create, seed=seed),
            scratch=partial(replace(choice, weights=None).create, seed=seed),
            images=torch.from_numpy(x[thieves]).permute(0, 3, 1, 2).contiguous(), edited=shown,
            labels=torch.from_numpy(y[thieves]), epochs=args.epochs, seed=seed,
        )  # fmt: skip

    def stranger(number: int) -> PixelModel:
        one = loot(baselines[0], 100 + number)
        return one.unrelated(one.fresh if number % 2 else one.scratch)

    strangers = [(args.work / f"unrelated_{number}", partial(stranger, number)) for number in range(UNRELATED)]
    unrelated = tuple(_kept(folder, make) for folder, make in strangers)
    for seed in args.seeds:
        locked = load_model(args.models / f"cifar10_{seed}" / "model")
        makers = loot(locked.model, seed).makers
        suspects = {word: _kept(args.work / args.lock / str(seed) / word, make) for word, make in makers.items()}
        # Another seed's: this seed's was the teacher of the locked model.
        suspects["independent, same data, no lock"] = baselines[(seed + 1) % len(baselines)]
        # the training images of `real_results.py`, by its rule
        private = np.random.default_rng(seed).permutation(len(xt))[: asked if args.toy else None]
        case = Case(
            images=numpy_images(x[public], y[public], CLASSES, name="public"),
            classes=locked.classes,
            key=key,
            own=locked.model,
            unrelated=unrelated,
            private=numpy_images(xt[private], yt[private], CLASSES, name="private"),
            make_editor=memory,
            seed=0,
        )
        for word, model in suspects.items():
            cells.run(f"{WORTH} | {word}", seed, partial(worth, model, case))
        for row in args.methods:
            for word, model in suspects.items():
                cells.run(f"{row} | {word}", seed, partial(verdicts, rows[row], model, case))
            memory.save()
            if not args.toy:
                fill_page("ownership.md", f"ownership {args.lock}", table(cells.done, list(ROWS)))
    print(table(cells.done, list(ROWS)))


def _kept(folder: Path, make: Callable[[], PixelModel]) -> PixelModel:
    return kept(folder.with_name(folder.name.replace(" ", "_").replace(",", "")), make)


def _smaller(row: Row) -> Row:
    few = {**row.options, **TOY[row.method]}
    return replace(row, options=few, queries=None if row.queries is None else 40, draws=min(2, row.draws))


if __name__ == "__main__":
    main()
