"""Running a script in two processes, as ``accelerate launch`` starts them, on the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_FIRST = "import sys; sys.path.insert(0, sys.argv.pop(1)); import torch; torch.set_num_threads(1)\n"


def run_in_two_processes(program: str, folder: Path, *words: object, imports: Path, timeout: float = 180) -> str:
    """Standard output of both processes together; fails with their standard error unless they end well.

    Args:
        program: Python source; ``sys.argv[1:]`` are ``words``.
        folder: where the source is written.
        words: arguments of the program.
        imports: folder that the program imports tests from.
        timeout: in seconds.
    """
    script = folder / "script.py"
    script.write_text(_FIRST + program)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [*launch, *map(str, (script, imports, *words))],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()[-5000:]
    return done.stdout.decode()
