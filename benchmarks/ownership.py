"""Ownership on CIFAR-10: which copies of a locked model each method finds, and which unrelated models it blames.

Takes the models that `real_results.py` locked, makes suspects of them (kept in --work), and asks each method about each
suspect. Finished cells are kept in the result file and skipped. Images: thieves' and suspects' are disjoint parts of
``train_extra``, which is in no locked set.

    python benchmarks/ownership.py [--seeds 0 1 2] [--methods key ...] [--models FOLDER] [--work FOLDER] [--toy]
"""

from __future__ import annotations

import argparse
import hashlib
import logging
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from real_results import PROMPT, SETTINGS
from support import shared_data
from support.cells import Cells, Figures
from support.ownership_suspects import Loot, kept
from support.remembering_editor import RememberingEditor

from spellock.data.memory import numpy_images
from spellock.editors.base import Editor
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.key import Key
from spellock.ownership.case import Case
from spellock.ownership.queries import edited
from spellock.ownership.registry import make_method
from spellock.ownership.suspect import Suspect
from spellock.recipes.lock_model import ModelChoice
from spellock.tasks.checkpoint import load_model
from spellock.tasks.pixel_model import PixelModel

CLASSES = [str(label) for label in range(10)]
#: Rows of the result: name, method, options, whether the case has unrelated models.
METHODS: dict[str, tuple[str, dict[str, Any], bool]] = {
    "key": ("key", {}, True),
    "key, nothing to compare with": ("key", {}, False),
    "sac-m": ("sac", {"alpha": 0.25}, True),
    "sac-w": ("sac", {"form": "wrong", "alpha": 0.25}, True),
    "sac-m, labels alone": ("sac", {"hard": True, "alpha": 0.25}, True),
    "dataset-inference": ("dataset-inference", {}, True),
    "move, white-box": ("move", {}, True),
    "move, black-box": ("move", {"way": "black-box"}, True),
}
TOY: dict[str, dict[str, Any]] = {
    "key": {"images": 10, "keys": 3, "alpha": 0.25},
    "sac": {"images": 10},
    "dataset-inference": {"images": 4, "starts": 1, "walk": 5},
    "move": {"images": 6},
}


@cache
def editor_of(key: Key) -> Editor:
    """One editor a key that remembers its edits: all suspects are shown the same ones."""
    return RememberingEditor(load_editor(key))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS), metavar="METHOD")
    parser.add_argument("--models", type=Path, default=Path("runs/real_results"), help="holds cifar10_SEED/model")
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
    x, y = shared_data.cifar10(args.data, "train_extra")
    order = np.random.default_rng(0).permutation(len(x))
    thieves, public = order[:stolen], order[stolen : stolen + asked]
    secret = hashlib.sha256(b"benchmark cifar10").digest()
    key = new_key("embedded", prompt=PROMPT, resolution=32, secret=secret, weave=0.0)
    loot_images = numpy_images(x[thieves], y[thieves], CLASSES, name="loot")
    xt, yt = shared_data.cifar10(args.data, "train")
    epochs = 1 if args.toy else args.epochs
    settings = {
        "thief_images": stolen,
        "asked_from": asked,
        "epochs": epochs,
        "methods": METHODS,
        "key": "secret alone",
    }
    name = "ownership_toy" if args.toy else "ownership"
    cells = Cells(name, command="python benchmarks/ownership.py", settings=settings, again=args.again)
    setting = SETTINGS["cifar10"]
    assert setting.weights is not None
    choice = ModelChoice(name=setting.model, weights=args.data / setting.weights, input_size=32)
    editor = RememberingEditor(load_editor(key), args.work / f"loot_{stolen}.npz")
    args.work.mkdir(parents=True, exist_ok=True)
    shown = edited(loot_images, np.arange(stolen), editor)
    editor.save()
    baselines = [load_model(args.models / f"cifar10_{seed}" / "baseline").model for seed in (0, 1, 2)]
    for seed in args.seeds:
        locked = load_model(args.models / f"cifar10_{seed}" / "model")
        loot = Loot(
            locked=locked.model,
            fresh=partial(choice.create, seed=seed),
            images=torch.from_numpy(x[thieves]).permute(0, 3, 1, 2).contiguous(),
            edited=shown,
            labels=torch.from_numpy(y[thieves]),
            epochs=epochs,
            seed=seed,
        )
        folder = args.work / f"{'toy_' if args.toy else ''}{seed}"
        suspects = {
            word: kept(folder / word.replace(" ", "_").replace(",", ""), make) for word, make in loot.makers.items()
        }
        suspects["independent, same data, no lock"] = baselines[seed]
        # the training images of `real_results.py`, by its rule
        private = np.random.default_rng(seed).permutation(len(xt))[: asked if args.toy else None]
        case = Case(
            images=numpy_images(x[public], y[public], CLASSES, name="public"),
            classes=locked.classes,
            key=key,
            own=locked.model,
            private=numpy_images(xt[private], yt[private], CLASSES, name="private"),
            make_editor=editor_of,
            seed=seed,
        )
        for row in args.methods:
            for word, model in suspects.items():
                unrelated = [one for one in baselines if one is not model] if METHODS[row][2] else []
                cells.run(f"{row} | {word}", seed, lambda: _asked(row, model, case, unrelated))  # noqa: B023


def _asked(row: str, model: PixelModel, case: Case, unrelated: list[PixelModel]) -> Figures:
    name, options, _ = METHODS[row]
    extra = TOY[name] if _toy(case) else {}
    fields = {field: getattr(case, field) for field in case.__dataclass_fields__} | {"unrelated": tuple(unrelated)}
    verdict = make_method(name, {**options, **extra})(Suspect(model), Case(**fields))
    print(verdict.words, flush=True)
    return {
        "match_percent": 100.0 * verdict.match,
        "p_percent": 100 * (1.0 if verdict.p_value is None else verdict.p_value),
        "statistic_hundredths": 100 * verdict.statistic,
        "queries": float(verdict.queries),
    }


def _toy(case: Case) -> bool:
    return len(case.images) < 1000


if __name__ == "__main__":
    main()
