"""Tiers on CIFAR-10: one key for the ten classes, one that releases "animal" and "vehicle" only.

Three locks a seed, trained for as many steps: with a tier, with one whose images also learn an even spread over the
classes of their group, and without a tier. The leak is what the holder of the tier's key makes of it beyond the groups.
A small set, so that it takes minutes on one core; the same images for all seeds, which change split and training. No
wrong keys are tried. The result file and the table of docs/tiers.md are written anew after every lock, and locks
that are in them already are kept; `--seeds` without a number writes the table alone.

    python benchmarks/tiers.py [--seeds 0 1 2] [--images 1200] [--test-images 800] [--work FOLDER] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support import shared_data
from support.remembering_editor import RememberingEditor
from support.results import RESULTS, write_result

from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.report import Report
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.tiers import Tier
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks.checkpoint import load_model
from spellock.training.config import FinetuneConfig

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
VEHICLES = ("airplane", "automobile", "ship", "truck")
GROUPS = {name: "vehicle" if name in VEHICLES else "animal" for name in CLASSES}
PROMPTS = {"full": "with oil pastel", "coarse": "Watercolor painting effect"}
SPREAD = 0.3
LOCK = LockConfig(raw_twins=True)
TRAINING = FinetuneConfig(
    epochs=4, batch_size=128, optimizer="sgd", learning_rate=0.05, weight_decay=5e-4, augment="crop-flip",
    unauthorised_share=0.25,
)  # fmt: skip


DOCS = Path(__file__).resolve().parents[1] / "docs" / "tiers.md"
BEGIN, END = "<!-- results: begin", "<!-- results: end -->"
COLUMNS = {
    "up": "UP", "lp": "LP", "hardened_lp": "hardened LP", "coarse: group": "group", "coarse: group_lp": "group, no key",
    "coarse: group_hardened_lp": "group, no key, hardened", "coarse: fine_suppressed": "class, suppressed",
    "coarse: fine_centred": "class, centred", "coarse: fine_leak": "tier leak",
    "coarse: fine_known_group": "known from the group",
}  # fmt: skip


class Editors:
    """The editor of each key, with every picture edited once for all seeds and locks."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._made: dict[bytes, RememberingEditor] = {}

    def __call__(self, key: Key) -> RememberingEditor:
        secret = bytes(key.secret)
        if secret not in self._made:
            number = len(self._made)
            self._made[secret] = RememberingEditor(load_editor(key), self._work / f"tiers_edits_{number}.npz")
        return self._made[secret]

    def save(self) -> None:
        for editor in self._made.values():
            editor.save()


def run(
    arm: str, tiers: tuple[Tier, ...], key: Key, editors: Editors, train: ImageSet, test: ImageSet, seed: int,
    *, data: Path, out: Path,
) -> dict[str, Any]:  # fmt: skip
    """One lock and its figures in percent."""
    started = time.perf_counter()
    shutil.rmtree(out, ignore_errors=True)
    lock = replace(LOCK, seed=seed)
    # A tier's images double an epoch; without them it takes twice as many for as many steps.
    training = replace(TRAINING, seed=seed, epochs=TRAINING.epochs * (1 if tiers else 2))
    lock_images(train, key, out, lock, tiers=tiers, editor=editors(key), load=editors)
    editors.save()
    weights = data / "weights" / "resnet20-12fca82f.th"
    lock_model(
        train, key, out, choice=ModelChoice(name="resnet20", weights=weights, input_size=32), lock=lock, tiers=tiers,
        training=training, editor=editors(key),
    )  # fmt: skip
    model = load_model(out / "model")
    report = evaluate(
        model.model, model.classes, key, test, lock_class=model.lock_class, tiers=tiers, wrong_keys=0, examples=0,
        seed=seed, make_editor=editors,
    )  # fmt: skip
    editors.save()
    logging.info("seed %d, %s: up %.1f, %.0f s", seed, arm, 100 * report["up"], time.perf_counter() - started)
    return figures(report) | {"minutes": round((time.perf_counter() - started) / 60, 1)}


