"""`spellock lock` in several processes, as ``accelerate launch`` starts them, on the CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from spellock.keyfile import save_key
from spellock.recipes.processes import first_goes_first, is_first
from spellock.tasks.checkpoint import load_model

from ..tint_editor import tint_key


def test_a_plain_run_is_the_first_process() -> None:
    assert is_first()
    with first_goes_first():
        pass


def test_two_processes_lock_once_and_train_together(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(10):
            pixels = np.clip(level + draws.integers(-40, 40, (16, 16, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{number}.png")
    save_key(tint_key(), tmp_path / "test.key", passphrase=None, plain=True)
    root = Path(__file__).parents[2]
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; sys.path.insert(0, sys.argv[1]); import torch; torch.set_num_threads(1)\n"
        "import tests.tint_editor\n"
        "from spellock.cli.main import main\n"
        "sys.exit(main(sys.argv[2:]))\n"
    )
    flags = ["--model", "small_resnet8", "--input-size", "16", "--epochs", "1", "--batch-size", "8", "--json"]
    flags += ["--balanced", "0.5", "--raw-twins", "--baseline"]
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launch, str(script), str(root), "lock", str(tmp_path / "data"), "--key", str(tmp_path / "test.key"),
         "--out", str(tmp_path / "out"), *flags],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[:5000]
    printed = [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]
    assert len(printed) == 1, "only the first process prints"
    assert load_model(tmp_path / "out" / "model").classes[:2] == ("dark", "light")
    assert load_model(tmp_path / "out" / "baseline").classes == ("dark", "light")
