"""The command line as a process of its own: signals, pipes, full disks, and how soon it answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .test_cli import SPELLOCK, one_sentence


def test_ctrl_c_ends_a_real_process_with_a_sentence() -> None:
    program = (
        "import signal, time\n"
        # A parent that runs in the background may have left the signal ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from spellock.cli import main as m\n"
        "m._dispatch = lambda words: (print('ready', flush=True), time.sleep(60))\n"
        "m.entry()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in one_sentence(err)


def test_a_closed_pipe_is_no_traceback() -> None:
    process = subprocess.Popen([*SPELLOCK, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    _, err = "", process.stderr.read() if process.stderr else ""
    process.wait(timeout=20)
    assert "Traceback" not in err
    assert "Exception ignored" not in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("buffered", [True, False])
def test_output_to_a_full_disk_is_one_sentence(buffered: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {} if buffered else {"PYTHONUNBUFFERED": "1"}
    with open("/dev/full", "w") as full:
        process = subprocess.run(
            [*SPELLOCK, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment
        )
    assert process.returncode == 1
    assert one_sentence(process.stderr)


def test_help_is_quick() -> None:
    """No command pulls torch in before it runs; the time itself is only guarded against the absurd."""
    program = "import sys\nfrom spellock.cli.main import main\nmain(['--help'])\nprint('torch' in sys.modules)"
    started = time.monotonic()
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "False"
    assert time.monotonic() - started < 15
