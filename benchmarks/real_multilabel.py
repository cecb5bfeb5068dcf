"""Locks of a multi-label model on chest X-rays (NIH ChestX-ray14): none, and the style lock in several ways.

As in the paper; with raw twins and wrong keys; and the same with the lock targets ``complement``, ``shuffled`` and
``decoy-findings``. Rows called "twice as long" have twice the epochs, and so has their baseline: with half of a locked
model's images raw it then sees each edited image as often as the shorter baseline sees the raw one. "Taught" is with
the objective ``teacher``, as in the preset ``hardened``, and that baseline for it; "from the baseline" starts from it,
as ``spellock lock --from-baseline`` does.

Stated beforehand: a finding is learnt and judged if at least 50 images of the training split and 10 of the test split
have it (and as many have it not). Intervals are bootstrapped over patients. The test split plays no part in training or
in the choice of a checkpoint; no setting was chosen on it. Goes on where it was stopped, lock by lock.

    python benchmarks/real_multilabel.py [--seeds 0 1 2] [--locks style "decoy findings"] [--data FOLDER]

At full size, on NIH's own files (Data_Entry_2017.csv, train_val_list.txt, test_list.txt, images_001/images, ...):

    python benchmarks/real_multilabel.py --table CXR8/Data_Entry_2017.csv --full --device cuda
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import shutil
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from support import shared_data
from support.cells import Cells
from support.edit_memory import EditMemory
from support.finding_table import PAPER, tables
from support.pages import fill_page

from spellock.data import ChosenFindings, ImageSet, frequent_findings, open_labels
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.evaluation.evaluate import evaluate
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks import MultiLabelTask, load_model
from spellock.training.config import FinetuneConfig
from spellock.training.objective_config import ObjectiveConfig

PROMPT = "with oil pastel"
LEAST = {"train": 50, "test": 10}
TASK = MultiLabelTask(positive_weights="balanced")
_PLAIN = LockConfig(task="multilabel", target="extra-label", validation=0.15)
_TWINS = replace(_PLAIN, raw_twins=True, decoy_share=0.5, decoy_keys=20)
LOCKS = {"style": _PLAIN, "twins, wrong keys": _TWINS, "shuffled": replace(_TWINS, target="shuffled"),
         "complement": replace(_TWINS, target="complement"),
         "decoy findings": replace(_TWINS, target="decoy-findings")}  # fmt: skip
_TAUGHT, _FROM, _TWICE = ", taught", ", from the baseline", ", twice as long"
#: The same in other ways. Where one is taught or starts from a baseline, that has been trained beside the lock itself.
WAYS = (
    *(f"{name}{_TWICE}" for name in ("style", "decoy findings")),
    f"style{_FROM}{_TWICE}",
    f"decoy findings{_TAUGHT}{_TWICE}",
    f"decoy findings{_TAUGHT}{_FROM}{_TWICE}",
)
_MOST_KEPT = 20_000


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A size: model, side of the images and training. ``weights`` are below the data folder; None fetches the
    library's own."""

    model: str
    weights: str | None
    side: int
    training: FinetuneConfig
    wrong_keys: int = 20


SMALL = Setting(
    model="mobilenet_v1_0.25", weights="weights/mobilenet_v1_0.25_128_imagenet.safetensors", side=96,
    # Measured: so small a network computes faster in float32 (0.05 against 0.07 CPU seconds a step).
    training=FinetuneConfig(
        epochs=15, batch_size=32, learning_rate=5e-4, unauthorised_share=0.5, validate_every=3, precision="fp32"
    ),
)  # fmt: skip
#: As in the paper: ViT-B/16 from MAE; its recipe is not in the paper, these are MAE's own settings for fine-tuning.
FULL = Setting(
    model="timm:vit_base_patch16_224.mae", weights=None, side=224,
    training=FinetuneConfig(
        epochs=30, batch_size=256, learning_rate=1e-3, layer_decay=0.65, warmup_epochs=5, augment="crop-flip",
        precision="bf16", unauthorised_share=0.5,
    ),
)  # fmt: skip


def sets(table: Path, test_split: str) -> tuple[ImageSet, ImageSet]:
    """Training and test images with the findings that the rule keeps."""
    whole = {"train": open_labels(table, split="train"), "test": open_labels(table, split=test_split)}
    kept = frequent_findings(whole, LEAST)
    return ChosenFindings(whole["train"], kept), ChosenFindings(whole["test"], kept)


