"""Bounds on a change of weights beside what is measured: locks of CIFAR-10's published ResNet-20, and updates of it.

A lock: the whole model against the keyed one. An update: everything fine-tuned against the key alone, from the same
start with the same images. Besides, locks of shallow networks. Keys from three secrets; inputs are test images.

    python benchmarks/weight_bounds.py [--seeds 0 1 2] [--images 16] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import copy
import logging
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from support import shared_data
from support.pages import fill_page
from support.results import hardware, write_result
from support.weightlocks.data import Part, network_input
from support.weightlocks.keys import Keyed, coding_of, keyed, sized
from support.weightlocks.settings import SHIPPED_FILL, Budget
from support.weightlocks.training import accuracy, train
from torch import Tensor, nn

from spellock.tasks.models import create_model
from spellock.tasks.own_seed import own_seed
from spellock.weightlocks.bounds.change import bound_change
from spellock.weightlocks.states import ModuleState

WEIGHTS = "weights/resnet20-12fca82f.th"
TRAINED, EPOCHS, RATE = 2000, 2, 1e-3
#: Selections with the size of their keys in percent, as in weight_locks.py.
KEYS = (("default", 1), ("default", 10), ("adaloc", 5))
#: Of networks that are shallow enough for bounds to say something.
DEPTHS = (2, 3, 5)
BUDGET = Budget(epochs=EPOCHS, cycle_epochs=EPOCHS, rates=(RATE,))
Row = dict[str, float]


def part(arrays: shared_data.Arrays, count: int) -> Part:
    """The first images and labels."""
    pixels = torch.from_numpy(arrays[0][:count]).permute(0, 3, 1, 2).contiguous()
    return Part(inputs=pixels, labels=torch.from_numpy(np.array(arrays[1][:count])))


def row(network: nn.Module, changed: Mapping[str, Tensor], inputs: Tensor) -> Row:
    """Norms, means over the inputs; and how far the tighter bound lies above what is measured."""
    found = bound_change(network, changed, inputs)
    pairs = zip(found.bound_here, found.measured, strict=True)
    return {
        "output": mean(found.output_norms),
        "measured": mean(found.measured),
        "bound_here": mean(found.bound_here),
        "bound": mean(found.bound),
        "times": float(np.median([above / there for above, there in pairs])),
    }


def lock(network: nn.Module, selection: str, percent: int, seed: int) -> Keyed:
    """The keyed model as it is shipped."""
    config = sized(ModuleState(network), selection, percent, text=False)
    return keyed(network, config, SHIPPED_FILL[selection], seed=seed, public=None, coding=coding_of(selection))


def perceptron(depth: int, learnt: Part, seed: int) -> nn.Module:
    """So many layers of width 128 on pixels, trained for as long as the updates."""
    with own_seed(seed):
        widths = [3 * 32 * 32, *[128] * (depth - 1)]
        layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
        network = nn.Sequential(nn.Flatten(), *layers)
        network.add_module("head", nn.Linear(widths[-1], 10))
    train(network, learnt, rate=RATE, epochs=EPOCHS, budget=BUDGET, seed=seed)
    return network


def one_seed(network: nn.Module, inputs: Tensor, learnt: Part, test: Part, seed: int) -> dict[str, Row]:
    """All rows by name."""
    rows, budget = {}, BUDGET
    for depth in DEPTHS:
        shallow = perceptron(depth, learnt, seed)
        made = lock(shallow, "default", 10, seed)
        rows[f"lock, ours, 10 %, perceptron of {depth} layers"] = row(shallow, made.model.state_dict(), inputs) | {
            "accuracy": accuracy(made.model, test)
        }
    full = copy.deepcopy(network)
    train(full, learnt, rate=RATE, epochs=EPOCHS, budget=budget, seed=seed)
    for selection, percent in KEYS:
        made = lock(network, selection, percent, seed)
        title = f"{'ours' if selection == 'default' else 'AdaLoc'}, {percent} %"
        rows[f"lock, {title}, ResNet-20"] = row(network, made.model.state_dict(), inputs) | {
            "accuracy": accuracy(made.model, test)
        }
        alone = copy.deepcopy(network)
        train(alone, learnt, rate=RATE, epochs=EPOCHS, budget=budget, seed=seed, key=made.key)
        rows[f"update, {title}, ResNet-20"] = row(full, alone.state_dict(), inputs) | {
            "accuracy": accuracy(alone, test)
        }
    return rows


def table(rows: Mapping[str, Row]) -> str:
    """Markdown."""
    lines = [
        "| what is compared | accuracy after it, % | output, ‖f‖ | change, measured | bound for these inputs | "
        "bound for any input | first bound, times the measured |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, one in rows.items():
        found = [f"{one[figure]:.3g}" for figure in ("output", "measured", "bound_here", "bound")]
        lines.append(f"| {name} | {one['accuracy']:.1f} | {' | '.join(found)} | {one['times']:.2g} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--images", type=int, default=16, help="inputs that bounds are computed for")
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    model = create_model("resnet20", num_classes=10, weights=args.data / WEIGHTS)
    learnt, test = (part(shared_data.cifar10(args.data, split), TRAINED) for split in ("train", "test"))
    network, inputs = model.network.eval(), network_input(test.inputs[: args.images])
    runs = {str(seed): one_seed(network, inputs, learnt, test, seed) for seed in args.seeds}
    means = {
        name: {figure: mean(run[name][figure] for run in runs.values()) for figure in first}
        for name, first in next(iter(runs.values())).items()
    }
    figures = {"mean": means, "runs": runs, "images": args.images, "whole_accuracy": accuracy(network, test)}
    command = f"python benchmarks/weight_bounds.py --images {args.images}"
    path = write_result("weight_bounds", figures, seeds=args.seeds, command=command, show=False)
    caption = f"Means over {args.images} test images and {len(args.seeds)} secrets; {hardware()}, `{path.name}`."
    text = table(means) + f"\n\nThe whole ResNet-20: {figures['whole_accuracy']:.1f} %. {caption}"
    fill_page("weight_bounds.md", "bounds", text)
    print(text)


if __name__ == "__main__":
    main()
