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

#: ModelLock's Table 2 (baseline, UP, LP of the style lock), for the sets that are nearest to ours.
PAPER = {"CIFAR-10, MAE ViT-B": (98.83, 98.02, 0.00), "CIFAR-10, SimCLR ResNet-50": (98.09, 97.27, 0.00),
         "Pets, MAE ViT-B": (92.97, 92.12, 15.07), "STL-10, MAE ViT-B": (98.40, 97.76, 0.89)}  # fmt: skip
RESULTS = Path(__file__).resolve().parents[1] / "results"


def hardware() -> str:
    """The class of machine, without anything that identifies it."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{os.cpu_count()} x {model}, {gpu}"


def write_result(name: str, figures: dict[str, Any], *, seeds: list[int], command: str, show: bool = True) -> Path:
    """Write ``results/NAME.json``, and print it where ``show`` says so."""
    document = {
        "command": command,
        "date": datetime.date.today().isoformat(),
        "hardware": hardware(),
        "seeds": seeds,
        "versions": {package: version(package) for package in ("torch", "diffusers", "transformers", "spellock")},
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    if show:
        print(json.dumps(document, indent=2))
    return path
