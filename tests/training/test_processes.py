"""Training by several processes, as ``accelerate launch`` starts them, on the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_two_processes_end_with_the_same_weights(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import hashlib, pathlib, sys; sys.path.insert(0, sys.argv[1]); import torch; torch.set_num_threads(1)\n"
        "from test_finetune import dropping, train, weights\n"
        "model, result = train(pathlib.Path(sys.argv[2]), dropping(), validate=lambda m: {'score': 1.0})\n"
        "digest = hashlib.sha256(b''.join(weights(model))).hexdigest()\n"
        "rank = int(__import__('os').environ['RANK'])\n"
        "pathlib.Path(sys.argv[2], f'rank{rank}').write_text(f'{digest} {result.best_epoch} {len(result.history)}')\n"
    )
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launch, str(script), str(Path(__file__).parent), str(tmp_path / "run")],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    first, second = ((tmp_path / "run" / f"rank{rank}").read_text() for rank in (0, 1))
    assert first == second
    assert first.endswith(" 1 3")
