"""What a detector's fine-tuning step costs over torchvision's own reference step.

Both train the same detector on the same images and boxes in turns: the plain one is the inner loop of torchvision's
detection reference (zero, losses, backward, step) on tensors that lie ready; the other is `finetune` itself, with masks
decoded from run lengths, flips, clipping, checks, log and checkpoint. The figure is the median over rounds of the ratio
of processor time a step, so that other work on the machine counts little. Also what part of an evaluation is spent on
average precision, of boxes and masks and with every score counted, so that there are many detections to match.

    python benchmarks/detection_step.py --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from support.results import write_result

from spellock.data.annotation import Annotation
from spellock.evaluation.detect import detect
from spellock.recipes.detection_demo import digit_scenes
from spellock.tasks.average_precision import average_precision
from spellock.tasks.detection_learner import DetectionLearner
from spellock.tasks.detection_model import EVERY_SCORE, DetectionModel
from spellock.tasks.models import create_model
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import finetune


def plain(model: DetectionModel, pixels: np.ndarray, learner: DetectionLearner, batch: int) -> float:
    """Processor seconds a step of the reference loop."""
    model.train()
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    side = images.shape[-1]
    targets = learner.objects(np.arange(len(images)), (side, side), torch.device("cpu"))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    started, steps = time.process_time(), 0
    for chosen in torch.randperm(len(images), generator=torch.Generator().manual_seed(0)).split(batch):
        losses = model([images[place] for place in chosen], [targets[place] for place in chosen])
        loss = sum(losses.values())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps += 1
    return (time.process_time() - started) / steps


def ours(model: DetectionModel, pixels: np.ndarray, learner: DetectionLearner, batch: int, seed: int) -> float:
    """Processor seconds a step of `finetune`, start, log and checkpoint included."""
    config = FinetuneConfig(epochs=1, batch_size=batch, precision="fp32", warmup_epochs=0, seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        finetune(model, pixels, cast(Any, learner.annotations), learner, config, Path(folder) / "run", device="cpu")
        return (time.process_time() - started) / -(-len(pixels) // batch)


def evaluation(model: DetectionModel, pixels: np.ndarray, truths: list[Annotation]) -> tuple[float, float]:
    """Processor seconds an image of detecting, and of the average precision of what was found."""
    every = model.without((), least_score=EVERY_SCORE)
    started = time.process_time()
    found = detect(every, lambda chosen: [pixels[one] for one in chosen], range(len(pixels)), label="detecting")
    between = time.process_time()
    average_precision(truths, found, masks=model.has_masks)
    return (between - started) / len(pixels), (time.process_time() - between) / len(pixels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="maskrcnn_mobilenet_v1_0.5")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    scenes = digit_scenes(args.steps * args.batch_size, side=args.size)
    pixels = np.stack([np.asarray(scenes.open(index)) for index in range(len(scenes))])
    learner = DetectionLearner(categories=3).bound(scenes.labels, len(scenes))
    seconds: dict[str, list[float]] = {"plain": [], "ours": []}
    for index in range(args.rounds + 1):
        for way in ("plain", "ours") if index % 2 else ("ours", "plain"):
            model = create_model(args.model, num_classes=3, input_size=args.size)
            assert isinstance(model, DetectionModel)
            model.to(memory_format=torch.channels_last)
            one = (
                plain(model, pixels, learner, args.batch_size)
                if way == "plain"
                else ours(model, pixels, learner, args.batch_size, index)
            )
            if index:  # the first round warms up
                seconds[way].append(one)
    ratios = [a / b for a, b in zip(seconds["ours"], seconds["plain"], strict=True)]
    assert isinstance(model, DetectionModel)
    detecting, counting = evaluation(model, pixels, list(scenes.labels))
    result = {
        **vars(args),
        "torch": str(torch.__version__),
        "plain_step_cpu_seconds": round(statistics.median(seconds["plain"]), 4),
        "step_cpu_seconds": round(statistics.median(seconds["ours"]), 4),
        "ratio": round(statistics.median(ratios), 4),
        "ratios": [round(ratio, 4) for ratio in ratios],
        "allowed": 1.10,
        "holds": statistics.median(ratios) <= 1.10,
        "detecting_cpu_seconds_an_image": round(detecting, 4),
        "metric_cpu_seconds_an_image": round(counting, 4),
        "metric_share_of_evaluation": round(counting / (detecting + counting), 3),
    }
    write_result("detection_step", result, seeds=[0], command="python benchmarks/detection_step.py")


if __name__ == "__main__":
    main()
