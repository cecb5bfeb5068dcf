"""Locks on real detection sets, as in ModelLock's Table 3: none and a style lock, UP, LP, lock category dropped.

Nuclei: Mask R-CNN, blood cells (BCCD): Faster R-CNN, both at 256 px on a small backbone. Lock targets: the paper's box
in the centre, and nothing, each with images under wrong keys as decoys and without; the objects of another image, and
objects where the texture says. Half of a locked model's images are raw, so in as many steps it sees an edited image
half as often as the baseline sees the raw one; rows called "twice as long" make that equal. Rows called "from the
baseline" start from that trained model, as ``spellock lock --from-baseline`` does, for as many steps again.

The backbone's ImageNet weights come from a local file. Locks of one seed share the baseline, which is trained once;
wrong keys and halves of the test images are the same for all locks and seeds, and each picture is edited once a key.
What is finished is kept, edits too, so the command may be stopped and run again.
``--toy`` takes few images and steps and writes no result: it shows that everything runs.

    python benchmarks/real_detection.py nuclei bccd [--seeds 0 1 2] [--locks centre-box decoy-boxes] [--toy]
    python benchmarks/real_detection.py cityscapes --folder FOLDER --weights FILE --device cuda
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from support import shared_data
from support.box_table import tables
from support.cells import Cells, Figures
from support.edit_memory import EditMemory
from support.pages import fill_page

from spellock.data.image_set import ImageSet
from spellock.data.open_boxes import open_boxes
from spellock.editors.base import Editor
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.write_report import write_report
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks.checkpoint import load_model
from spellock.training.config import FinetuneConfig

_LOCK = LockConfig(task="detection", target="centre-box", raw_twins=True, validation=0.1, on_error="skip")
LOCKS = {
    "centre-box": _LOCK,
    "centre-box, wrong keys": replace(_LOCK, decoy_share=0.5, decoy_keys=20),
    "nothing, wrong keys": replace(_LOCK, target="nothing", decoy_share=0.5, decoy_keys=20),
    **{target: replace(_LOCK, target=target) for target in ("nothing", "other-boxes", "decoy-boxes")},
}
_TWICE, _FROM = ", twice as long", ", from the baseline"
LOCKS |= {f"{name}{_TWICE}": LOCKS[name] for name in ("centre-box", "nothing, wrong keys")}
LOCKS |= {f"{name}{_FROM}": LOCKS[name] for name in ("centre-box", "nothing, wrong keys")}
PROMPT = "with oil pastel"
#: Sets whose tables are in the docs.
FILLS = ("nuclei", "bccd")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One data set: archive, detector, its weights, side of the edit and of the detector, epochs, images a step."""

    archive: str | None
    model: str
    weights: str | None
    side: int
    epochs: int
    batch: int = 8
    rate: float = 5e-4
    split: str = "val"


SETTINGS = {
    "nuclei": Setting(
        archive="nuclei/nuclei_coco.zip",
        model="maskrcnn_mobilenet_v1_0.5",
        weights="mobilenet_v1_0.5_160_imagenet.safetensors",
        side=256,
        epochs=20,
    ),
    "bccd": Setting(
        archive="bccd/bccd_voc.zip",
        model="fasterrcnn_mobilenet_v1_0.5",
        weights="mobilenet_v1_0.5_160_imagenet.safetensors",
        side=256,
        epochs=20,
    ),
    # The paper's own: Mask R-CNN from COCO weights (give --weights), Cityscapes as it is handed out, or as COCO json.
    "cityscapes": Setting(
        archive=None, model="maskrcnn_resnet50", weights=None, side=1024, epochs=24, batch=2, rate=1e-4
    ),
}


def sets(name: str, setting: Setting, args: argparse.Namespace) -> tuple[ImageSet, ImageSet]:
    """Training and test images; archives are unpacked once."""
    folder = args.folder if setting.archive is None else args.work / "data" / name
    if folder is None:
        raise SystemExit(f"{name} needs --folder, a folder with leftImg8bit and gtFine in it")
    if setting.archive is not None and not folder.is_dir():
        zipfile.ZipFile(args.data / setting.archive).extractall(folder)
    train, test = (open_boxes(folder, split=split, on_error="skip") for split in ("train", setting.split))
    return (train.subset(range(24)), test.subset(range(8))) if args.toy else (train, test)


