"""What a locked fine-tuning step costs over the same plain PyTorch loop without a lock.

Both loops train the same network on the same images, in turns, with the same batch size, crop and flip, precision,
memory format and optimiser. The plain one shuffles, steps and does nothing else; the locked one is `finetune` itself
with balanced drawing, gradient clipping, divergence checks, log and checkpoint. The figure is the median over rounds of
the ratio of times a step.

    python benchmarks/training_step.py --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from support.results import write_result
from torch import Tensor

from spellock.tasks import Classification, PixelModel, create_model
from spellock.training.augment import Augment
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import finetune
from spellock.training.preparation import use_bf16

CLASSES = 10


def plain(model: PixelModel, images: Tensor, labels: Tensor, *, batch_size: int, bf16: bool) -> float:
    """Seconds a step of the loop that anyone would write."""
    model.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    augment, generator, started, steps = Augment(), torch.Generator().manual_seed(0), time.perf_counter(), 0
    model.train()
    for chosen in torch.randperm(len(images), generator=generator).split(batch_size):
        pixels = augment(images[chosen], generator).float() / 255
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = model(pixels)
        loss = F.cross_entropy(logits.float(), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps += 1
    return (time.perf_counter() - started) / steps


def locked(model: PixelModel, images: Tensor, labels: Tensor, *, batch_size: int, share: float, seed: int) -> float:
    """Seconds a step of `finetune`, start, log and checkpoint included; ``images`` holds edited ones, then raw ones."""
    authorised = np.arange(len(images)) < round(len(images) * (1 - share))
    config = FinetuneConfig(epochs=1, batch_size=batch_size, unauthorised_share=share, seed=seed)
    targets = torch.where(torch.from_numpy(authorised), labels, CLASSES)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        finetune(
            model,
            images,
            targets,
            Classification(num_classes=CLASSES + 1, lock_class=CLASSES),
            config,
            Path(folder) / "run",
            authorised=authorised,
            device="cpu",
        )
        seconds = time.perf_counter() - started
    return seconds / -(-len(images) // batch_size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--size", type=int, default=32, help="side in pixels")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--share", type=float, default=0.25, help="unauthorised share of each batch")
    options = parser.parse_args()
    random = np.random.default_rng(0)
    count = options.batch_size * options.steps
    images = torch.from_numpy(random.integers(0, 256, (count, 3, options.size, options.size), dtype=np.uint8))
    labels = torch.from_numpy(random.integers(0, CLASSES, count))
    bf16 = use_bf16(FinetuneConfig(), torch.device("cpu"))
    plain_seconds, locked_seconds = [], []
    for index in range(options.rounds + 1):
        seconds = {}
        for way in ("plain", "locked") if index % 2 else ("locked", "plain"):
            model = create_model(options.model, num_classes=CLASSES + 1, input_size=options.size)
            seconds[way] = (
                plain(model, images, labels, batch_size=options.batch_size, bf16=bf16)
                if way == "plain"
                else locked(model, images, labels, batch_size=options.batch_size, share=options.share, seed=index)
            )
        if index:  # the first round warms up
            plain_seconds.append(seconds["plain"])
            locked_seconds.append(seconds["locked"])
    ratios = [a / b for a, b in zip(locked_seconds, plain_seconds, strict=True)]
    result = {
        "model": options.model,
        "size": options.size,
        "batch_size": options.batch_size,
        "steps": options.steps,
        "rounds": options.rounds,
        "unauthorised_share": options.share,
        "threads": torch.get_num_threads(),
        "bf16": bf16,
        "torch": str(torch.__version__),
        "plain_step_seconds": round(statistics.median(plain_seconds), 4),
        "locked_step_seconds": round(statistics.median(locked_seconds), 4),
        "locked_images_per_second": round(options.batch_size / statistics.median(locked_seconds), 1),
        "ratio": round(statistics.median(ratios), 4),
        "ratios": [round(ratio, 4) for ratio in ratios],
        "allowed": 1.10,
        "holds": statistics.median(ratios) <= 1.10,
    }
    write_result("training_step", result, seeds=[0], command="python benchmarks/training_step.py")


if __name__ == "__main__":
    main()
