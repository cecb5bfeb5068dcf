"""Result files: figures with the seed, the hardware class, the versions and the date beside them."""

from __future__ import annotations

import datetime
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from spellock.artefacts import write_bytes

#: ModelLock's Table 2 (baseline, UP, LP of the style lock), for the sets that are nearest to ours.
PAPER = {"CIFAR-10, MAE ViT-B": (98.83, 98.02, 0.00), "CIFAR-10, SimCLR ResNet-50": (98.09, 97.27, 0.00),
         "Pets, MAE ViT-B": (92.97, 92.12, 15.07), "STL-10, MAE ViT-B": (98.40, 97.76, 0.89)}  # fmt: skip
RESULTS = Path(__file__).resolve().parents[1] / "results"


def hardware(device: str = "cpu") -> str:
    """The class of machine, without anything that identifies it."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return f"{os.cpu_count()} x {model}, {'no GPU' if device == 'cpu' else torch.cuda.get_device_name(device)}"


def write_result(
    name: str, figures: dict[str, Any], *, seeds: list[int], command: str, device: str = "cpu", show: bool = True
) -> Path:
    """Write ``results/NAME.json``, whole or not at all, and print it unless ``show`` is false.

    ``device`` is where the figures were made: "cpu", or a GPU of this machine.
    """
    document = {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(device),
        "seeds": seeds,
        "versions": {package: version(package) for package in ("torch", "diffusers", "transformers", "spellock")},
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    text = json.dumps(document, indent=2)
    write_bytes(path, f"{text}\n".encode())
    if show:
        print(text)
    return path
