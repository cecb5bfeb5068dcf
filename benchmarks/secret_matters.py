"""What prompt and secret are worth, each without the other, against the hardened locks of hardening.py.

For each data set, on 100 test images: the right prompt with 20 other secrets, and the right secret with each of the
other prompts of Tables S1 and S2. Aims: at most chance + 5 points with the wrong secret, and on average at most chance
+ 10 with the wrong prompt. Besides, what each part of the edit opens alone: the right style under 10 other weaves, and
the right weave over 10 other styles; nobody has such keys without the secret, but leaked edits show parts.

    python benchmarks/secret_matters.py [NAME ...] [--models runs/hardening/hardened] [--seed 0]
"""

from __future__ import annotations

import argparse
import hashlib
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from support import shared_data
from support.pages import fill_page
from support.real_settings import PROMPT, SETTINGS
from support.results import write_result

from spellock.attacks.suppressed import real_classes
from spellock.data.memory import numpy_images
from spellock.editors.diffusion import DiffusionEditor
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.editors.vocabulary import object_prompts, style_prompts
from spellock.evaluation.conditions import Edited
from spellock.evaluation.halves import stratified_subset
from spellock.key import Key
from spellock.tasks.checkpoint import LoadedModel, load_model
from spellock.tasks.collect import collect

IMAGES, SECRETS, HALVES = 100, 20, 10
KINDS = {
    "right_prompt_other_secrets": "right prompt, other secret",
    "right_secret_other_prompts": "right secret, other prompt",
    "style_alone": "right style, other weave",
    "weave_alone": "right weave, other style",
}


def accuracy(model: LoadedModel, key: Key, test: tuple[np.ndarray, np.ndarray]) -> tuple[float, float]:
    """Percent right under ``key``, and with the lock class dropped."""
    images = numpy_images(*test, [str(label) for label in range(int(test[1].max()) + 1)], name="test")
    logits = collect(model.model, Edited(images, load_editor(key)), range(len(images)), batch_size=64, label="")
    real = real_classes(logits.shape[1], model.lock_class)
    right = 100 * float((logits.argmax(1) == test[1]).mean())
    return right, 100 * float((real[logits[:, real].argmax(1)] == test[1]).mean())


def over(pairs: list[tuple[float, float]]) -> dict[str, float]:
    """Mean and highest of both."""
    plain, suppressed = np.array(pairs).T
    return {
        "mean": round(float(plain.mean()), 1),
        "highest": round(float(plain.max()), 1),
        "suppressed_mean": round(float(suppressed.mean()), 1),
        "suppressed_highest": round(float(suppressed.max()), 1),
    }


def measure(name: str, folder: Path, data: Path, seed: int) -> dict[str, Any]:
    """One lock; percent."""
    setting = SETTINGS[name]
    x, y = setting.read(data, setting.test)
    chosen = stratified_subset(y, IMAGES, seed=seed)
    test = (x[chosen], y[chosen])
    key = new_key(
        "embedded",
        prompt=PROMPT,
        resolution=setting.side,
        secret=hashlib.sha256(f"benchmark {name}".encode()).digest(),
    )
    model = load_model(folder / f"{name}_{seed}" / "model")
    prompts = [prompt for prompt in (*style_prompts(), *object_prompts()) if prompt != PROMPT]
    drawn = [hashlib.sha256(f"other secret {seed} {number}".encode()).digest() for number in range(SECRETS)]
    other_secrets = [key.replace(secret=secret) for secret in drawn]
    halves = list(islice(DiffusionEditor.half_keys(key, seed=seed), 2 * HALVES))
    return {
        "right_key": round(accuracy(model, key, test)[0], 1),
        "chance": round(100 / (int(y.max()) + 1), 1),
        "right_prompt_other_secrets": over([accuracy(model, one, test) for one in other_secrets]),
        "right_secret_other_prompts": over([accuracy(model, key.with_settings(prompt=p), test) for p in prompts]),
        "style_alone": over([accuracy(model, one, test) for one in halves[::2]]),
        "weave_alone": over([accuracy(model, one, test) for one in halves[1::2]]),
        "prompts": len(prompts),
        "secrets": SECRETS,
        "half_keys": HALVES,
        "images": IMAGES,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=["cifar10", "gtsrb", "fashion_mnist"], metavar="NAME")
    parser.add_argument("--models", type=Path, default=Path("runs/hardening/hardened"))
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    figures: dict[str, dict[str, Any]] = {}
    for name in args.names:
        figures[name] = measure(name, args.models, args.data, args.seed)
        write_result(
            "secret_matters",
            figures,
            seeds=[args.seed],
            command="python benchmarks/secret_matters.py",
        )
    fill_page("hardening.md", "secret", table(figures))


def table(figures: dict[str, dict[str, Any]]) -> str:
    """Markdown: mean and highest accuracy of wrong keys; in brackets with the lock class dropped."""
    heads = " | ".join(f"{kind}: mean | highest" for kind in KINDS.values())
    rows = [f"| data | chance | right key | {heads} |", "|---" * (3 + 2 * len(KINDS)) + "|"]
    for name, found in figures.items():
        cells = [
            f"{found[kind][figure]} ({found[kind][f'suppressed_{figure}']})"
            for kind in KINDS
            for figure in ("mean", "highest")
        ]
        rows.append(f"| {name} | {found['chance']} | {found['right_key']} | {' | '.join(cells)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
