"""Curves of work that was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

from spellock.editor_training.work import log_to


def test_what_is_said_again_after_an_interruption_is_there_once(tmp_path: Path) -> None:
    path = tmp_path / "curve.jsonl"
    for steps in ([25, 50, 75], [50, 75, 100]):  # a checkpoint at 25, killed after 75
        report = log_to(path)
        for step in steps:
            report(step, 100, {"loss": 1 / step})
    whole = log_to(tmp_path / "whole.jsonl")
    for step in (25, 50, 75, 100):
        whole(step, 100, {"loss": 1 / step})
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_half_a_line_goes(tmp_path: Path) -> None:
    path = tmp_path / "curve.jsonl"
    log_to(path)(25, 100, {"loss": 1.0})
    with path.open("a") as file:
        file.write('{"step": 5')
    log_to(path)(50, 100, {"loss": 0.5})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [25, 50]