def figures(report: Report) -> dict[str, Any]:
    """Percent by name; a tier's with its name before them."""
    found: dict[str, Any] = {name: round(100 * one.value, 2) for name, one in report.figures.items()}
    for tier in report.tiers:
        found |= {f"{tier.name}: {name}": round(100 * one.value, 2) for name, one in tier.figures.items()}
        found[f"{tier.name}: fine_leak_from"] = tier.leak_from
    return found


def summary(runs: dict[str, dict[str, Any]]) -> dict[str, list[float]]:
    """Mean and standard deviation over seeds of every figure."""
    names = [name for name, value in next(iter(runs.values())).items() if isinstance(value, float)]
    columns = {name: [one[name] for one in runs.values()] for name in names}
    return {
        name: [round(float(np.mean(c)), 2), round(float(np.std(c, ddof=min(1, len(c) - 1))), 2)]
        for name, c in columns.items()
    }


def write_table() -> None:
    """Put the result file's means and deviations into docs/tiers.md."""
    document = json.loads((RESULTS / "tiers.json").read_text())
    runs = document["figures"]["runs"]
    lines = ["| lock | seeds | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 2) + "|"]
    for arm, figures in document["figures"]["mean_and_deviation"].items():
        cells = [f"{figures[name][0]:.1f} ± {figures[name][1]:.1f}" if name in figures else "" for name in COLUMNS]
        lines.append(f"| {arm} | {len(runs[arm])} | {' | '.join(cells)} |")
    page = DOCS.read_text()
    start, end = page.index(BEGIN), page.index(END)
    head = page[start:].split("\n", 1)[0]
    rows = "\n".join(lines)
    DOCS.write_text(f"{page[:start]}{head}\n{rows}\n\n{document['hardware']}, {document['date']}. {page[end:]}")


def save(runs: dict[str, dict[str, dict[str, Any]]], settings: dict[str, Any]) -> None:
    """Write the result file and the table of what is done."""
    done = {name: one for name, one in runs.items() if one}
    if done:
        summaries = {name: summary(one) for name, one in done.items()}
        seeds = sorted({int(seed) for one in done.values() for seed in one})
        figures = {"mean_and_deviation": summaries, "runs": done, "settings": settings}
        write_result("tiers", figures, seeds=seeds, command="python benchmarks/tiers.py")
        write_table()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/tiers"))
    parser.add_argument("--images", type=int, default=1200, help="training images")
    parser.add_argument("--test-images", type=int, default=800)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    (x, y), (xt, yt) = (shared_data.cifar10(args.data, split) for split in ("train", "test"))
    train = numpy_images(x[: args.images], y[: args.images], CLASSES, name="cifar10 train")
    test = numpy_images(xt[: args.test_images], yt[: args.test_images], CLASSES, name="cifar10 test")
    secrets = {name: hashlib.sha256(f"benchmark tiers {name}".encode()).digest() for name in PROMPTS}
    keys = {
        name: new_key("embedded", prompt=PROMPTS[name], resolution=32, secret=secrets[name], weave=0.0)
        for name in PROMPTS
    }
    tier = Tier(name="coarse", key=keys["coarse"], groups=GROUPS)
    arms = {"tier": (tier,), "tier, spread": (replace(tier, spread=SPREAD),), "without a tier": ()}
    editors = Editors(args.work)
    runs: dict[str, dict[str, dict[str, Any]]] = {arm: {} for arm in arms}
    settings = {"model": "resnet20", "side": 32, "training": asdict(TRAINING), "lock": asdict(LOCK), "groups": GROUPS,
                "spread": SPREAD, "images": args.images, "test_images": args.test_images}  # fmt: skip
    path = RESULTS / "tiers.json"
    before = json.loads(path.read_text())["figures"] if path.exists() else {}
    if before.get("settings") == json.loads(json.dumps(settings)):
        runs |= before["runs"]
    for seed in args.seeds:
        for number, (arm, tiers) in enumerate(arms.items()):
            if str(seed) in runs[arm]:
                continue
            out = args.work / f"{seed}_{number}"
            runs[arm][str(seed)] = run(arm, tiers, keys["full"], editors, train, test, seed, data=args.data, out=out)
            save(runs, settings)
    save(runs, settings)


if __name__ == "__main__":
    main()
