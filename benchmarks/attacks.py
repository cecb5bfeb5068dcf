"""Attacks on the models that `real_results.py` locked: what a thief gets, beside the same from public weights.

Images: the thief's are ``train_extra`` (in no locked set), the scored ones the test set. Goes on where it was stopped.

    python benchmarks/attacks.py [cifar10] [--attacks ridge,translator] [--recipes raw-twins=FOLDER ...]

The aims of the preset ``hardened`` (models of `hardening.py`), with a table in docs/hardening.md, and the same with
decoys against leaks:

    python benchmarks/attacks.py cifar10 --aims ["hardened, against leaks"]

What ten leaked edited images open, with and without decoys against that (models of `hardening.py`, seed 0), also where
the thief thinks of styles that no list has:

    python benchmarks/attacks.py cifar10 --leaks

Attacks on leaked images, those that invert the prompt among them, by themselves; keys of `hardening.py` are woven:

    python benchmarks/attacks.py cifar10 --attacks hard-prompt,textual-inversion,surrogate-prompt,translator \
        --leaked 10 --images 1000 --result inversion_cifar10 [--weave 0.1 --recipes hardened=FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
from support import shared_data
from support.attack_aims import AIMED, aims_table
from support.leaks_table import LEAKED, LOCK, leaks_table
from support.pages import fill_page
from support.real_settings import PROMPT, SETTINGS
from support.results import write_result
from support.unlisted_styles import STYLES, Proposer

from spellock.attacks.budget import Budget
from spellock.data.memory import numpy_images
from spellock.editors.presets import new_key
from spellock.evaluation.attack_plan import AttackPlan, trials
from spellock.evaluation.attacked import evaluate_attacks
from spellock.recipes.lock_model import ModelChoice
from spellock.tasks.checkpoint import load_model
from spellock.training.augment import MIRRORING
from spellock.vision import VisionModel

#: Where the thief's images come from; other sets give half of their test images.
SPARE = {"cifar10": "train_extra"}
#: Recipes of hardening.py that the aims are about.
AIMED_AT = (
    "hardened",
    "hardened, against leaks",
    "hardened, against leaks, from nothing",
)


def attack(name: str, folder: Path, args: argparse.Namespace, *, looker: VisionModel | None = None) -> dict[str, Any]:
    """The report of all attacks on one locked model; percent.

    With a ``looker`` it is the surrogate prompt alone, with all that this model proposes.
    """
    setting, draw = SETTINGS[name], np.random.default_rng(args.seed)
    arrays = {"test": setting.read(args.data, setting.test)}
    if name in SPARE:
        arrays["spare"] = setting.read(args.data, SPARE[name])
    classes = [str(label) for label in range(int(arrays["test"][1].max()) + 1)]
    sets = {}
    for split, (x, y) in arrays.items():
        keep = draw.permutation(len(x))[: args.images]
        sets[split] = numpy_images(x[keep], y[keep], classes, name=f"{name} {split}")
    secret = hashlib.sha256(f"benchmark {name}".encode()).digest()
    key = new_key("embedded", prompt=PROMPT, resolution=setting.side, secret=secret, weave=args.weave)
    locked = load_model(folder / "model")
    public = None
    if setting.weights is not None:
        choice = ModelChoice(name=setting.model, weights=args.data / setting.weights, input_size=setting.side)
        public = choice.create(len(classes), seed=args.seed)
    plan = AttackPlan(
        labels=tuple(args.labels), leaked=tuple(args.leaked), draws=args.draws, seed=args.seed,
        candidate_images=args.candidate_images, budget=Budget(steps=args.steps),
        mirrored=setting.training.augment in MIRRORING,
    )  # fmt: skip
    chosen = trials(args.attacks.split(","))
    if looker is not None:
        chosen = trials(["surrogate-prompt"], {"proposals": len(STYLES)})
    report = evaluate_attacks(
        locked.model, locked.classes, key, sets["test"], chosen, plan,
        lock_class=locked.lock_class, spare=sets.get("spare"), public=public, unlabelled=args.unlabelled,
        work=args.work / f"{name}_{folder.parent.name}_{folder.name}", looker=looker,
    )  # fmt: skip
    print(report.to_text())
    return report.to_dict()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="cifar10", choices=sorted(SETTINGS))
    parser.add_argument(
        "--recipes", nargs="+", default=["raw twins=runs/real_results/cifar10_0"], metavar="RECIPE=FOLDER",
        help="folders that hold a locked model in model/",
    )  # fmt: skip
    parser.add_argument("--attacks", default="all", help="names with commas between")
    parser.add_argument(
        "--labels", type=int, nargs="+", default=[20, 200, 1000, 2000], help="0.1, 1, 5, 10 %% of 20000"
    )
    parser.add_argument("--leaked", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument("--steps", type=int, default=None, help="of each training run, at most")
    parser.add_argument("--weave", type=float, default=0.0, help="of the key that the models were locked with")
    parser.add_argument("--result", default=None, help="write what was measured under this name, a part too")
    parser.add_argument(
        "--aims", nargs="?", const="hardened", default=None, choices=AIMED_AT,
        help="the attacks and amounts that the preset's aims are about, on this recipe",
    )  # fmt: skip
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--candidate-images", type=int, default=200)
    parser.add_argument("--unlabelled", type=int, default=2000)
    parser.add_argument("--images", type=int, default=None, help="of each set; all by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/attacks"))
    parser.add_argument("--leaks", action="store_true", help="ten leaked images against decoys that expect them")
    args = parser.parse_args()
    folders = {
        recipe: Path("runs/hardening") / recipe.replace(" ", "_").replace(",", "") / f"{args.name}_{args.seed}"
        for recipe in AIMED_AT
    }
    if args.leaks:
        fixed = {"attacks": ",".join(LEAKED), "labels": [200], "leaked": [10], "images": 1000, "weave": 0.1}
        vars(args).update(fixed, recipes=[f"{recipe}={folder}" for recipe, folder in folders.items()])
        args.result = f"leaked_ten_{args.name}"
    if args.aims:  # 1 and 10 % of 20,000 labels
        fixed = {"attacks": ",".join(AIMED), "labels": [200, 2000], "leaked": [10], "images": 3000, "weave": 0.1}
        vars(args).update(fixed, recipes=[f"{args.aims}={folders[args.aims]}"])
        args.result = "_".join(["attack_aims", args.name, *args.aims.split(", ")[1:]]).replace(" ", "_")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipes = dict(word.split("=", 1) for word in args.recipes)
    figures = {recipe: attack(args.name, Path(folder), args) for recipe, folder in recipes.items()}
    if args.leaks:
        for recipe, folder in folders.items():
            more = attack(args.name, folder, args, looker=Proposer())
            figures[recipe]["attacks"] += [row | {"variant": "unlisted styles too"} for row in more["attacks"]]
            report = json.loads((folder / "report" / "report.json").read_text())
            figures[recipe]["lock"] = {figure: report[figure] for figure in LOCK}
    if args.result is not None:
        words = " ".join(shlex.quote(word) for word in sys.argv[1:])
        write_result(
            args.result, figures, seeds=[args.seed], command=f"python benchmarks/attacks.py {words}", show=False
        )
        if args.aims:
            part = " ".join(["aims", args.name, *args.aims.split(", ")[1:]])
            fill_page("hardening.md", part, aims_table(figures[args.aims]))
        if args.leaks:
            fill_page("hardening.md", f"leaks {args.name}", leaks_table(figures))
    elif args.attacks == "all" and args.images is None:  # other parts are for looking at
        command = f"python benchmarks/attacks.py {args.name}"
        write_result(f"attacks_{args.name}", figures, seeds=[args.seed], command=command, show=False)


if __name__ == "__main__":
    main()
