"""How many images a second train in float32 and under bfloat16 autocast, by network: what `precision` auto decides on.

Both in turns, one thread, channels last, forward and backward; the figure is the median over rounds.

    python benchmarks/precision.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Final

import torch
import torch.nn.functional as F
from support.results import write_result

from spellock.tasks.models import create_model
from spellock.training.fast_bfloat16 import fast_bfloat16

#: Network, side in pixels, images a step.
CASES: Final = (
    ("resnet20", 32, 64), ("mobilenetv1_100", 64, 32), ("resnet50", 64, 16), ("convnext_atto", 64, 32),
    ("vit_tiny_patch16_224", 224, 8),
)  # fmt: skip
STEPS: Final = 4
PRECISIONS: Final = ("float32", "bfloat16")


def speeds(name: str, side: int, batch: int, rounds: int) -> dict[str, float]:
    """Images a second by precision."""
    model = create_model(name, num_classes=10, input_size=side).train().to(memory_format=torch.channels_last)
    images, labels = torch.rand(batch, 3, side, side), torch.arange(batch) % 10

    def steps(precision: str) -> float:
        started = time.perf_counter()
        for _ in range(STEPS):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                logits = model(images)
            F.cross_entropy(logits.float(), labels).backward()
        return STEPS * batch / (time.perf_counter() - started)

    found = [{precision: steps(precision) for precision in PRECISIONS} for _ in range(rounds + 1)]
    return {name: round(statistics.median(one[name] for one in found[1:]), 1) for name in PRECISIONS}  # [0] warms up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    figures = {
        "amx": torch.cpu._is_amx_tile_supported(),
        "avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        "auto is bfloat16": fast_bfloat16(torch.device("cpu")),
        "images_per_second": {
            f"{name}, {side} px": speeds(name, side, batch, args.rounds) for name, side, batch in CASES
        },
    }
    write_result("precision", figures, seeds=[], command="python benchmarks/precision.py")


if __name__ == "__main__":
    main()
