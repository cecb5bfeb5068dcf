"""What is a searched key worth, also against a thief who searches too? Hardened locks on CIFAR-10.

For each seed: the owner's search; hardened locks with the key that it found, with its best listed prompt, and with the
prompt "with oil pastel"; then each locked model under the best keys of a thief's search, who has the same space and
budget but other images of the set and other randomness: his keys as they are, the right prompt and numbers with his
secrets, and as many keys of the space that nobody searched. Finished cells are kept: it goes on where it was stopped.

    python benchmarks/key_search.py [--seeds 0] [--images 6000] [--budget 25000 7]
"""

from __future__ import annotations

import argparse
import logging
import shutil
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support import shared_data
from support.cells import Cells, Figures
from support.hardening_recipes import RECIPES
from support.key_search_table import FIGURES, KEYS, THIEVES, table
from support.pages import fill_page
from support.real_settings import PROMPT, SETTINGS
from support.remembering_editor import RememberingEditor, edits_file

from spellock.attacks.suppressed import real_classes
from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.editors.registry import load_editor
from spellock.evaluation.conditions import Edited
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.halves import halves, stratified_subset
from spellock.evaluation.hardened import Candidate, best_of
from spellock.key import Key
from spellock.prompts.halving import Budget
from spellock.prompts.space import space_around
from spellock.prompts.trial import Trial, draw_trial
from spellock.recipes.key_search import KeySearchConfig, search_keys, trial_key
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.recipes.pilot import PilotConfig
from spellock.recipes.search_report import KeySearch
from spellock.recipes.search_trials import repeatable
from spellock.recipes.tried import Tried
from spellock.tasks.checkpoint import load_model
from spellock.tasks.collect import collect
from spellock.tasks.models import create_model

RECIPE, SETTING = RECIPES["hardened"], SETTINGS["cifar10"]
THIEF, STRANGER = 1000, 2000  # added to the seed


def make_key(trial: Trial) -> Key:
    return trial_key(trial, resolution=SETTING.side)


@dataclass(kw_only=True)
class Bench:
    """One seed: the images of owner and thief, and what was found so far."""

    owner: ImageSet
    thief: ImageSet
    test: ImageSet
    seed: int
    args: argparse.Namespace

    @property
    def choice(self) -> ModelChoice:
        return ModelChoice(name=SETTING.model, weights=self.args.data / str(SETTING.weights), input_size=SETTING.side)

    def search(self, images: ImageSet, who: str, seed: int) -> KeySearch:
        """A search to the end, or what an earlier run has of it."""
        usual = PilotConfig(choice=self.choice, images=self.args.pilot_images, seed=seed)
        return search_keys(
            images, self.args.work / f"{who}_{self.seed}",
            KeySearchConfig(
                budget=Budget(edits=self.args.budget[0], pilots=self.args.budget[1]), images=self.args.first_rung,
                seed=seed,
            ),
            pilot=replace(usual, training=replace(usual.training, epochs=self.args.pilot_epochs)),
            make_key=make_key,
            model=create_model(SETTING.model, num_classes=10, weights=self.choice.weights, input_size=SETTING.side),
            randomness=repeatable(seed), say=lambda line: print(f"{who}: {line}", flush=True),
        )  # fmt: skip

    @cached_property
    def found(self) -> KeySearch:
        return self.search(self.owner, "owner", self.seed)

    @cached_property
    def his(self) -> list[Trial]:
        """The thief's best keys, best first."""
        tried = sorted(self.search(self.thief, "thief", self.seed + THIEF).tried, key=Tried.order)
        return [one.trial for one in tried[: self.args.keys]]

    def searching(self) -> Figures:
        """The pilots' figures, in percent or points."""
        found = self.found
        return {
            "gap": 100 * found.chosen.objective, "listed_gap": 100 * found.listed.objective,
            "confirmed_gap": 100 * found.chosen.again, "gain": 100 * found.gain, "edits": found.plan.edits,
            "trainings": found.plan.trainings, "keys": len(found.tried), "chose_listed": found.chosen.trial.listed,
        }  # fmt: skip

    def key(self, name: str) -> Key:
        """The key of one lock; of "with oil pastel" with the preset's numbers and a secret that nobody chose."""
        if name == KEYS[0]:
            return make_key(self.found.chosen.trial)
        if name == KEYS[1]:
            return make_key(self.found.listed.trial)
        secret = repeatable(self.seed + STRANGER)(0).randbytes(32)
        plain = next(one.trial for one in self.found.tried if one.trial.candidate.prompt == PROMPT and one.trial.listed)
        return make_key(replace(plain, secret=secret))

    def editor(self, key: Key) -> RememberingEditor:
        return RememberingEditor(load_editor(key), edits_file(self.args.work, key))

    def lock(self, name: str) -> Figures:
        """Lock, train and evaluate; percent. The first lock's baseline is that of all."""
        key, out, shared = self.key(name), self.folder(name), self.args.work / f"baseline_{self.seed}"
        editor = self.editor(key)
        lock_model(
            self.owner, key, out, lock=replace(RECIPE.lock, seed=self.seed), editor=editor, choice=self.choice,
            training=replace(SETTING.training, **{"epochs": self.args.epochs, "seed": self.seed} | RECIPE.training),
            objective=RECIPE.objective, teacher=shared if shared.is_dir() else None,
        )  # fmt: skip
        editor.save()
        if not shared.is_dir():
            begun = shared.with_suffix(".begun")
            shutil.copytree(out / "baseline", begun, dirs_exist_ok=True)
            begun.rename(shared)
        model, plain = load_model(out / "model"), load_model(shared)
        report = evaluate(
            model.model, model.classes, key, self.test, lock_class=model.lock_class, baseline=plain.model,
            baseline_classes=plain.classes, seed=self.seed, wrong_key_images=self.args.per_key,
            make_editor=lambda wanted: editor if wanted == key else load_editor(wanted),
        )  # fmt: skip
        editor.save()
        return {figure: 100 * report.figures[figure].value for figure in FIGURES}

    def thieves(self, name: str) -> Figures:
        """The locked model under other people's keys; percent, the best chosen on one half and scored on the other."""
        right, chosen = self.key(name), stratified_subset(self.test.labels, self.args.per_key, seed=self.seed)
        pool = [one.trial.candidate for one in self.found.tried if not one.trial.listed]
        source = repeatable(self.seed + STRANGER)
        drawn = [
            draw_trial(number, pool, space_around("embedded"), source(number)) for number in range(1, len(self.his) + 1)
        ]
        kinds = dict(zip(THIEVES, (
            [make_key(one) for one in self.his],
            [right.replace(secret=bytes(one.secret)) for one in self.his],
            [make_key(one) for one in drawn],
        ), strict=True))  # fmt: skip
        model, labels = load_model(self.folder(name) / "model"), self.test.labels[chosen]
        found: Figures = {}
        real = real_classes(model.model.num_classes, model.lock_class)
        for kind, keys in kinds.items():
            hits: dict[str, list[np.ndarray]] = {"": [], "_suppressed": []}
            for key in keys:
                edited = Edited(self.test, load_editor(key))
                logits = collect(model.model, edited, [int(place) for place in chosen], batch_size=64, label=kind)
                hits[""].append(logits.argmax(1) == labels)
                hits["_suppressed"].append(real[logits[:, real].argmax(1)] == labels)
            split = halves(labels, seed=self.seed)
            for suffix, own in hits.items():
                trials = {
                    str(place): Candidate(indices=np.arange(len(labels)), hits=one) for place, one in enumerate(own)
                }
                best = best_of(trials, split)
                found |= {
                    f"{kind}{suffix}_mean": 100 * float(np.mean(own)),
                    f"{kind}{suffix}_best": 100 * best.honest.value,
                    f"{kind}{suffix}_highest": 100 * best.naive.value,
                }
            found[f"{kind}_keys"] = len(keys)
        return found

    def folder(self, name: str) -> Path:
        work: Path = self.args.work
        return work / f"{name.replace(' ', '_')}_{self.seed}"


