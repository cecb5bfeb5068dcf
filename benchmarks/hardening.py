"""What each part of the preset ``hardened`` contributes: UP, LP and hardened LP of locks between it and the paper's.

Data sets, models and epochs are those of real_results.py. Finished cells are kept in the result file and skipped.

    python benchmarks/hardening.py [NAME ...] [--recipes RECIPE ...] [--seeds 0 1 2] [--images 6000]
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from real_results import run
from support import shared_data
from support.edit_memory import EditMemory
from support.edited_only import edited_only
from support.from_teacher import from_teacher
from support.hardening_results import plot, table
from support.pages import fill_page
from support.real_settings import APART, PROMPT, SETTINGS
from support.results import RESULTS, write_result

from spellock.editors.presets import PRESETS as KEYS
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import lock_model
from spellock.recipes.presets import PRESETS
from spellock.training.objective_config import ObjectiveConfig
from spellock.training.regularisation_config import RegularisationConfig

HARDENED = PRESETS["hardened"]
TITLES = {"cifar10_40000": "cifar10, 40000 images"}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a lock differs from the paper's.

    Attributes:
        training: changes of the data set's own settings.
        length: epochs, as a multiple of the data set's own.
        weave: strength of the key's tile.
        gamma: share of the edit in an authorised image; None for the paper's, 0.5.
        secret_use: whether a string drawn from the secret follows the prompt; else the weave alone is the secret's.
        prompt: the key's.
        make: what trains the models; see `run`.
    """

    lock: LockConfig = field(default_factory=LockConfig)
    training: dict[str, Any] = field(default_factory=dict)
    length: float = 1.0
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    regularisation: RegularisationConfig = field(default_factory=RegularisationConfig)
    weave: float = 0.0
    gamma: float | None = None
    secret_use: str = "string"
    prompt: str = PROMPT
    make: Callable[..., object] = lock_model

    def settings(self) -> dict[str, Any]:
        """For the result file."""
        return asdict(replace(self, make=lock_model)) | {"make": self.make.__name__}


_BALANCED = {"unauthorised_share": 0.5}
_ALONE = {"unauthorised_share": 0.5, "alone_share": HARDENED.training.alone_share}
_DECOYS: dict[str, Any] = {"decoy_share": HARDENED.lock.decoy_share, "decoy_keys": 400}
_TEACHER = ObjectiveConfig(objective="teacher")
_OURS = Recipe(lock=HARDENED.lock, training=_ALONE, objective=_TEACHER, weave=KEYS["embedded"].weave)
#: The preset with as many wrong keys as it had when its parts were compared.
_LOCK_400 = replace(HARDENED.lock, decoy_keys=400)
_400 = replace(_OURS, lock=_LOCK_400)
#: As many decoys as the preset has, and one and a half times as many of those who have edited images.
_LEAKS = replace(
    _OURS,
    lock=replace(HARDENED.lock, decoy_share=2.5 * (HARDENED.lock.decoy_share or 0), decoy_keys=3750, decoy_leaks=0.6),
)
#: From the paper's way to ours, one step at a time; then ours without one of its parts, and with one more. The first
#: is no lock at all: what the edit itself costs.
RECIPES: dict[str, Recipe] = {
    "edited only": Recipe(training=_BALANCED, make=edited_only),
    "modellock": Recipe(),
    "balanced drawing": Recipe(training=_BALANCED),
    "and raw twins": Recipe(lock=LockConfig(raw_twins=True), training=_BALANCED),
    "and decoys": Recipe(lock=LockConfig(raw_twins=True, **_DECOYS), training=_BALANCED),
    "and raw images alone": Recipe(lock=LockConfig(raw_twins=True, **_DECOYS), training=_ALONE),
    "and decoy task": Recipe(lock=_LOCK_400, training=_ALONE),
    "and a teacher": Recipe(lock=_LOCK_400, training=_ALONE, objective=_TEACHER),
    "400 keys": _400,
    "hardened": _OURS,
    "hardened, against leaks": _LEAKS,
    "hardened, against leaks, prompt apart": replace(_LEAKS, prompt=APART),
    "hardened, from the baseline": replace(_OURS, make=from_teacher),
    "hardened, no decoys": replace(_OURS, lock=replace(HARDENED.lock, decoy_share=None)),
    "400 keys, uniform target": replace(_400, lock=replace(_LOCK_400, target="uniform")),
    "400 keys, none alone": replace(_400, training=_BALANCED),
    **{
        f"400 keys, {share} alone": replace(_400, training=_BALANCED | {"alone_share": share}) for share in (0.75, 0.98)
    },
    "400 keys, no teacher": replace(_400, objective=ObjectiveConfig()),
    "400 keys, projection": replace(_400, regularisation=RegularisationConfig(combination="projection")),
    "400 keys, anchor": replace(_400, regularisation=RegularisationConfig(regularisers=("anchor",))),
    "400 keys, probe": replace(_400, regularisation=RegularisationConfig(regularisers=("probe",))),
    "400 keys, all three": replace(
        _400, regularisation=RegularisationConfig(regularisers=("anchor", "probe"), combination="projection")
    ),
    "400 keys, twice as long": replace(_400, length=2.0),
    "400 keys, weave 0.2": replace(_400, weave=0.2),
    "400 keys, three times the decoys": replace(
        _400, lock=replace(_LOCK_400, decoy_share=3 * (HARDENED.lock.decoy_share or 0))
    ),
    "400 keys, no string": replace(_400, secret_use="none"),
    "edited only, no string": Recipe(training=_BALANCED, secret_use="none", weave=_OURS.weave, make=edited_only),
    **{f"400 keys, gamma {gamma}": replace(_400, gamma=gamma) for gamma in (0.3, 0.4, 0.7)},
}


def cell(name: str, recipe: str, seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """One lock, trained and evaluated; percent."""
    way, setting = RECIPES[recipe], SETTINGS[name]
    length = round(way.length * setting.training.epochs)
    training = replace(setting.training, **{"unauthorised_share": None, "epochs": length} | way.training)
    own = replace(
        setting, lock=way.lock, training=training, objective=way.objective, regularisation=way.regularisation,
        weave=way.weave, gamma=way.gamma or setting.gamma, secret_use=way.secret_use, prompt=way.prompt,
    )  # fmt: skip
    work = args.work / recipe.replace(" ", "_").replace(",", "")
    plain = args.baselines / f"{name}_{seed}" / "baseline"
    if args.images is not None:
        # Of fewer images: the first recipe's is that of all, trained for as many steps as a balanced lock.
        plain = args.work / f"{name}_{args.images}_{seed}" / "baseline"
    known = plain if plain.is_dir() else None
    # Of all images there is one recipe or another; of few there are many, which share their wrong keys.
    memory = None if args.images is None else EditMemory(args.work / f"{name}_{args.images}_{seed}_edits.npz")
    figures = run(
        name, own, seed, data=args.data, work=work, images=args.images, baseline=known, make=way.make, memory=memory
    )
    if args.images is not None and known is None:
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
