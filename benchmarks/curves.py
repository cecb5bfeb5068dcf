"""Figure 5 of the paper: UP and LP against the blend gamma and against the edited share alpha.

On GTSRB with a ResNet-20, the paper's way of locking (new class, plain drawing, no raw twins), and beside it
balanced drawing with raw twins. Each picture is edited once; gamma only blends.

    python benchmarks/curves.py [--data FOLDER] [--work FOLDER] [--seed 0]
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from real_results import EDITS, PROMPT, SETTINGS
from support import shared_data
from support.remembering_editor import RememberingEditor
from support.results import RESULTS, write_result

from spellock.data.memory import numpy_images
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.evaluation.evaluate import evaluate
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks.checkpoint import load_model

GAMMAS = (0.1, 0.3, 0.5, 0.7, 0.9)
ALPHAS = (0.5, 0.8, 0.95, 0.99)
Row = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/curves"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    setting = SETTINGS["gtsrb"]
    x, y = setting.read(args.data, "train")
    xt, yt = setting.read(args.data, setting.test)
    classes = [str(label) for label in range(int(y.max()) + 1)]
    train = numpy_images(x, y, classes, name="train")
    test = numpy_images(xt, yt, classes, name="test")
    secret = hashlib.sha256(b"benchmark gtsrb").digest()
    for folder in (args.work, EDITS):
        folder.mkdir(parents=True, exist_ok=True)
    cache = EDITS / "gtsrb_edits.npz"

    def point(gamma: float, alpha: float, *, paper: bool) -> Row:
        key = new_key("embedded", prompt=PROMPT, resolution=setting.side, secret=secret, weave=0.0, gamma=gamma)
        editor = RememberingEditor(load_editor(key), cache)
        training = replace(
            setting.training, seed=args.seed, epochs=args.epochs, unauthorised_share=None if paper else 0.25
        )
        lock = LockConfig(edited_fraction=alpha, raw_twins=not paper, seed=args.seed)
        out = args.work / "point"
        shutil.rmtree(out, ignore_errors=True)
        choice = ModelChoice(name=setting.model, input_size=setting.side)
        lock_model(train, key, out, choice=choice, lock=lock, training=training, editor=editor)
        model = load_model(out / "model")
        report = evaluate(
            model.model,
            model.classes,
            key,
            test,
            lock_class=model.lock_class,
            wrong_keys=0,
            make_editor=lambda _: editor,
        )
        editor.save()
        names = ("up", "lp", "lp_suppressed", "lp_centred")
        return {"gamma": gamma, "alpha": alpha} | {name: round(100 * report[name], 2) for name in names}

    rows = {
        "gamma, the paper's way": [point(gamma, 0.95, paper=True) for gamma in GAMMAS],
        "alpha, the paper's way": [point(0.5, alpha, paper=True) for alpha in ALPHAS],
        "gamma, raw twins": [point(gamma, 0.95, paper=False) for gamma in GAMMAS],
    }
    _plot(rows)
    settings = {"data": "GTSRB", "model": setting.model, "epochs": args.epochs}
    write_result(
        "curves", rows | settings, seeds=[args.seed], command=f"python benchmarks/curves.py --epochs {args.epochs}"
    )


def _plot(rows: dict[str, list[Row]]) -> None:
    figure, axes = plt.subplots(1, len(rows), figsize=(4.2 * len(rows), 3.2), sharey=True)
    for axis, (title, points) in zip(axes, rows.items(), strict=True):
        against = title.split(",")[0]
        for name, style in (("up", "o-"), ("lp", "s-"), ("lp_suppressed", "^--")):
            axis.plot([point[against] for point in points], [point[name] for point in points], style, label=name)
        axis.set_title(title)
        axis.set_xlabel(against)
        axis.set_ylim(0, 100)
    axes[0].set_ylabel("accuracy, %")
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(RESULTS / "curves.png", dpi=110)


if __name__ == "__main__":
    main()
