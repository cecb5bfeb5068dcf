"""Where UP is lost between the baseline and the lock of real_results.py: to the edit, to the lock, to arithmetic.

The same fine-tuning, from the same weights, last epoch, none held out: on raw images, on edited ones alone, on edited
ones with their raw twins as lock class, and that with the first model as teacher; the last also in bfloat16, for
twice as long, and on nine tenths of the images (which is what validation and the lock subset leave). Accuracy on test
images, raw for the first and edited for the others.

    python benchmarks/up_gap.py [NAME ...] [--ways WAY ...] [--seeds 0]
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from real_results import EDITS
from support import shared_data
from support.cells import Cells, Figures, over_seeds
from support.pages import fill_page
from support.real_settings import PROMPT, SETTINGS, Setting
from support.remembering_editor import RememberingEditor

from spellock.editors.base import Editor
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.tasks.checkpoint import load_model, save_model
from spellock.tasks.classification import Classification
from spellock.tasks.models import create_model
from spellock.tasks.pixel_model import PixelModel
from spellock.training.finetune import finetune
from spellock.training.guidance import Guidance
from spellock.training.objectives import make_objective

WAYS: dict[str, dict[str, Any]] = {
    "raw images": {},
    "edited images alone": {},
    "with raw twins": {},
    "with raw twins and teacher": {},
    "the same in bfloat16": {"precision": "bf16"},
    "the same, twice as long": {"length": 2},
    "the same, 90 % of the images": {"share": 0.9},
}
TABLE = "| data | " + " | ".join(WAYS) + " |"


def squashed(editor: Editor, images: np.ndarray) -> np.ndarray:
    """uint8 (N, R, R, 3) at the key's size."""
    return np.stack([editor.prepare(Image.fromarray(image)) for image in images])


def accuracy(model: PixelModel, images: np.ndarray, labels: np.ndarray) -> float:
    """Percent right, lock class included."""
    hits = 0
    with torch.inference_mode():
        for start in range(0, len(images), 200):
            batch = torch.from_numpy(images[start : start + 200]).permute(0, 3, 1, 2).float() / 255
            hits += int((model(batch).argmax(1).numpy() == labels[start : start + 200]).sum())
    return 100 * hits / len(images)


def measure(name: str, setting: Setting, way: str, seed: int, data: Path, work: Path) -> Figures:
    """One fine-tuning; percent on the test images."""
    changes = WAYS[way]
    x, y = setting.read(data, "train")
    xt, yt = setting.read(data, setting.test)
    classes = int(y.max()) + 1
    keep = np.random.default_rng(seed).permutation(len(x))[: round(changes.get("share", 1) * len(x))]
    key = new_key(
        "embedded",
        prompt=PROMPT,
        resolution=setting.side,
        secret=hashlib.sha256(f"benchmark {name}".encode()).digest(),
        weave=0.0,
    )
    editor = RememberingEditor(load_editor(key), EDITS / f"{name}_edits.npz")
    x, y, xt = squashed(editor, x[keep]), y[keep], squashed(editor, xt)
    locked = "twins" in way or "same" in way
    edit = way != "raw images"
    images = editor.edit_uint8(x) if edit else x
    labels, authorised = y, np.ones(len(x), dtype=np.bool_)
    if locked:
        images, labels = np.concatenate([images, x]), np.concatenate([y, np.full(len(y), classes)])
        authorised = np.arange(len(images)) < len(x)
    outputs = classes + locked
    model = create_model(
        setting.model,
        num_classes=outputs,
        weights=None if setting.weights is None else data / setting.weights,
        input_size=setting.side,
        seed=seed,
    )
    teacher = work / f"{name}_{seed}"
    guidance = None
    if locked and way != "with raw twins":
        guidance = Guidance(
            objective=make_objective("teacher"),
            teacher=load_model(teacher).model,
            images=images,
            places=np.where(authorised, np.arange(len(images)) + len(x), -1) if locked else np.arange(len(x)),
            columns=tuple(range(classes)),
        )
    training = replace(
        setting.training,
        epochs=setting.training.epochs * changes.get("length", 1),
        precision=changes.get("precision", "fp32"),
        unauthorised_share=setting.training.unauthorised_share if locked else None,
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as out:
        finetune(
            model, images, labels, Classification(num_classes=outputs), training, Path(out),
            authorised=authorised if locked else None, guidance=guidance,
        )  # fmt: skip
    if way == "raw images":
        save_model(model, teacher, classes=[str(label) for label in range(classes)], lock_class=None, overwrite=True)
    found = {"accuracy": accuracy(model, editor.edit_uint8(xt) if edit else xt, yt)}
    editor.save()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["imagenette"], metavar="NAME", help=", ".join(SETTINGS))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), metavar="WAY", help=", ".join(WAYS).replace("%", "%%"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/up_gap"))
    parser.add_argument("--again", action="store_true", help="forget what is in the result file")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    cells = Cells("up_gap", command="python benchmarks/up_gap.py", settings={"ways": WAYS}, again=args.again)
    for name in args.names:
        for seed in args.seeds:
            for way in args.ways:
                setting = SETTINGS[name]
                cells.run(
                    f"{name}, {way}",
                    seed,
                    lambda: measure(name, setting, way, seed, args.data, args.work),  # noqa: B023
                )
    rows = [TABLE, "|---" * (len(WAYS) + 1) + "|"]
    for name in sorted({cell.split(", ")[0] for cell in cells.done}):
        row = [over_seeds(cells.done.get(f"{name}, {way}", {}), "accuracy") for way in WAYS]
        rows.append(f"| {name} | {' | '.join(row)} |")
    print(*rows, sep="\n")
    fill_page("objectives.md", "up gap", "\n".join(rows))


if __name__ == "__main__":
    main()
