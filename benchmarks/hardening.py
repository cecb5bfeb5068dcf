"""What each part of the preset ``hardened`` contributes: UP, LP and hardened LP of locks between it and the paper's.

Data sets, models and epochs are those of real_results.py. Finished cells are kept in the result file and skipped.

    python benchmarks/hardening.py [NAME ...] [--recipes RECIPE ...] [--seeds 0 1 2] [--images 6000]
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from real_results import run
from support import shared_data
from support.edit_memory import EditMemory
from support.hardening_recipes import RECIPES
from support.hardening_results import plot, table
from support.pages import fill_page
from support.real_settings import SETTINGS
from support.results import RESULTS, write_result

TITLES = {"cifar10_40000": "cifar10, 40000 images"}


def cell(name: str, recipe: str, seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """One lock, trained and evaluated; percent."""
    way, setting = RECIPES[recipe], SETTINGS[name]
    length = round(way.length * setting.training.epochs)
    training = replace(setting.training, **{"unauthorised_share": None, "epochs": length} | way.training)
    own = replace(
        setting, lock=way.lock, training=training, objective=way.objective, regularisation=way.regularisation,
        weave=way.weave, gamma=way.gamma or setting.gamma, secret_use=way.secret_use,
        weights=setting.weights if way.public else None,
    )  # fmt: skip
    work = args.work / recipe.replace(" ", "_").replace(",", "")
    plain = args.baselines / f"{name}_{seed}" / "baseline"
    if args.images is not None:
        # Of fewer images: the first recipe's is that of all, trained for as many steps as a balanced lock.
        plain = args.work / f"{name}_{args.images}_{seed}" / "baseline"
    known = plain if plain.is_dir() and way.public else None
    # Of all images there is one recipe or another; of few there are many, which share their wrong keys.
    memory = None if args.images is None else EditMemory(args.work / f"{name}_{args.images}_{seed}_edits.npz")
    figures = run(
        name, own, seed, data=args.data, work=work, images=args.images, baseline=known, make=way.make, memory=memory
    )
    if args.images is not None and known is None and way.public:
        shutil.copytree(work / f"{name}_{seed}" / "baseline", plain)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["cifar10", "gtsrb", "fashion_mnist"], metavar="NAME")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), metavar="RECIPE", help=", ".join(RECIPES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--images", type=int, default=None, help="training images; all by default")
    parser.add_argument("--again", action="store_true", help="also run what is in the result file")
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/hardening"))
    parser.add_argument("--baselines", type=Path, default=Path("runs/real_results"), help="of real_results.py, if kept")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for seed in args.seeds:
        for recipe in args.recipes:
            for name in args.names:
                title = TITLES.get(name, name) if args.images is None else f"{name}, {args.images} images"
                title += "" if RECIPES[recipe].public else ", from nothing"  # beside another baseline
                if args.again or str(seed) not in load().get(title, {}).get(recipe, {}):
                    keep(title, recipe, seed, cell(name, recipe, seed, args))
    runs = load()
    shown = table(runs, list(RECIPES))
    print(shown)
    plot(runs, list(RECIPES))
    picture = "![UP against hardened LP](../benchmarks/results/hardening.png)\n\n"
    fill_page("hardening.md", "hardening", f"\n{picture}{shown}\n")


def load() -> dict[str, Any]:
    """What is known: data set, recipe, seed."""
    path = RESULTS / "hardening.json"
    found: dict[str, Any] = json.loads(path.read_text())["figures"]["runs"] if path.exists() else {}
    return found


def keep(title: str, recipe: str, seed: int, figures: dict[str, Any]) -> None:
    """Put one cell into the result file, which another process may have written to meanwhile."""
    runs = load()
    runs.setdefault(title, {}).setdefault(recipe, {})[str(seed)] = figures
    recipes = {name: recipe.settings() for name, recipe in RECIPES.items()}
    seeds = {int(one) for recipes_ in runs.values() for cells in recipes_.values() for one in cells}
    write_result(
        "hardening",
        {"runs": runs, "recipes": recipes},
        seeds=sorted(seeds),
        command="python benchmarks/hardening.py",
        show=False,
    )


if __name__ == "__main__":
    main()
