"""What is said of long work."""

import itertools

import pytest

from spellock import progress
from spellock.progress import in_words, track


def test_slow_work_is_told_in_seconds_each() -> None:
    assert [in_words(rate) for rate in (107.52, 1.0, 0.5, 0.0384)] == ["107.5/s", "1.0/s", "2.0 s each", "26.0 s each"]


def test_without_a_terminal_a_plain_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = itertools.count(step=20.0)  # an item takes 20 seconds
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert list(track(range(3), total=3, label="editing")) == [0, 1, 2]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "editing: 1/3, 20.0 s each, 40 s left",
        "editing: 2/3, 20.0 s each, 20 s left",
        "editing: 3/3, 20.0 s each, 0 s left",
    ]


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(range(1000), total=1000, label="editing")) == list(range(1000))
    assert capsys.readouterr().err == ""
