"""Do the cheap scores of `spellock prompts suggest` foretell a lock? Spearman correlations over the paper's prompts.

UP, LP and hardened LP of each prompt come from the cells of `prompts.py` (run that first); the scores are measured here
on 64 of the same training images, with the same keys. No test image takes part in a score. Edits are kept, so that it
goes on where it was stopped. Beside the correlations: the lock of the recommended prompt against the median prompt's
and that of "with oil pastel", and for each score the threshold that tells the better half of the prompts. With fewer
than 40 measured prompts nothing is written.

The tables are also put into docs/prompts.md.

    python benchmarks/prompt_scores.py [--set cifar10] [--images 64] [--only TEXT ...] [--cells FILE] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, Final

import numpy as np
import torch
from prompts import NOISE_SEED, make_key
from scipy.stats import spearmanr
from support import shared_data
from support.cells import Figures
from support.pages import fill_page
from support.prompt_choice import AIMS, choice, thresholds
from support.prompt_sets import SETS
from support.prompts_tables import BASELINE, KIND_OF
from support.results import RESULTS, write_result

from spellock.attacks.prompt_words import dictionary
from spellock.editors.registry import load_editor
from spellock.evaluation.near_prompts import near_prompts
from spellock.prompts.candidate import Candidate
from spellock.prompts.edit_cache import EditCache
from spellock.prompts.features import Features, model_features
from spellock.prompts.prompt_score import PromptScore
from spellock.prompts.sample import Pixels, take_sample
from spellock.prompts.scorer import Scorer
from spellock.tasks.models import create_model

Describe = Callable[[Pixels], Features]
TARGETS: Final = ("up", "lp", "hardened_lp", *AIMS)
#: `rank` is empty for most prompts, `cost` is the same for all.
SCORES: Final = ("pixels", "moved", "shift", "told", "content", "kept", "distinct", "near", "worth")
LEAST: Final = 40
_DRAWS: Final = 2000


def measured(cells: Mapping[str, Mapping[str, Figures]], only: Sequence[str]) -> dict[str, dict[str, float]]:
    """UP, LP, hardened LP and the first minus each of the others of each prompt, means over the seeds."""
    found = {}
    for prompt, runs in cells.items():
        if prompt == BASELINE or not runs or not any(text in prompt for text in only):
            continue
        figures = {name: mean(run[name] for run in runs.values()) for name in TARGETS[:3]}
        found[prompt] = figures | {aim: figures["up"] - figures[aim.removeprefix("up - ")] for aim in AIMS}
    return found


def correlation(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """Spearman's rho with a 95 % interval over draws of prompts with replacement; empty where a side is constant."""
    first, second = np.asarray(one), np.asarray(other)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return []
    draw, values = np.random.default_rng(0), []
    for _ in range(_DRAWS):
        places = draw.integers(0, len(first), len(first))
        if np.ptp(first[places]) > 0 and np.ptp(second[places]) > 0:
            values.append(spearmanr(first[places], second[places]).statistic)
    low, high = np.percentile(values, [2.5, 97.5])
    return [round(float(value), 3) for value in (spearmanr(first, second).statistic, low, high)]