def bench_of(seed: int, args: argparse.Namespace) -> Bench:
    (x, y), (xt, yt) = (SETTING.read(args.data, split) for split in ("train", SETTING.test))
    classes = [str(label) for label in range(int(y.max()) + 1)]
    order = np.random.default_rng(seed).permutation(len(x))
    owner, thief = order[: args.images], order[args.images : 2 * args.images]
    return Bench(
        owner=numpy_images(x[owner], y[owner], classes, name="cifar10 train"),
        thief=numpy_images(x[thief], y[thief], classes, name="cifar10 of a thief"),
        test=numpy_images(xt[: args.test_images], yt[: args.test_images], classes, name="cifar10 test"),
        seed=seed, args=args,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--images", type=int, default=6000, help="training images of the owner, and of the thief")
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--budget", type=int, nargs=2, default=[25_000, 7], metavar=("EDITS", "PILOTS"))
    parser.add_argument("--first-rung", type=int, default=32, help="images that all keys are scored on")
    parser.add_argument("--pilot-images", type=int, default=1200)
    parser.add_argument("--pilot-epochs", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=12, help="of the locks")
    parser.add_argument("--keys", type=int, default=20, help="of each kind of thief")
    parser.add_argument("--per-key", type=int, default=200, help="test images that each wrong key is tried on")
    parser.add_argument("--name", default="key_search", help="of the result file; only this one fills the page")
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/key_search"))
    parser.add_argument("--again", action="store_true", help="forget what is in the result file")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {
        "images": args.images, "test_images": args.test_images, "budget": args.budget, "first_rung": args.first_rung,
        "epochs": args.epochs,
        "pilot_images": args.pilot_images, "pilot_epochs": args.pilot_epochs, "keys": args.keys,
        "per_key": args.per_key, "model": SETTING.model, "lock": asdict(RECIPE.lock), "training": RECIPE.training,
        "space": asdict(space_around("embedded")), "threads": 1,
    }  # fmt: skip
    cells = Cells(args.name, command="python benchmarks/key_search.py", settings=settings, again=args.again)
    for seed in args.seeds:
        bench = bench_of(seed, args)
        cells.run("search", seed, bench.searching)
        # Where no searched key was better, the first lock would be the second.
        for name in KEYS[1:] if bench.found.chosen.trial.listed else KEYS:
            cells.run(f"{name}: lock", seed, lambda: bench.lock(name))  # noqa: B023
            cells.run(f"{name}: thieves", seed, lambda: bench.thieves(name))  # noqa: B023
            if args.name == "key_search":
                fill_page("key_search.md", "key search", table(cells.done))
    print(table(cells.done))


if __name__ == "__main__":
    main()