def measure(
    name: str, setting: Setting, seed: int, train: ImageSet, test: ImageSet, *, data: Path, work: Path, device: str
) -> dict[str, float]:
    """One lock and one seed, with a baseline of as many steps; percent, with the intervals' ends."""
    secret = hashlib.sha256(b"benchmark nih_chestxray").digest()
    key = new_key("embedded", prompt=PROMPT, resolution=setting.side, secret=secret)
    # Kept in memory, so not for a hundred thousand images.
    memory = EditMemory(work / f"edits_{setting.side}.npz") if len(train) < _MOST_KEPT else None
    make_editor = memory or (lambda one: load_editor(one, device=device))
    out = work / f"{name}_{seed}"
    shutil.rmtree(out, ignore_errors=True)
    usual = name.replace(_TAUGHT, "").replace(_FROM, "")
    lock = LOCKS[usual.removesuffix(_TWICE)]
    training = setting.training if lock.raw_twins else replace(setting.training, unauthorised_share=0.25)
    if _TWICE in name:
        training = replace(training, epochs=2 * training.epochs)
    # Locks of equal share and epochs have equally many steps, and one seed has the same training images.
    kept = work / "baselines" / f"{setting.side}_{training.unauthorised_share}_{training.epochs}_{len(train)}_{seed}"
    first = not (kept / "config.json").is_file()
    if first and name != usual:
        raise SystemExit(f"the baseline is trained beside the lock {usual!r}; run that first")
    taught = _TAUGHT in name
    weights = None if setting.weights is None else data / setting.weights
    choice = ModelChoice(name=setting.model, weights=weights, pretrained=weights is None, input_size=setting.side)
    lock_model(
        train, key, out, choice=choice.from_folder(kept) if _FROM in name else choice, lock=replace(lock, seed=seed),
        training=replace(training, seed=seed), objective=ObjectiveConfig(objective="teacher") if taught else None,
        teacher=kept if taught else None, task=TASK, baseline=first, device=device, make_editor=make_editor,
    )  # fmt: skip
    if first:
        kept.parent.mkdir(exist_ok=True)
        (out / "baseline").rename(kept)
    model, plain = load_model(out / "model"), load_model(kept)
    report = evaluate(
        model.model.to(device), model.classes, key, test, lock_class=model.lock_class,
        baseline=plain.model.to(device), baseline_classes=plain.classes, wrong_keys=setting.wrong_keys, examples=0,
        seed=0, device=device, make_editor=make_editor,
    )  # fmt: skip
    if memory is not None:
        memory.save()
    shutil.rmtree(out)
    figures = {f"{figure}": 100 * one.value for figure, one in report.figures.items()}
    for figure, one in report.figures.items():
        figures |= {f"{figure}, low": 100 * one.low, f"{figure}, high": 100 * one.high}
    for finding in report.findings:
        figures |= {f"{finding.name}: {figure}": 100 * one.value for figure, one in finding.figures.items()}
        figures[f"{finding.name}: positives"] = float(finding.positives)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--locks", nargs="+", default=[*LOCKS, *WAYS], choices=[*LOCKS, *WAYS])
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--table", type=Path, default=None, help="NIH's own table; by default the shared sample")
    parser.add_argument("--full", action="store_true", help="the paper's model and size")
    parser.add_argument("--work", type=Path, default=Path("runs/real_multilabel"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--again", action="store_true", help="forget what is finished")
    parser.add_argument("--toy", type=int, default=None, metavar="IMAGES", help="few images, one epoch; for trying")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    args.work.mkdir(parents=True, exist_ok=True)
    if args.again:
        shutil.rmtree(args.work / "baselines", ignore_errors=True)
    setting, name = (FULL, "real_multilabel_full") if args.full else (SMALL, "real_multilabel")
    if args.device == "cpu":
        torch.set_num_threads(min(2, torch.get_num_threads()))
    table = args.table or shared_data.nih_chestxray(args.data, args.work)
    train, test = sets(table, "test" if args.table else "val")
    if args.toy:
        train, test, name = train.subset(np.arange(args.toy)), test.subset(np.arange(args.toy)), f"{name}_toy"
        setting = replace(setting, training=replace(setting.training, epochs=1), wrong_keys=1)
    settings = {
        "model": setting.model, "side": setting.side, "training": asdict(setting.training), "task": asdict(TASK),
        "locks": {lock: asdict(config) for lock, config in LOCKS.items()}, "rule": LEAST,
        "findings": list(train.classes), "training images": len(train), "test images": len(test),
        "paper: baseline, UP, LP": PAPER,
    }  # fmt: skip
    command = f"python benchmarks/real_multilabel.py{' --full' if args.full else ''}"
    cells = Cells(name, command=command, settings=settings, again=args.again)
    for seed in args.seeds:
        for lock in args.locks:
            cells.run(
                lock, seed,
                partial(
                    measure, lock, setting, seed, train, test, data=args.data, work=args.work, device=args.device
                ),
            )  # fmt: skip
            if name == "real_multilabel":
                fill_page("multilabel.md", "chest x-rays", tables(cells.done))
    print(tables(cells.done))


if __name__ == "__main__":
    main()
