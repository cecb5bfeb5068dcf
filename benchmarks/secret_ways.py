"""How should a key's secret enter the edit? Hardened locks with a teacher on CIFAR-10, one for each way.

For each way: UP, LP and hardened LP beside the baseline; what the right prompt is worth with other secrets, and the
right secret with the 70 other prompts of Tables S1 and S2, on 100 test images each; how far the edit of another secret
is from the right one; what training the key costs, and edits a second. Finished cells are kept: it goes on where it was
stopped.

    python benchmarks/secret_ways.py [--ways WAY ...] [--seeds 0]
"""

from __future__ import annotations

import argparse
import logging
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from secret_matters import over
from support import shared_data
from support.cells import Cells, Figures
from support.hardening_recipes import RECIPES
from support.pages import fill_page
from support.real_settings import SETTINGS
from support.remembering_editor import RememberingEditor, edits_file
from support.secret_ways import PICTURES, RANK, SHARE, SIDE, TRANSFORMS, WAYS, Keymaker
from support.secret_ways_table import decibels, table

from spellock.attacks.suppressed import real_classes
from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.editors.registry import load_editor
from spellock.editors.variations import replace_prompt
from spellock.editors.vocabulary import object_prompts, style_prompts
from spellock.evaluation.conditions import Edited
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.halves import stratified_subset
from spellock.key import Key
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks.checkpoint import load_model
from spellock.tasks.collect import forward, in_evaluation_mode

