"""Does locking stream? Peak memory at two sizes of the same set, share of the time in which the editor is at work,
images a second.

    python benchmarks/locking_stream.py                           # the embedded editor at 32 px
    python benchmarks/locking_stream.py --editor timed --ms 25    # a stand-in that takes 25 ms an image: pipeline only

Each size runs in a process of its own; its peak resident memory is what the system reports at the end. Figures go to
benchmarks/results/locking_stream.json (the stand-in's to locking_stream_timed.json).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from support.results import write_result
from torch import Tensor

from spellock.data import open_images, write_parquet
from spellock.data.write_png import encode_png
from spellock.editors.base import Editor
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.edit_stream import StreamStats
from spellock.locking.lock_images import lock_images

SIDE = 96  # of the source images; they are squashed to the key's resolution


class TimedEditor(Editor):
    """Mirrors the image and takes its time, as an editor on a device of its own would."""

    seconds = 0.0

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        time.sleep(self.seconds * len(images))
        return images.flip(-1)


def pictures(count: int) -> Iterator[tuple[str, int, bytes]]:
    """Smooth random pictures of ten classes."""
    for number in range(count):
        generator = np.random.default_rng(number)
        corners = generator.random((4, 4, 3))
        ramp = np.linspace(0, 1, SIDE)
        weights = np.stack([(1 - ramp) ** 3, ramp * (1 - ramp), ramp**2, ramp**3])
        image = np.einsum("iy,jx,ijc->yxc", weights, weights, corners)
        yield f"{number:06d}", number % 10, encode_png((image / image.max() * 255).astype(np.uint8))


def one_run(arguments: argparse.Namespace) -> dict[str, float]:
    """Lock ``arguments.run`` images; called in a process of its own."""
    torch.set_num_threads(arguments.threads)
    editor = None
    if arguments.editor == "timed":
        key = Key(editor="timed", settings={}, secret=bytes(range(32)), resolution=arguments.resolution)
        editor = TimedEditor(key)
        editor.seconds = arguments.ms / 1000
    else:
        from spellock.editors.presets import new_key

        key = new_key(resolution=arguments.resolution, secret=bytes(range(32)))
    stats: list[StreamStats] = []
    with tempfile.TemporaryDirectory() as folder:
        write_parquet(Path(folder, "train.parquet"), pictures(arguments.run), [str(k) for k in range(10)])
        started = time.perf_counter()
        images = open_images(folder)
        config = LockConfig(layout="parquet")
        lock_images(images, key, Path(folder, "out"), config, editor=editor, report=stats.append)
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return {
        "images": arguments.run,
        "seconds": round(seconds, 2),
        "images_per_second": round(stats[0].edited / stats[0].seconds, 2),
        "editor_busy_percent": round(100 * stats[0].busy, 1),
        "peak_mib": round(peak, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--editor", choices=("embedded", "timed"), default="embedded")
    parser.add_argument("--ms", type=float, default=25.0, help="milliseconds an image of the timed editor")
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--run", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(one_run(arguments)))
        return
    runs = []
    for count in arguments.counts:
        command = [sys.executable, __file__, *sys.argv[1:], "--run", str(count)]
        runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
        print(runs[-1], flush=True)
    growth = round(100 * (runs[-1]["peak_mib"] / runs[0]["peak_mib"] - 1), 1)
    busy = min(run["editor_busy_percent"] for run in runs)
    print(f"peak memory grows by {growth} % (at most 10), the editor is busy {busy} % of the time (at least 90)")
    result = {
        "editor": arguments.editor,
        "ms_per_image": arguments.ms if arguments.editor == "timed" else None,
        "resolution": arguments.resolution,
        "threads": arguments.threads,
        "runs": runs,
        "memory_growth_percent": growth,
        "editor_busy_percent": busy,
        "passed": growth <= 10 and busy >= 90,
    }
    name = "locking_stream" if arguments.editor == "embedded" else "locking_stream_timed"
    write_result(name, result, seeds=[0], command=f"python benchmarks/locking_stream.py --editor {arguments.editor}")


if __name__ == "__main__":
    main()
