"""What it costs to load encrypted weights instead of plain ones.

For each size: a file of random weights in equal matrices of 1 MB is encrypted; then a fresh process fills matrices of
its own from the plain file (`safe_open`) or from the encrypted one (`read_encrypted`), tensor by tensor, with the file
in the page cache. The two take turns; times are medians over rounds. Memory is what the process's peak grew by while
it read, its own matrices left out; the plain file is mapped, and its pages count. Opening the key file, with its slow
hash, is timed apart.

    python benchmarks/encrypted_load.py
    python benchmarks/encrypted_load.py --sizes 10 100 --rounds 3

Goes on where it was stopped; --again measures anew.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from support.cells import Cells
from support.results import RESULTS

from spellock.weightlocks.encrypted_file import encrypt_file
from spellock.weightlocks.encrypted_tensors import read_encrypted
from spellock.weightlocks.file_key import FileKey, load_file_key, save_file_key

SEED = 0
SIDE = 500  # float32 matrices of SIDE x SIDE: 1 MB
PAGE = Path(__file__).resolve().parents[1] / "docs" / "weights_encrypt.md"
BEGIN, END = "<!-- results: begin", "<!-- results: end -->"
COLUMNS = {
    "plain_ms": "plain, ms",
    "encrypted_ms": "encrypted, ms",
    "times_slower": "times slower",
    "plain_peak_mb": "plain, memory, MB",
    "encrypted_peak_mb": "encrypted, memory, MB",
    "encrypting_mb_per_second": "encrypting, MB/s",
    "opening_the_key_ms": "opening the key, ms",
}
PASSPHRASE = "a passphrase for the benchmark"


def weights(megabytes: int) -> dict[str, torch.Tensor]:
    """Random matrices of ``megabytes`` together."""
    generator = torch.Generator().manual_seed(SEED)
    count = max(1, round(megabytes * 1e6 / (4 * SIDE * SIDE)))
    return {f"layer.{i}.weight": torch.randn(SIDE, SIDE, generator=generator) for i in range(count)}


def peak() -> float:
    """Highest resident memory of this process so far, in MB."""
    # Not getrusage: a child inherits its parent's highest there.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def load_once(kind: str, path: Path, key_path: Path) -> dict[str, float]:
    """Fill matrices from ``path`` in this process; seconds and MB."""
    key = load_file_key(key_path)
    with safe_open(path.with_suffix(".safetensors"), "pt") as file:
        places = {name: torch.zeros(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    for place in places.values():
        place.fill_(1.0)  # takes its memory now
    before, started = peak(), time.perf_counter()
    if kind == "plain":
        with safe_open(path.with_suffix(".safetensors"), "pt") as file:
            for name, place in places.items():
                place.copy_(file.get_tensor(name))
    else:
        with read_encrypted(path.with_suffix(".enc"), key) as tensors:
            for name, place in places.items():
                place.copy_(tensors[name])
    return {"seconds": time.perf_counter() - started, "peak_mb": peak() - before}


def in_a_process(kind: str, path: Path, key: Path) -> dict[str, float]:
    words = [sys.executable, __file__, "--one", kind, str(path), str(key)]
    said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    figures: dict[str, float] = json.loads(said)
    return figures


def measure(megabytes: int, rounds: int) -> dict[str, float]:
    """All figures of one size."""
    with tempfile.TemporaryDirectory() as name:
        path, key, slow = Path(name) / "w", Path(name) / "w.key", Path(name) / "slow.key"
        save_file(weights(megabytes), path.with_suffix(".safetensors"))
        secret = FileKey.new()
        save_file_key(secret, key, passphrase=None, plain=True)
        save_file_key(secret, slow, passphrase=PASSPHRASE)
        started = time.perf_counter()
        done = encrypt_file(path.with_suffix(".safetensors"), path.with_suffix(".enc"), secret)
        encrypting = time.perf_counter() - started
        started = time.perf_counter()
        load_file_key(slow, passphrase=PASSPHRASE)
        opening = time.perf_counter() - started
        turns = [{kind: in_a_process(kind, path, key) for kind in ("plain", "encrypted")} for _ in range(rounds)]
    figures = {
        f"{kind}_{what}": statistics.median(turn[kind][what] for turn in turns)
        for kind in ("plain", "encrypted")
        for what in ("seconds", "peak_mb")
    }
    size = done.nbytes / 1e6
    return {
        "megabytes": size,
        "rounds": rounds,
        "plain_ms": 1000 * figures["plain_seconds"],
        "encrypted_ms": 1000 * figures["encrypted_seconds"],
        "times_slower": statistics.median(turn["encrypted"]["seconds"] / turn["plain"]["seconds"] for turn in turns),
        "encrypted_mb_per_second": size / figures["encrypted_seconds"],
        "plain_peak_mb": figures["plain_peak_mb"],
        "encrypted_peak_mb": figures["encrypted_peak_mb"],
        "encrypting_mb_per_second": size / encrypting,
        "opening_the_key_ms": 1000 * opening,
    }


def write_table(cells: Cells) -> None:
    """Put the result file's figures into the page."""
    document = json.loads((RESULTS / "encrypted_load.json").read_text())
    lines = ["| weights | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, runs in cells.done.items():
        values = [f"{runs[str(SEED)][figure]:.{1 if figure == 'times_slower' else 0}f}" for figure in COLUMNS]
        lines.append(f"| {name} | {' | '.join(values)} |")
    text = PAGE.read_text()
    start = text.index("\n", text.index(BEGIN)) + 1
    note = f"{document['hardware']}, {document['date']}; one thread, float32, medians over rounds."
    made = "\n".join(lines) + f"\n\n{note}\n"
    PAGE.write_text(text[:start] + made + text[text.index(END) :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000], help="MB of weights")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--again", action="store_true", help="forget what was measured")
    parser.add_argument("--one", nargs=3, metavar=("KIND", "PATH", "KEY"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.one:
        print(json.dumps(load_once(args.one[0], Path(args.one[1]), Path(args.one[2]))))
        return
    settings = {"side": SIDE, "threads": 1, "dtype": "float32"}
    cells = Cells("encrypted_load", command="python benchmarks/encrypted_load.py", settings=settings, again=args.again)
    for megabytes in args.sizes:
        cells.run(f"{megabytes} MB", SEED, partial(measure, megabytes, args.rounds))
    write_table(cells)


if __name__ == "__main__":
    main()
