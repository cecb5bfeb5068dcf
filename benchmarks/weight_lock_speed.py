"""Time and memory of locking and unlocking a large safetensors file, against copying it; and of a confined step.

Every variant runs in a process of its own, so that its peak memory is what the system reports of it, and the variants
take turns. A copy is written to the disk as a locked file is (fsync). Peak memory counts what the process added to what
it had after starting; the model's own pages, which the system maps and may drop at any time, are left out where it
tells them apart (Linux). Training steps are timed in turns too: the whole model, and confined to the key.

    python benchmarks/weight_lock_speed.py [--megabytes 1024] [--largest 200] [--rounds 5] [--steps 20] [--work FOLDER]
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from support.results import RESULTS, hardware, write_result
from support.weightlocks.large_model import write_large_model
from support.weightlocks.steps import steps

from spellock.weightlocks.model_files import lock_files, unlock_files
from spellock.weightlocks.presets import PRESETS
from spellock.weightlocks.weight_keyfile import open_weight_key, save_weight_key

#: Our selection, the authors' for vision, and theirs for language (single weights).
PRESETS_TIMED = ("default", "adaloc", "adaloc-text")
_ALLOWED_TIMES, _ALLOWED_STEP = 3.0, 1.05
_FULL_MB = 1024  # smaller runs are written beside the figures of the docs, not over them
_SECRET = bytes(range(32))


class Peak:
    """The most private memory that this process had since `start`, sampled every few milliseconds."""

    def __init__(self) -> None:
        self.before, self.most, self._stop = _private(), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.003):
            self.most = max(self.most, _private())

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def megabytes(self) -> float:
        return max(0, self.most - self.before) / 2**20


def _private() -> int:
    """Bytes of resident memory that are not pages of files."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise SystemExit("this system does not tell private memory, expected Linux with RssAnon in /proc/self/status")


def one_run(what: str, model: Path, work: Path) -> dict[str, float]:
    """One variant, in this process."""
    torch.set_num_threads(1)
    way, _, preset = what.partition(" ")
    keyed, key_file = work / f"keyed {preset}", work / f"key {preset}"
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    key = open_weight_key(key_file) if way == "unlock" else None
    with Peak() as peak:
        started, cpu = time.perf_counter(), time.process_time()
        if way == "copy":
            out.mkdir()
            shutil.copyfile(model, out / model.name)
            with (out / model.name).open("rb") as file:
                os.fsync(file.fileno())
        elif way == "lock":
            key = lock_files(model, out, replace(PRESETS[preset], fill="gaussian"), secret=_SECRET)
        else:
            assert key is not None
            unlock_files(keyed, out, key)
        figures = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
    figures["peak_mb"] = peak.megabytes
    if key is not None:
        figures["key_mb"] = key.value_bytes / 2**20 + sum(p.indices.nbytes for p in key.places.values()) / 2**20
    if way == "lock" and not keyed.exists():
        assert key is not None
        out.rename(keyed)
        save_weight_key(key, key_file, passphrase=None, plain=True)
    shutil.rmtree(out, ignore_errors=True)
    return figures


def files(args: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Copy, lock and unlock in turns: medians and ratios to the copy of the same round."""
    model = work / "model.safetensors"
    write_large_model(model, args.megabytes, args.largest)
    variants = ["copy", *(f"lock {name}" for name in PRESETS_TIMED), *(f"unlock {name}" for name in PRESETS_TIMED)]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in variants}
    for number in range(args.rounds + 1):
        for name in variants:
            command = [sys.executable, __file__, "--run", name, "--work", str(work)]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            if number:  # the first round warms up and makes the keys
                runs[name].append(found)
                print(name, found, flush=True)
    table: dict[str, Any] = {}
    for name, found in runs.items():
        ratios = [one["seconds"] / copy["seconds"] for one, copy in zip(found, runs["copy"], strict=True)]
        cpu_ratios = [one["cpu_seconds"] / copy["cpu_seconds"] for one, copy in zip(found, runs["copy"], strict=True)]
        key_mb = median(one.get("key_mb", 0.0) for one in found)
        table[name] = {
            "seconds": round(median(one["seconds"] for one in found), 3),
            "cpu_seconds": round(median(one["cpu_seconds"] for one in found), 3),
            "ratio_to_copy": round(median(ratios), 2),
            "cpu_ratio_to_copy": round(median(cpu_ratios), 2),
            "peak_mb": round(max(one["peak_mb"] for one in found), 1),
            "key_mb": round(key_mb, 1),
            "allowed_peak_mb": round(2 * args.largest + key_mb, 1),
        }
    return table


def write_steps(path: Path, stepped: dict[str, Any]) -> None:
    """Put newly measured steps into a result file; what it says of files, and of when and where, stays."""
    document = json.loads(path.read_text())
    figures = document["figures"]
    figures["steps"], figures["steps_slower_than_allowed"] = stepped, _slow(stepped)
    figures["steps_on"] = [hardware(), datetime.date.today().isoformat()]
    path.write_text(json.dumps(document, indent=2) + "\n")


def _slow(stepped: dict[str, Any]) -> list[str]:
    return [name for name, row in stepped.items() if row["ratio"] > _ALLOWED_STEP]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--largest", type=int, default=200, help="megabytes of the largest tensor")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--only-steps", action="store_true", help="CPU time of training steps; files stay as measured")
    parser.add_argument("--work", type=Path, help="where the files are written; a temporary folder by default")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        print(json.dumps(one_run(args.run, args.work / "model.safetensors", args.work)))
        return
    name = "weight_lock_speed" if args.megabytes >= _FULL_MB else f"weight_lock_speed_{args.megabytes}mb"
    if args.only_steps:
        write_steps(RESULTS / f"{name}.json", steps(args.steps))
        return
    with tempfile.TemporaryDirectory(dir=args.work) as folder:
        table = files(args, Path(folder))
    stepped = steps(args.steps)
    timed = {name: row["ratio_to_copy"] for name, row in table.items() if name != "copy"}
    result = {
        "megabytes": args.megabytes,
        "largest_mb": args.largest,
        "rounds": args.rounds,
        "files": table,
        "steps": stepped,
        "steps_on": [hardware(), datetime.date.today().isoformat()],
        "allowed_times_the_copy": _ALLOWED_TIMES,
        "allowed_step_ratio": _ALLOWED_STEP,
        "slower_than_allowed": [name for name, ratio in timed.items() if ratio > _ALLOWED_TIMES],
        "larger_than_allowed": [name for name, row in table.items() if row["peak_mb"] > row["allowed_peak_mb"]],
        "steps_slower_than_allowed": _slow(stepped),
    }
    command = f"python benchmarks/weight_lock_speed.py --megabytes {args.megabytes} --largest {args.largest}"
    write_result(name, result, seeds=[0], command=f"{command} --rounds {args.rounds}")


if __name__ == "__main__":
    main()