def correlations(scores: Sequence[PromptScore], truth: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """{score: {target: [rho, low, high]}}."""
    table = {}
    for name in SCORES:
        values = [getattr(score, name) for score in scores]
        if None not in values:
            pairs = {
                target: [truth[score.candidate.prompt][target] for score in scores] for target in TARGETS
            }  # fmt: skip
            table[name] = {target: correlation(values, other) for target, other in pairs.items()}
    return table


def scored(args: argparse.Namespace, prompts: Sequence[str]) -> dict[str, list[PromptScore]]:
    """The scores with plain figures, and with the frozen features of a public model where its weights are there."""
    train = SETS[args.set].trial(args.data, args.work).train
    cache = EditCache(folder=args.work / "edits", make_key=lambda prompt: make_key(prompt, args), load=load_editor)
    sample = take_sample(train, args.images, load_editor(make_key(prompts[0], args)).prepare, seed=0)
    views: dict[str, Describe | None] = {"plain figures": None}
    if args.weights.is_file():
        public = create_model("resnet20", num_classes=10, weights=args.weights)
        views["resnet20 from CIFAR-10"] = model_features(public)
    found = {}
    for name, describe in views.items():
        scorer = Scorer(
            cache=cache, sample=sample, public=dictionary(), describe=describe,
            neighbours=lambda prompt: near_prompts(prompt, args.synonyms, seed=0),
        )  # fmt: skip
        candidates = [Candidate(prompt=prompt, kind="given", reason=KIND_OF.get(prompt, "")) for prompt in prompts]
        scores, raw = scorer.scores(candidates)
        found[name] = scorer.with_near(scores) if args.synonyms else scores
        print(f"{name}: the content probe is right in {100 * raw:.0f} % of raw images", flush=True)
    return found


def table(figures: Mapping[str, Any]) -> list[str]:
    """Rows of Markdown: a score a row, a target a column."""
    rows = []
    for view, scores in figures["correlations"].items():
        rows += [f"| {view} | {' | '.join(TARGETS)} |", "|---" * (len(TARGETS) + 1) + "|"]
        for name, targets in scores.items():
            shown = [f"{rho[0]:+.2f} ({rho[1]:+.2f} to {rho[2]:+.2f})" if rho else "" for rho in targets.values()]
            rows.append(f"| {name} | {' | '.join(shown)} |")
        rows += ["", f"| score | {' | '.join(f'threshold for the better half by {aim} (right)' for aim in AIMS)} |"]
        rows.append("|---" * (len(AIMS) + 1) + "|")
        found = figures["thresholds"][view]
        for name in SCORES:
            cells = [found[aim].get(name) for aim in AIMS]
            shown = ["" if one is None else f"{one['threshold']:g} ({one['right']:.2f})" for one in cells]
            rows.append(f"| {name} | {' | '.join(shown)} |")
        head = [*(f"place by {aim}" for aim in AIMS), *TARGETS]
        rows += ["", f"| lock | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
        for name, one in figures["choice"][view].items():
            if isinstance(one, dict):
                places = [str(one.get("places", {}).get(aim, "")) for aim in AIMS]
                rows.append(f"| {name} | {' | '.join([*places, *(f'{one[key]:.1f}' for key in TARGETS)])} |")
        rows.append("")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    data = shared_data.default_folder()
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--synonyms", type=int, default=2, help="near synonyms of each prompt, 0 for none")
    parser.add_argument("--only", nargs="+", default=[""], metavar="TEXT", help="prompts that contain one of them")
    parser.add_argument("--set", choices=SETS, default="imagenette", help="what prompts.py has locked")
    parser.add_argument(
        "--cells", type=Path, default=None, help="result file of prompts.py; by default that of the set"
    )
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--weights", type=Path, default=data / "weights" / "resnet20-12fca82f.th")
    parser.add_argument("--work", type=Path, default=Path("runs/prompt_scores"))
    args = parser.parse_args()
    args.full = False  # the keys of prompts.py at CPU size
    torch.set_num_threads(1)
    end = SETS[args.set].result
    args.cells = args.cells or RESULTS / f"prompts{end}.json"
    if not args.cells.is_file():
        raise SystemExit(
            f"{args.cells} is not there, expected the cells of `python benchmarks/prompts.py`; run that first"
        )
    truth = measured(json.loads(args.cells.read_text())["figures"]["cells"], args.only)
    if len(truth) < 3:
        raise SystemExit(
            f"{len(truth)} measured prompts, expected at least 3; run `python benchmarks/prompts.py` further"
        )
    views = scored(args, list(truth))
    figures = {
        "settings": {
            "images": args.images, "synonyms": args.synonyms, "noise_seed": NOISE_SEED, "prompts": len(truth),
            "interval": f"95 %, {_DRAWS} draws of prompts",
        },
        "correlations": {view: correlations(scores, truth) for view, scores in views.items()},
        "choice": {view: choice(scores, truth) for view, scores in views.items()},
        "thresholds": {
            view: {aim: thresholds(scores, truth, SCORES, aim) for aim in AIMS} for view, scores in views.items()
        },
        "scores": {
            view: {score.candidate.prompt: {name: getattr(score, name) for name in SCORES} for score in scores}
            for view, scores in views.items()
        },
    }  # fmt: skip
    print("\n".join(table(figures)))
    if len(truth) < LEAST:
        print(f"{len(truth)} prompts, fewer than {LEAST}: no result is written")
        return
    command = "python benchmarks/prompt_scores.py" + (f" --set {args.set}" if end else "")
    write_result(f"prompt_scores{end}", figures, seeds=[0], command=command, show=False)
    fill_page("prompts.md", f"prompt scores, {args.set}", "\n".join(table(figures)))


if __name__ == "__main__":
    main()
