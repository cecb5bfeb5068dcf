"""What regularisers and projection add to a step of locked fine-tuning with a teacher.

Every way trains the same network on the same random images, in turns: half of each batch unauthorised, half of these
alone. The figure is the median over rounds of the ratio of processor time to that of the teacher alone; once for a
network with BatchNorm, and once for one without, where projection needs no second backward pass.

    python benchmarks/hardened_step.py --rounds 3
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from support.pages import fill_page
from support.results import write_result

from spellock.tasks import Classification, create_model
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import finetune
from spellock.training.guidance import Guidance
from spellock.training.objectives.teacher import Teacher
from spellock.training.regularisation import Regularisation
from spellock.training.regularisation_config import RegularisationConfig

CLASSES = 10
#: Network, side in pixels, batch size.
NETWORKS = (("resnet20", 32, 128), ("mobilenet_v1_0.5", 96, 64))
WAYS = {
    "teacher": RegularisationConfig(),
    "projection": RegularisationConfig(combination="projection"),
    "anchor": RegularisationConfig(regularisers=("anchor",)),
    "probe": RegularisationConfig(regularisers=("probe",)),
    "all three": RegularisationConfig(regularisers=("anchor", "probe"), combination="projection"),
}


def seconds(network: str, side: int, batch_size: int, way: RegularisationConfig, steps: int, seed: int) -> float:
    """Processor seconds a step of a run of ``steps``, all included; waiting for other programs is not counted."""
    random = np.random.default_rng(seed)
    count = batch_size * steps // 2
    raw = random.integers(0, 200, (count, side, side, 3), dtype=np.uint8)
    images, truth = np.concatenate([raw + 40, raw]), np.tile(np.arange(count) % CLASSES, 2)
    authorised = np.arange(2 * count) < count
    regularisers = way.make()
    told = None
    if regularisers:
        told = Regularisation(regularisers=regularisers, truth=truth, classes=CLASSES, raw=~authorised)
    with tempfile.TemporaryDirectory() as folder:
        model = create_model(network, num_classes=CLASSES + 1, input_size=side, seed=seed)
        started = time.process_time()
        finetune(
            model,
            images,
            np.where(authorised, truth, CLASSES),
            Classification(num_classes=CLASSES + 1, lock_class=CLASSES),
            FinetuneConfig(
                epochs=1, batch_size=batch_size, unauthorised_share=0.5, alone_share=0.5, precision="fp32", seed=seed
            ),
            Path(folder) / "run",
            authorised=authorised,
            raw=~authorised,
            guidance=Guidance(
                objective=Teacher(),
                teacher=create_model(network, num_classes=CLASSES, input_size=side, seed=seed + 1),
                images=images,
                places=np.where(authorised, np.arange(2 * count) + count, -1),
                columns=tuple(range(CLASSES)),
            ),
            regularisation=told,
            combination=way.make_combination(),
            device="cpu",
        )
        return (time.process_time() - started) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cells: dict[str, dict[str, Any]] = {}
    for network, side, batch_size in NETWORKS:
        rounds = [
            {name: seconds(network, side, batch_size, way, options.steps, seed=index) for name, way in WAYS.items()}
            for index in range(options.rounds + 1)  # the first round warms up
        ][1:]
        cells[f"{network}, {side} px, batch of {batch_size}"] = {
            "teacher_seconds_per_step": round(statistics.median(one["teacher"] for one in rounds), 3),
            "times_the_teacher_alone": {
                name: round(statistics.median(one[name] / one["teacher"] for one in rounds), 2)
                for name in WAYS
                if name != "teacher"
            },
        }
    fill_page("regularisers.md", "steps", table(cells))
    write_result(
        "hardened_step",
        {"steps": options.steps, "rounds": options.rounds, "threads": 1} | cells,
        seeds=list(range(1, options.rounds + 1)),
        command="python benchmarks/hardened_step.py",
    )


def table(cells: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    rows = ["| network | " + " | ".join(list(WAYS)[1:]) + " |", "|---" * len(WAYS) + "|"]
    for name, found in cells.items():
        rows.append(f"| {name} | {' | '.join(f'{value:.2f}' for value in found['times_the_teacher_alone'].values())} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
