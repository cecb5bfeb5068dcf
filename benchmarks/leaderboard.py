"""The leaderboard: the report card of every kind of lock, on one data set, one small result file a lock.

Data, networks and epochs are those of real_results.py; the thief's images are in no locked set. A lock that has its
file is skipped, and what is left of an interrupted one goes on.

    python benchmarks/leaderboard.py [--set cifar10] [--locks NAME ...] [--card standard] [--again] [--images N]
"""

from __future__ import annotations

import argparse
import logging
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from attacks import SPARE
from support import shared_data
from support.board_locks import LOCKS, SECRET, BoardLock
from support.board_table import BOARD, board_table, small
from support.pages import fill_page
from support.real_settings import SETTINGS, Setting
from support.results import write_result

from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.evaluation.card import Card
from spellock.evaluation.card_plans import PLANS, card_plan, every_course
from spellock.evaluation.measure_card import measure_card
from spellock.evaluation.measure_weight_card import measure_weight_card
from spellock.evaluation.write_card import write_card
from spellock.key import Key
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.recipes.presets import get_preset
from spellock.tasks.checkpoint import load_model
from spellock.tasks.pixel_model import PixelModel
from spellock.training.augment import MIRRORING
from spellock.weightlocks.locking import lock_module

#: Sets without public weights of their own start from CIFAR-10's, which then are the thief's control as well.
PUBLIC = "weights/resnet20-12fca82f.th"