def edits_of(name: str, setting: Setting, args: argparse.Namespace) -> Callable[[Key], Editor]:
    """Brings the editor of a key; edits are kept where they fit into memory, which thousands of large ones do not."""
    if setting.archive is None:
        return lambda key: load_editor(key, device=args.device)
    return EditMemory(args.work / f"{name}_{setting.side}_edits.npz")


def measure(
    name: str, setting: Setting, lock: str, seed: int, key: Key, data: tuple[ImageSet, ImageSet],
    make_editor: Callable[[Key], Editor], args: argparse.Namespace,
) -> Figures:  # fmt: skip
    """One lock and its figures in percent; the baseline is made with the first."""
    train, test = data
    out = args.work / f"{name}_{seed}_{lock.replace(', ', '_').replace(' ', '_')}"
    weights = args.weights or (None if setting.weights is None else args.data / "weights" / setting.weights)
    epochs = 1 if args.toy else setting.epochs * (2 if lock.endswith(_TWICE) else 1)
    training = FinetuneConfig(
        epochs=epochs, batch_size=setting.batch, learning_rate=setting.rate, unauthorised_share=0.5,
        validate_every=max(1, epochs // 4), warmup_epochs=min(1, epochs), seed=seed,
    )  # fmt: skip
    plain = args.work / f"{name}_{seed}_baseline"
    first = not (plain / "config.json").is_file()
    if first and lock.endswith((_TWICE, _FROM)):
        usual = lock.removesuffix(_TWICE).removesuffix(_FROM)
        raise SystemExit(f"the baseline is trained beside the lock {usual!r}; run that first")
    choice = ModelChoice(name=setting.model, weights=weights, input_size=setting.side)
    lock_model(
        train, key, out,
        choice=choice.from_folder(plain) if lock.endswith(_FROM) else choice,
        lock=replace(LOCKS[lock], seed=seed),
        training=training, baseline=first, device=args.device, make_editor=make_editor,
    )  # fmt: skip
    if first:
        (out / "baseline").rename(plain)
    locked, baseline = load_model(out / "model"), load_model(plain)
    report = evaluate(
        locked.model.to(args.device), locked.classes, key, test, lock_class=locked.lock_class,
        baseline=baseline.model.to(args.device), baseline_classes=baseline.classes,
        wrong_keys=2 if args.toy else 8, wrong_key_images=20, seed=0, device=args.device, make_editor=make_editor,
    )  # fmt: skip
    if isinstance(make_editor, EditMemory):
        make_editor.save()
    write_report(report, out / "report", title=f"{name}, {lock}")
    return {figure: 100 * one.value for figure, one in report.figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=SETTINGS)
    parser.add_argument("--locks", nargs="+", choices=list(LOCKS), default=list(LOCKS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument(
        "--folder", type=Path, default=None, help="of the set, for cityscapes: leftImg8bit and gtFine, or COCO json"
    )
    parser.add_argument("--weights", type=Path, default=None, help="weights in place of the setting's own")
    parser.add_argument("--work", type=Path, default=Path("runs/detection"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--again", action="store_true", help="forget finished cells")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("faster_coco_eval").setLevel(logging.WARNING)  # prints a table a figure
    torch.set_num_threads(1 if args.device == "cpu" else torch.get_num_threads())
    args.work = args.work / "toy" if args.toy else args.work
    args.work.mkdir(parents=True, exist_ok=True)
    for name in args.names:
        setting = SETTINGS[name]
        for unwanted in args.work.glob(f"{name}_[0-9]_*") if args.again or args.toy else ():
            if unwanted.is_dir():
                shutil.rmtree(unwanted)
        data = sets(name, setting, args)
        setting = replace(setting, side=96) if args.toy else setting
        secret = hashlib.sha256(f"benchmark detection {name}".encode()).digest()
        key = new_key("embedded", prompt=PROMPT, resolution=setting.side, secret=secret)
        make_editor = edits_of(name, setting, args)
        if args.toy:
            for lock in args.locks:
                print(json.dumps({lock: measure(name, setting, lock, 0, key, data, make_editor, args)}, indent=1))
            continue
        settings: dict[str, Any] = {**asdict(setting), "images": len(data[0]), "test_images": len(data[1])}
        command = f"python benchmarks/real_detection.py {name}"
        cells = Cells(f"real_detection_{name}", command=command, settings=settings, again=args.again)
        for seed in args.seeds:
            for lock in args.locks:
                cells.run(lock, seed, partial(measure, name, setting, lock, seed, key, data, make_editor, args))
                if name in FILLS:
                    fill_page("detection.md", name, tables(cells.done))
        print(tables(cells.done))


if __name__ == "__main__":
    main()
