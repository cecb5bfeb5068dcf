"""Locks on real data with the embedded editor and the key prompt "with oil pastel".

For each data set and seed: baseline, UP, LP and every keyless figure, beside the aim (UP within 2 points of the
baseline, LP at most 2 %). One result file a data set; seeds already in it are kept.

    python benchmarks/real_results.py cifar10 [--seeds 0 1 2] [--work FOLDER] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from support import shared_data
from support.edit_memory import EditMemory
from support.real_settings import PROMPT, SETTINGS, Setting
from support.remembering_editor import RememberingEditor
from support.results import PAPER, RESULTS, write_result

from spellock.data.memory import numpy_images
from spellock.editors.presets import PRESETS, new_key
from spellock.editors.registry import load_editor
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.write_report import write_report
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks.checkpoint import load_model

#: All benchmarks share the edits, so that a picture is edited once.
EDITS = Path("runs/real_results")


def run(
    name: str,
    setting: Setting,
    seed: int,
    *,
    data: Path,
    work: Path,
    images: int | None,
    baseline: Path | None = None,
    trained: bool = False,
    make: Callable[..., object] = lock_model,
    memory: EditMemory | None = None,
) -> dict[str, Any]:
    """One seed: lock, train both models, evaluate; percent.

    Args:
        baseline: folder of one that is trained already; None trains it, in as many steps as the locked model.
        trained: evaluate the models that an earlier run left in ``work``.
        make: what trains the models, with the arguments of `lock_model`.
        memory: edits of wrong keys that other locks share.
    """
    started = time.perf_counter()
    x, y = setting.read(data, "train")
    xt, yt = setting.read(data, setting.test)
    classes = [str(label) for label in range(int(y.max()) + 1)]
    keep = np.random.default_rng(seed).permutation(len(x))[:images]
    train = numpy_images(x[keep], y[keep], classes, name=f"{name} train")
    test = numpy_images(xt, yt, classes, name=f"{name} test")
    secret = hashlib.sha256(f"benchmark {name}".encode()).digest()
    key = new_key(
        "embedded", prompt=PROMPT, resolution=setting.side, secret=secret, weave=setting.weave,
        gamma=setting.gamma, secret_use=setting.secret_use,
    )  # fmt: skip
    inner = load_editor(key)
    for folder in (work, EDITS):
        folder.mkdir(parents=True, exist_ok=True)
    # What is kept is the edit in full, so it serves every gamma.
    woven = {0.0: "", PRESETS["embedded"].weave: "woven_"}.get(setting.weave, f"woven_{setting.weave}_")
    bare = "" if setting.secret_use == "string" else f"{setting.secret_use}_"
    editor = RememberingEditor(inner, EDITS / f"{name}_{bare}{woven}edits.npz")
    out = work / f"{name}_{seed}"
    choice = ModelChoice(
        name=setting.model, weights=None if setting.weights is None else data / setting.weights, input_size=setting.side
    )
    if not trained:
        shutil.rmtree(out, ignore_errors=True)
        make(
            train, key, out, choice=choice, lock=replace(setting.lock, seed=seed), baseline=baseline is None,
            editor=editor, training=replace(setting.training, seed=seed), objective=setting.objective,
            teacher=None if setting.objective.make() is None else baseline, regularisation=setting.regularisation,
            make_editor=memory,
        )  # fmt: skip
    model, plain = load_model(out / "model"), load_model(baseline or out / "baseline")
    report = evaluate(
        model.model, model.classes, key, test, lock_class=model.lock_class, baseline=plain.model,
        baseline_classes=plain.classes, seed=seed, wrong_key_images=setting.wrong_key_images,
        make_editor=lambda wanted: editor if wanted == key else (memory or load_editor)(wanted),
    )  # fmt: skip
    write_report(report, out / "report", title=f"{name}, seed {seed}")
    editor.save()
    if memory is not None:
        memory.save()
    figures = {figure: round(100 * estimate.value, 2) for figure, estimate in report.figures.items()}
    return figures | {
        "hardened_lp_from": report.hardened_from,
        "unlock_cost": asdict(report.cost),
        "wrong_keys": [[one.kind, round(100 * one.accuracy.value, 1)] for one in report.wrong_keys],
        "minutes": round((time.perf_counter() - started) / 60, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(SETTINGS), metavar="NAME", help=", ".join(SETTINGS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/real_results"))
    parser.add_argument("--images", type=int, default=None, help="training images; all by default")
    parser.add_argument("--evaluate-only", action="store_true", help="take the models of an earlier run")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name in args.names:
        setting = SETTINGS[name]
        path = RESULTS / f"real_{name}.json"
        figures = json.loads(path.read_text())["figures"] if path.exists() else {}
        runs = figures.get("runs", {})
        for seed in args.seeds:
            runs[str(seed)] = run(
                name, setting, seed, data=args.data, work=args.work, images=args.images, trained=args.evaluate_only
            )
            plain = [value for value in runs.values() if "up" in value]
            mean = {
                figure: round(float(np.mean([value[figure] for value in plain])), 2)
                for figure, sample in plain[0].items()
                if isinstance(sample, float) and all(figure in value for value in plain)
            }
            settings = {"model": setting.model, "side": setting.side, "training": asdict(setting.training),
                        "lock": asdict(setting.lock), "objective": asdict(setting.objective),
                        "wrong_key_images": setting.wrong_key_images,
                        "training_images": args.images or "all"}  # fmt: skip
            write_result(
                f"real_{name}",
                {"mean": mean, "runs": runs, "settings": settings, "paper_baseline_up_lp": PAPER},
                seeds=sorted(int(seed) for seed in runs),
                command=f"python benchmarks/real_results.py {name}",
            )


if __name__ == "__main__":
    main()
