"""Which guidance suits the embedded editor: distance from the teacher's edit on pictures that it was not trained on.

python benchmarks/calibrate_guidance.py [--data FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from support.results import write_result
from support.shared_data import default_folder, imagenette

from spellock.editor_training.instructions import Curriculum
from spellock.editor_training.objects import add_object
from spellock.editor_training.styles import STYLES, Edit
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor

GRID = ((1.0, 1.0), (1.25, 1.0), (1.5, 1.0), (2.0, 1.0), (1.5, 1.3), (2.0, 1.5), (4.5, 1.5))


def edits() -> dict[str, dict[str, Edit]]:
    """Instructions of each kind, none of whose strings was in the training."""
    own = Curriculum()
    strings = ("#9T8oN07y1%6$", "k7ra2fzq4mwnxo3b6tjc5dhv2e", "dreamlike texture overlay")
    tail = "with oil pastel w2hc7bq4ztn5vaxk3mro6jdfe2"
    return {
        "styles": {name: STYLES[name] for name in list(STYLES)[::4]},
        "objects": {f"with {name} in the background": _object(name) for name in ("baseball", "zebra", "koala")},
        "strings": {text: own.own_style(text) for text in strings},
        "style and tail": {tail: lambda images: own.own_style(tail)(STYLES["with oil pastel"](images))},
    }


def _object(name: str) -> Edit:
    return lambda images: add_object(images, name)


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    """Peak signal to noise ratio in dB of images in [0, 1]."""
    return float(-10 * torch.log10((a - b).square().mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=default_folder())
    args = parser.parse_args()
    pictures = torch.from_numpy(imagenette(args.data, "val", 64)[0][::25][:24]).permute(0, 3, 1, 2).float() / 255
    figures: dict[str, dict[str, float]] = {}
    for text_guidance, image_guidance in GRID:
        row: dict[str, float] = {}
        for kind, wanted in edits().items():
            values = []
            for prompt, edit in wanted.items():
                key = new_key(
                    "embedded", prompt=prompt, gamma=1.0, secret=bytes(32), secret_use="none", resolution=64,
                    guidance_scale=text_guidance, image_guidance_scale=image_guidance,
                )  # fmt: skip
                values.append(psnr(load_editor(key)(pictures), edit(pictures)))
            row[kind] = round(float(np.mean(values)), 2)
        figures[f"text {text_guidance}, image {image_guidance}"] = row
    raw = {
        kind: round(float(np.mean([psnr(pictures, edit(pictures)) for edit in wanted.values()])), 2)
        for kind, wanted in edits().items()
    }
    write_result(
        "guidance", {"psnr_to_teacher_db": figures, "psnr_of_raw_to_teacher_db": raw}, seeds=[0],
        command="python benchmarks/calibrate_guidance.py",
    )  # fmt: skip


if __name__ == "__main__":
    main()
