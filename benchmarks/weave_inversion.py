"""How often a thief finds the secret's tile by gradients: hardened locks of CIFAR-10 with and without a secret string.

The thief has the weights, 1,000 raw images without labels and the public editor, and knows the key prompt; nothing
leaked. Each of `--tries` begins from another tile. Accuracy is that on the other test images. Models are those that
hardening.py left in ``--work``.

    python benchmarks/weave_inversion.py [--tries 6] [--work FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support import shared_data
from support.pages import fill_page
from support.real_settings import PROMPT, SETTINGS
from support.results import write_result

from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.registry import make_attack
from spellock.attacks.view import AttackerView
from spellock.editors.presets import PRESETS, new_key
from spellock.pixels import from_uint8
from spellock.tasks.checkpoint import load_model

#: How the secret enters the edit, and the folder of the lock.
LOCKS = {"string and tile": ("string", "400_keys"), "tile alone": ("none", "400_keys_no_string")}
SETTING, UNLABELLED = SETTINGS["cifar10"], 1000


def one_try(use: str, folder: Path, images: np.ndarray, labels: np.ndarray, seed: int) -> dict[str, float]:
    """The loss where the tile ends, and the accuracy that it gives, in percent, with and without the lock class."""
    key = new_key(
        "embedded", prompt=PROMPT, resolution=SETTING.side, secret=hashlib.sha256(b"benchmark cifar10").digest(),
        weave=PRESETS["embedded"].weave, secret_use=use,
    )  # fmt: skip
    public = PublicEditor(
        name=key.editor, settings=dict(key.settings), gamma=key.gamma, resolution=key.resolution, resize=key.resize
    )
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    locked = load_model(folder)
    view = AttackerView(
        classes=int(labels.max()) + 1, unlabelled=pixels[:UNLABELLED], model=locked.model.eval(), editor=public,
        lock_class=locked.lock_class, seed=seed,
    )  # fmt: skip
    (stolen,) = make_attack("weave-inversion", {"prompt": PROMPT, "restarts": 1})(view)
    answers = stolen.predict(from_uint8(pixels[UNLABELLED:]))
    hit = answers.argmax(1).numpy() == labels[UNLABELLED:]
    return {"loss": float(stolen.found["loss"] or 0), "accuracy": 100 * float(hit.mean())}


def table(runs: dict[str, list[dict[str, float]]]) -> str:
    """Markdown: a line a lock."""
    rows = [
        "| the secret is in | tries | accuracy of the try with the lowest loss | of each try | losses |",
        "|---" * 5 + "|",
    ]
    for name, tries in runs.items():
        best = min(tries, key=lambda one: one["loss"])
        each = ", ".join(f"{one['accuracy']:.0f}" for one in tries)
        losses = ", ".join(f"{one['loss']:.1f}" for one in tries)
        rows.append(f"| {name} | {len(tries)} | {best['accuracy']:.1f} | {each} | {losses} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=6)
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/hardening"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    images, labels = SETTING.read(args.data, SETTING.test)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = images[order], labels[order]
    runs: dict[str, Any] = {}
    for name, (use, folder) in LOCKS.items():
        model = args.work / folder / "cifar10_0" / "model"
        runs[name] = [one_try(use, model, images, labels, seed) for seed in range(args.tries)]
        print(name, runs[name], flush=True)
    figures = {"runs": runs, "unlabelled": UNLABELLED, "scored": len(images) - UNLABELLED}
    write_result(
        "weave_inversion", figures, seeds=list(range(args.tries)), command="python benchmarks/weave_inversion.py"
    )
    note = f"Percent of {len(images) - UNLABELLED} test images; chance 10."
    fill_page("attacks/input-side.md", "weave inversion", f"{table(runs)}\n\n{note}")


if __name__ == "__main__":
    main()
