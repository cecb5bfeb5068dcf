"""Figure 4 and S3 of the paper: which key prompts lock well? All prompts of its Tables S1, S2 and S3.

On Imagenette at 64 px with a MobileNetV1 pretrained on ImageNet, locked the paper's way: 95 % of the training images
edited, 5 % raw with one new label, plain drawing. The paper's keys have no secret: here too the prompt alone shapes the
edit, and the noise seed is the authors'. Each picture is edited once a prompt; all seeds share the edits. ``--set``
takes 1,500 images of CIFAR-10 or Fashion-MNIST at 32 px and a ResNet-20 instead.

    python benchmarks/prompts.py [--set cifar10] [--seeds 0 1 2] [--only TEXT ...] [--data FOLDER] [--again]
    python benchmarks/prompts.py --full --device cuda --model vit [--images FOLDER] [--editor FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from support import shared_data
from support.cells import Cells, Figures
from support.full_size import SIDE, add_arguments, full_trial
from support.prompt_sets import SETS
from support.prompts_tables import BASELINE, PROMPTS, kind_table, plot, prompt_table
from support.remembering_editor import RememberingEditor, edits_file
from support.trial import CentreCropped, Trial

from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.key import Key

SECRET = hashlib.sha256(b"benchmark prompts").digest()
NOISE_SEED = 1024  # the authors' code


class Edits:
    """The editor of one prompt after another; on a CPU its edits are kept on disk for the seeds to come."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.editor: RememberingEditor | None = None

    def of(self, key: Key) -> RememberingEditor:
        if self.editor is None or self.editor.key != key:
            # At 256 px and with thousands of images the disk would be fuller than editing again takes long.
            path = None if self.args.full else edits_file(self.args.work, key)
            self.editor = RememberingEditor(load_editor(key, device=self.args.device), path)
        return self.editor


def make_key(prompt: str, args: argparse.Namespace) -> Key:
    """A key in which the secret takes no part: the prompt alone shapes the edit."""
    if args.full:
        return new_key("modellock", prompt=prompt, weights=args.editor, secret=SECRET, dtype="bfloat16")
    return new_key(
        "embedded",
        prompt=prompt,
        resolution=SETS[args.set].side,
        secret=SECRET,
        secret_use="none",
        noise_seed=NOISE_SEED,
    )


def measure(trial: Trial, prompt: str, seed: int, edits: Edits, args: argparse.Namespace) -> Figures:
    """UP, LP and the keyless figures of one lock; the accuracy of the model without one."""
    plain = prompt == BASELINE
    key = make_key("with oil pastel" if plain else prompt, args)
    editor = edits.of(key)
    model = trial.unlocked(key, seed=seed) if plain else trial.locked(key, editor, seed=seed)
    figures = trial.figures(CentreCropped(model) if args.full else model, key, editor)
    editor.save()
    return {"up": figures["lp"], "lp": figures["lp"]} if plain else figures


def order(seeds: list[int], only: list[str], *, full: bool) -> Iterator[tuple[str, int]]:
    """All prompts for one seed first; with ``full``, where edits are not kept, all seeds of one prompt first."""
    prompts = [prompt for prompt in (BASELINE, *PROMPTS) if any(text in prompt for text in only)]
    if full:
        yield from ((prompt, seed) for prompt in prompts for seed in seeds)
    else:
        yield from ((prompt, seed) for seed in seeds for prompt in prompts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="prompts that contain one of them")
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/prompts"))
    parser.add_argument("--again", action="store_true", help="measure finished cells again")
    parser.add_argument("--set", choices=SETS, default="imagenette", help="what is locked, but for --full")
    add_arguments(parser)
    args = parser.parse_args()
    chosen = SETS[args.set]
    if args.device == "cpu":
        torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    trial = full_trial(args) if args.full else chosen.trial(args.data, args.work)
    name = f"prompts_full_{args.model}" if args.full else f"prompts{chosen.result}"
    cells = Cells(
        name,
        command="python benchmarks/prompts.py"
        + (f" --full --model {args.model}" if args.full else f" --set {args.set}" if chosen.result else ""),
        settings={
            "images": args.images if args.full else chosen.title,
            "side": SIDE if args.full else chosen.side,
            "model": trial.choice.name, "training": asdict(trial.training), "lock": asdict(trial.lock),
            "editor_weights": make_key("with oil pastel", args).settings["weights_digest"],
            "secret_use": "none", "noise_seed": NOISE_SEED, "training_images": len(trial.train),
            "test_images": len(trial.test),
        },
        again=args.again,
    )  # fmt: skip
    edits = Edits(args)
    for prompt, seed in order(args.seeds, args.only, full=args.full):
        cells.run(prompt, seed, lambda p=prompt, s=seed: measure(trial, p, s, edits, args))  # type: ignore[misc]
    print("\n".join([*kind_table(cells.done), "", *prompt_table(cells.done)]))
    plot(cells.done, name)


if __name__ == "__main__":
    main()