#: As many wrong keys as the preset had when these ways were first compared.
RECIPE = RECIPES["400 keys"]
SETTING = SETTINGS["cifar10"]
SPEED_IMAGES = 256
FIGURES = ("baseline", "up", "lp", "lp_suppressed", "lp_centred", "lp_centred_bn", "wrong_key_mean", "wrong_key_max",
           "hardened_lp")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What all cells share: images, folders, lengths."""

    train: ImageSet
    test: ImageSet
    keys: Keymaker
    data: Path
    work: Path
    epochs: int
    per_key: int
    prompts: tuple[str, ...]

    def editor(self, key: Key) -> RememberingEditor:
        """The key's editor, which edits a picture once, also for the next seed."""
        return RememberingEditor(load_editor(key), edits_file(self.work, key))

    def lock(self, way: str, seed: int) -> Figures:
        """Lock, train and evaluate; percent. The first way's baseline is that of all."""
        key, out, shared = WAYS[way].make(self.keys, 0), self.folder(way, seed), self.work / f"baseline_{seed}"
        editor = self.editor(key)
        lock_model(
            self.train, key, out, lock=replace(RECIPE.lock, seed=seed), editor=editor,
            choice=ModelChoice(name=SETTING.model, weights=self.data / str(SETTING.weights), input_size=SIDE),
            training=replace(SETTING.training, epochs=self.epochs, seed=seed, **RECIPE.training),
            objective=RECIPE.objective, teacher=shared if shared.is_dir() else None,
        )  # fmt: skip
        editor.save()
        if not shared.is_dir():
            shutil.copytree(out / "baseline", self.work / f"baseline_{seed}.begun", dirs_exist_ok=True)
            (self.work / f"baseline_{seed}.begun").rename(shared)
        model, plain = load_model(out / "model"), load_model(shared)
        report = evaluate(
            model.model, model.classes, key, self.test, lock_class=model.lock_class, baseline=plain.model,
            baseline_classes=plain.classes, seed=seed, wrong_key_images=self.per_key,
            make_editor=lambda wanted: editor if wanted == key else load_editor(wanted),
        )  # fmt: skip
        editor.save()
        return {name: 100 * report.figures[name].value for name in FIGURES}

    def wrong_keys(self, way: str, seed: int) -> Figures:
        """Keys with one of prompt and secret right; percent, and dB between the edits (1 is the largest value)."""
        key = WAYS[way].make(self.keys, 0)
        chosen = stratified_subset(np.asarray(self.test.labels), self.per_key, seed=seed)
        model = load_model(self.folder(way, seed) / "model")
        right = self._edits(key, chosen)
        others = [WAYS[way].make(self.keys, number) for number in range(1, 1 + WAYS[way].others)]
        kinds = {"secret": others, "prompt": [replace_prompt(key, prompt) for prompt in self.prompts]}
        real = real_classes(model.model.num_classes, model.lock_class)
        found: dict[str, float] = {"key_seconds": self.keys.seconds(key), "edits_per_second": self._speed(key)}
        for kind, wrong in kinds.items():
            pairs, distances = [], []
            for one in wrong:
                edits = self._edits(one, chosen)
                with in_evaluation_mode(model.model):
                    logits = np.asarray(forward(model.model, list(edits)))
                labels = np.asarray(self.test.labels)[chosen]
                hits = logits.argmax(1) == labels, real[logits[:, real].argmax(1)] == labels
                pairs.append((100 * float(hits[0].mean()), 100 * float(hits[1].mean())))
                distances.append(decibels(edits, right))
            found[f"{kind}_count"] = len(wrong)
            if wrong:
                found |= {f"{kind}_{name}": value for name, value in over(pairs).items()}
                found[f"{kind}_db"] = float(np.mean(distances))
        return found

    def folder(self, way: str, seed: int) -> Path:
        return self.work / f"{way.replace(' ', '_')}_{seed}"

    def _edits(self, key: Key, chosen: np.ndarray) -> np.ndarray:
        return np.stack(Edited(self.test, load_editor(key))([int(place) for place in chosen]))

    def _speed(self, key: Key) -> float:
        """Edits a second of processor time, the first batches left out."""
        editor, places = load_editor(key), range(min(SPEED_IMAGES, len(self.test)))
        images = np.stack([editor.prepare(self.test.open(place)) for place in places])
        editor.edit_uint8(images[:64])
        started = time.process_time()
        editor.edit_uint8(images)
        return len(images) / (time.process_time() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--ways", nargs="+", default=list(WAYS), choices=list(WAYS), metavar="WAY", help=", ".join(WAYS)
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--images", type=int, default=6000, help="training images")
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--per-key", type=int, default=100, help="test images that each wrong key is tried on")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lora-steps", type=int, default=200)
    parser.add_argument("--editor-steps", type=int, default=300)
    parser.add_argument("--prompts", type=int, default=70, help="other prompts")
    parser.add_argument(
        "--name", default="secret_ways", help="of the result file; the page is written for this one only"
    )
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/secret_ways"))
    parser.add_argument("--again", action="store_true", help="forget what is in the result file")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    prompts = [prompt for prompt in (*style_prompts(), *object_prompts())][: args.prompts]
    settings: dict[str, Any] = {
        "images": args.images, "test_images": args.test_images, "epochs": args.epochs, "prompts": len(prompts),
        "model": SETTING.model, "lock": asdict(RECIPE.lock), "training": RECIPE.training, "lora_steps": args.lora_steps,
        "editor_steps": args.editor_steps, "training_pictures": PICTURES, "transforms": TRANSFORMS,
        "random_lora": {"rank": RANK, "share": SHARE}, "per_key": args.per_key, "threads": 1,
    }  # fmt: skip
    cells = Cells(args.name, command="python benchmarks/secret_ways.py", settings=settings, again=args.again)
    (x, y), (xt, yt) = (SETTING.read(args.data, split) for split in ("train", SETTING.test))
    classes = [str(label) for label in range(int(y.max()) + 1)]
    args.work.mkdir(parents=True, exist_ok=True)
    keys = Keymaker(folder=args.work, data=args.data, lora_steps=args.lora_steps, editor_steps=args.editor_steps)
    for seed in args.seeds:
        keep = np.random.default_rng(seed).permutation(len(x))[: args.images]
        bench = Bench(
            train=numpy_images(x[keep], y[keep], classes, name="cifar10 train"),
            test=numpy_images(xt[: args.test_images], yt[: args.test_images], classes, name="cifar10 test"),
            keys=keys, data=args.data, work=args.work, epochs=args.epochs,
            per_key=args.per_key, prompts=tuple(prompts),
        )  # fmt: skip
        for way in args.ways:
            cells.run(f"{way}: lock", seed, lambda: bench.lock(way, seed))  # noqa: B023
            cells.run(f"{way}: wrong keys", seed, lambda: bench.wrong_keys(way, seed))  # noqa: B023
            if args.name == "secret_ways":
                fill_page("hardening.md", "secret ways", table(cells.done))
    print(table(cells.done))


if __name__ == "__main__":
    main()
