"""Figure 5 of the paper: UP and LP against the blend gamma and against the edited share alpha.

On GTSRB with a ResNet-20, the paper's way of locking (new class, plain drawing, no raw twins), and beside it
balanced drawing with raw twins. Each picture is edited once; gamma only blends. Finished cells are kept: it goes on
where it was stopped.

    python benchmarks/curves.py [--seeds 0 1 2] [--data FOLDER] [--work FOLDER] [--again]
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from real_results import EDITS
from support import shared_data
from support.cells import Cells, Figures
from support.real_settings import PROMPT, SETTINGS
from support.remembering_editor import RememberingEditor
from support.results import RESULTS

from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.evaluation.evaluate import evaluate
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks.checkpoint import load_model

SETTING = SETTINGS["gtsrb"]
GAMMAS = (0.1, 0.3, 0.5, 0.7, 0.9)
ALPHAS = (0.5, 0.8, 0.95, 0.99)
NAMES = ("up", "lp", "lp_suppressed", "lp_centred")


@dataclass(frozen=True)
class Point:
    """A lock of a curve: the paper's way, or with raw twins."""

    gamma: float
    alpha: float
    paper: bool = True

    @property
    def cell(self) -> str:
        """Its name in the result file."""
        return f"gamma {self.gamma}, alpha {self.alpha}, {'the paper' if self.paper else 'raw twins'}"


#: Title of a curve: what changes along it, and its points. Two curves may share one.
CURVES: dict[str, tuple[str, list[Point]]] = {
    "gamma, the paper's way": ("gamma", [Point(gamma, 0.95) for gamma in GAMMAS]),
    "alpha, the paper's way": ("alpha", [Point(0.5, alpha) for alpha in ALPHAS]),
    "gamma, raw twins": ("gamma", [Point(gamma, 0.95, paper=False) for gamma in GAMMAS]),
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all points share."""

    train: ImageSet
    test: ImageSet
    epochs: int
    work: Path

    def measure(self, point: Point, seed: int) -> Figures:
        """One lock, trained and evaluated; percent."""
        key = new_key(
            "embedded", prompt=PROMPT, resolution=SETTING.side, weave=0.0, gamma=point.gamma,
            secret=hashlib.sha256(b"benchmark gtsrb").digest(),
        )  # fmt: skip
        editor = RememberingEditor(load_editor(key), EDITS / "gtsrb_edits.npz")
        share = None if point.paper else 0.25
        training = replace(SETTING.training, seed=seed, epochs=self.epochs, unauthorised_share=share)
        lock = LockConfig(edited_fraction=point.alpha, raw_twins=not point.paper, seed=seed)
        out = self.work / "point"
        shutil.rmtree(out, ignore_errors=True)
        choice = ModelChoice(name=SETTING.model, input_size=SETTING.side)
        lock_model(self.train, key, out, choice=choice, lock=lock, training=training, editor=editor)
        model = load_model(out / "model")
        report = evaluate(
            model.model, model.classes, key, self.test, lock_class=model.lock_class, wrong_keys=0,
            make_editor=lambda _: editor,
        )  # fmt: skip
        editor.save()
        return {name: 100 * report[name] for name in NAMES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/curves"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=11)
    parser.add_argument("--again", action="store_true", help="measure finished cells again")
    args = parser.parse_args()
    torch.set_num_threads(1)
    sets = {name: SETTING.read(args.data, name) for name in ("train", SETTING.test)}
    classes = [str(label) for label in range(int(sets["train"][1].max()) + 1)]
    for folder in (args.work, EDITS):
        folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(
        train=numpy_images(*sets["train"], classes, name="train"),
        test=numpy_images(*sets[SETTING.test], classes, name="test"), epochs=args.epochs, work=args.work,
    )  # fmt: skip
    settings = {"data": "GTSRB", "model": SETTING.model, "epochs": args.epochs}
    cells = Cells("curves", command="python benchmarks/curves.py", settings=settings, again=args.again)
    for seed in args.seeds:
        for _, points in CURVES.values():
            for point in points:
                cells.run(point.cell, seed, lambda: bench.measure(point, seed))  # noqa: B023
    plot(cells.done)


def plot(done: Mapping[str, Mapping[str, Figures]]) -> None:
    """A panel a curve: means over the seeds, bars of one standard deviation where there are several."""
    figure, axes = plt.subplots(1, len(CURVES), figsize=(4.2 * len(CURVES), 3.4), sharey=True)
    for axis, (title, (against, points)) in zip(axes, CURVES.items(), strict=True):
        for name, style in (("up", "o-"), ("lp", "s-"), ("lp_suppressed", "^--")):
            runs = [[run[name] for run in done[point.cell].values()] for point in points]
            spread = [stdev(values) if len(values) > 1 else 0 for values in runs]
            places = [getattr(point, against) for point in points]
            axis.errorbar(places, [mean(values) for values in runs], spread, fmt=style, capsize=2, label=name)
        axis.set(title=title, xlabel=against, ylim=(0, 100))
    seeds = {seed for runs in done.values() for seed in runs}
    axes[0].set_ylabel(f"accuracy, %, {len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'}")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(RESULTS / "curves.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
