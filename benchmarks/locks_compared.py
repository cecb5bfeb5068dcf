"""Table 5 of the paper: seven locks on one data set, and why small patches lock nothing there.

On Imagenette at 64 px with a MobileNetV1 pretrained on ImageNet, locked the paper's way: 95 % of the training images
edited, 5 % raw with one new label, plain drawing. Every lock is trained with and without the cropping and erasing that
is usual after ImageNet, and tested on whole images and on their central 7/8 (Resize 256, CenterCrop 224).

    python benchmarks/locks_compared.py [--seeds 0 1 2] [--only TEXT ...] [--data FOLDER] [--work FOLDER] [--again]
    python benchmarks/locks_compared.py --full --device cuda --model vit [--images FOLDER] [--editor FOLDER]
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import torch
from support import shared_data
from support.cells import Cells, Figures
from support.full_size import SIDE, add_arguments, full_trial
from support.imagenette_trial import CPU_SIDE, cpu_trial
from support.locks_grid import SECRET, Cell, grid, make_key, patch_in_view
from support.locks_tables import IN_VIEW, PATCHES, patch_table, plot, table5
from support.remembering_editor import RememberingEditor, edits_file
from support.trial import CentreCropped, Trial

from spellock.editors.base import Editor
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.key import Key

PROMPT = "with oil pastel"
#: Share of unauthorised images in each batch of the cells with raw twins.
TWINS_SHARE = 0.25


def measure(trial: Trial, cell: Cell, key: Key, editor: Editor, seed: int) -> Figures:
    """UP, LP and the keyless figures on whole images and on their centres."""
    trial = trial.with_training(augment=cell.augment)
    if cell.twins:
        trial = replace(
            trial.with_training(unauthorised_share=TWINS_SHARE), lock=replace(trial.lock, raw_twins=True)
        )  # fmt: skip
    model = trial.unlocked(key, seed=seed) if cell.lock == "none" else trial.locked(key, editor, seed=seed)
    found: Figures = {}
    for view, seen in (("whole", model), ("centre", CentreCropped(model))):
        figures = trial.figures(seen, key, editor)
        if cell.lock == "none":
            figures = {"up": figures["lp"], "lp": figures["lp"]}
        found |= {f"{view}_{name}": value for name, value in figures.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="cells whose names contain one of them")
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/locks_compared"))
    parser.add_argument("--again", action="store_true", help="measure finished cells again")
    add_arguments(parser)
    args = parser.parse_args()
    torch.set_num_threads(1 if args.device == "cpu" else torch.get_num_threads())
    args.work.mkdir(parents=True, exist_ok=True)
    trial, side = (full_trial(args), SIDE) if args.full else (cpu_trial(args.data, args.work), CPU_SIDE)

    @cache
    def diffusion() -> Key:
        if args.full:
            return new_key("modellock", prompt=PROMPT, weights=args.editor, secret=SECRET, dtype="bfloat16")
        # The paper has no secret: the prompt alone shapes the edit, and the noise seed is the authors'.
        return new_key(
            "embedded", prompt=PROMPT, resolution=side, secret=SECRET, secret_use="none", noise_seed=1024
        )  # fmt: skip

    @cache
    def remembering() -> RememberingEditor:
        key = diffusion()
        return RememberingEditor(load_editor(key, device=args.device), edits_file(args.work, key))

    name = f"locks_compared_full_{args.model}" if args.full else "locks_compared"
    cells = Cells(
        name,
        command="python benchmarks/locks_compared.py" + (f" --full --model {args.model}" if args.full else ""),
        settings={
            "images": args.images if args.full else "Imagenette", "side": side, "model": trial.choice.name,
            "training": asdict(trial.training), "lock": asdict(trial.lock), "twins_share": TWINS_SHARE,
            "prompt": PROMPT, "secret_use": "none",
            "editor_weights": diffusion().settings["weights_digest"],
            "training_images": len(trial.train), "test_images": len(trial.test),
        },
        again=args.again,
    )  # fmt: skip
    for cell in grid():
        if cell.lock in PATCHES and cell.augment != "none" and not cell.twins:
            cells.run(f"{IN_VIEW}: {cell.name}", 0, lambda c=cell: patch_in_view(c, make_key(c, side, diffusion)))  # type: ignore[misc]
    wanted = [cell for cell in grid() if any(text in cell.name for text in args.only)]
    for seed in args.seeds:
        for cell in wanted:
            key = make_key(cell, side, diffusion)
            editor: Editor = remembering() if cell.lock == "ModelLock" else load_editor(key)
            cells.run(cell.name, seed, lambda c=cell, k=key, e=editor, s=seed: measure(trial, c, k, e, s))  # type: ignore[misc]
            if isinstance(editor, RememberingEditor):
                editor.save()
    print("\n".join([*table5(cells.done), "", *patch_table(cells.done)]))
    plot(cells.done, name)


if __name__ == "__main__":
    main()
