"""`spellock lock` in several processes, as ``accelerate launch`` starts them, on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

from spellock.keyfile import save_key
from spellock.recipes.processes import first_goes_first, is_first
from spellock.tasks.checkpoint import load_model

from ..shades import write_shades
from ..tint_editor import tint_key
from ..two_processes import run_in_two_processes

PROGRAM = """
import tests.tint_editor
from spellock.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_plain_run_is_the_first_process() -> None:
    assert is_first()
    with first_goes_first():
        pass


def test_two_processes_lock_once_and_train_together(tmp_path: Path) -> None:
    data = write_shades(tmp_path / "data", 10)
    save_key(tint_key(), tmp_path / "test.key", passphrase=None, plain=True)
    flags = ["--model", "small_resnet8", "--input-size", "16", "--epochs", "1", "--batch-size", "8", "--json"]
    flags += ["--balanced", "0.5", "--raw-twins", "--baseline", "--objective", "teacher"]
    words = ["lock", data, "--key", tmp_path / "test.key", "--out", tmp_path / "out", *flags]
    said = run_in_two_processes(PROGRAM, tmp_path, *words, imports=Path(__file__).parents[2])
    printed = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert len(printed) == 1, "only the first process prints"
    assert load_model(tmp_path / "out" / "model").classes[:2] == ("dark", "light")
    assert load_model(tmp_path / "out" / "baseline").classes == ("dark", "light"), "it taught both processes"