class Board:
    """One data set: images, the network, the baseline, and a card for each lock."""

    def __init__(self, name: str, args: argparse.Namespace) -> None:
        self.name, self.args, setting = name, args, SETTINGS[name]
        if setting.weights is None:
            setting = replace(setting, weights=PUBLIC)
        self.setting: Setting = setting
        self.work: Path = args.work / name
        self.work.mkdir(parents=True, exist_ok=True)
        arrays = {"train": setting.read(args.data, "train"), "test": setting.read(args.data, setting.test)}
        if name in SPARE:
            arrays["spare"] = setting.read(args.data, SPARE[name])
        self.classes = [str(label) for label in range(int(arrays["train"][1].max()) + 1)]
        limits = {"train": args.images, "test": args.test_images, "spare": args.test_images}
        draw = np.random.default_rng(args.seed)
        self.sets: dict[str, ImageSet] = {}
        for split, (x, y) in arrays.items():
            keep = draw.permutation(len(x))[: limits[split]]
            self.sets[split] = numpy_images(x[keep], y[keep], self.classes, name=f"{name} {split}")
        weights = None if setting.weights is None else args.data / setting.weights
        self.choice = ModelChoice(name=setting.model, weights=weights, input_size=setting.side)
        self.training = setting.training if args.epochs is None else replace(setting.training, epochs=args.epochs)

    def card(self, lock: str, entry: BoardLock) -> Card:
        """The card of one lock, trained where it is not yet."""
        shared: dict[str, Any] = {
            "plan_name": self.args.card, "spare": self.sets.get("spare"), "public": self.public(),
            "work": self.work / lock / "attacks", "seed": self.args.seed, "title": f"{lock} on {self.name}",
            "mirrored": self.training.augment in MIRRORING,
        }  # fmt: skip
        test, plan = self.sets["test"], card_plan(self.args.card)
        if self.args.attacks:
            courses = every_course() if plan.courses is None else plan.courses
            plan = replace(plan, courses=tuple(one for one in courses if one.attack in self.args.attacks), wrong_keys=2)
        if entry.make_key is None:
            keyed = load_model(self.baseline()).model
            key = lock_module(keyed.network, secret=SECRET)
            return measure_weight_card(
                keyed.eval(), self.classes, key, test, plan, baseline=load_model(self.baseline()).model, **shared
            )
        key_ = entry.make_key(self.setting.side, self.work)
        model = load_model(self.trained(lock, entry, key_) / "model")
        return measure_card(
            model.model, model.classes, key_, test, plan, lock_class=model.lock_class,
            baseline=load_model(self.baseline()).model, **shared,
        )  # fmt: skip

    def trained(self, lock: str, entry: BoardLock, key: Key) -> Path:
        """The folder that the lock is made in; making it goes on where it was stopped."""
        out, preset = self.work / lock, get_preset(entry.preset)
        if (out / "trained").is_file():
            return out
        start = self.baseline() if entry.from_baseline else None
        choice = self.choice if start is None else ModelChoice(name=str(start), input_size=self.setting.side)
        share: dict[str, Any] = {
            "unauthorised_share": preset.training.unauthorised_share,
            "alone_share": preset.training.alone_share,
        }
        lock_model(
            self.sets["train"], key, out, choice=choice, lock=replace(preset.lock, seed=self.args.seed),
            training=replace(self.training, **share, seed=self.args.seed), objective=preset.objective, teacher=start,
        )  # fmt: skip
        (out / "trained").touch()  # without the locked set, which is large, it would be made again
        shutil.rmtree(out / "locked_set", ignore_errors=True)
        return out

    def baseline(self) -> Path:
        """The same fine-tuning without a lock, once for all of them."""
        out = self.work / "baseline"
        if not (out / "config.json").is_file():
            key = LOCKS["patch"].make_key
            assert key is not None
            made = self.work / "for_baseline"
            training = replace(self.training, seed=self.args.seed, unauthorised_share=None)
            lock_model(
                self.sets["train"], key(self.setting.side, self.work), made, choice=self.choice,
                lock=replace(get_preset("modellock").lock, seed=self.args.seed), training=training, baseline=True,
            )  # fmt: skip
            (made / "baseline").rename(out)
            shutil.rmtree(made)
        return out

    def public(self) -> PixelModel | None:
        """Public weights for the control; of another set's classes they come with a fresh classifier."""
        return None if self.setting.weights is None else self.choice.create(len(self.classes), seed=self.args.seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", default="cifar10", choices=sorted(SETTINGS))
    parser.add_argument("--locks", nargs="+", default=list(LOCKS), choices=list(LOCKS), metavar="NAME")
    parser.add_argument("--card", default="standard", choices=list(PLANS))
    parser.add_argument("--again", action="store_true", help="also what has its result file")
    parser.add_argument("--images", type=int, default=None, help="training images, for a try: writes no result")
    parser.add_argument("--test-images", type=int, default=None, help="test and thief's images, for a try")
    parser.add_argument("--epochs", type=int, default=None, help="for a try")
    parser.add_argument("--attacks", nargs="+", default=None, metavar="NAME", help="these alone, for a try")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/leaderboard"))
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(2)
    a_try = any(value is not None for value in (args.images, args.test_images, args.epochs, args.attacks))
    if a_try:
        args.work = args.work / "try"
    board = Board(args.set, args)
    for lock in args.locks:
        if (BOARD / args.set / f"{lock}.json").exists() and not args.again and not a_try:
            continue
        card = board.card(lock, LOCKS[lock])
        page = write_card(card, board.work / lock)
        print(f"{lock}: {card.summary()} {page}", flush=True)
        if a_try:
            continue
        (BOARD / args.set).mkdir(parents=True, exist_ok=True)
        settings = {"card": args.card, "preset": LOCKS[lock].preset, "what": LOCKS[lock].what,
                    "model": board.setting.model, "training": asdict(board.training)}  # fmt: skip
        write_result(
            f"leaderboard/{args.set}/{lock}", small(card.to_dict()) | {"settings": settings}, seeds=[args.seed],
            command=f"python benchmarks/leaderboard.py --set {args.set} --locks {lock}", show=False,
        )  # fmt: skip
        fill_page("leaderboard.md", args.set, board_table(args.set))
    print(board_table(args.set))


if __name__ == "__main__":
    main()
