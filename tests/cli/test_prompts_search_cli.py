"""`spellock prompts search`: the key that it writes, what it does not tell, and refusals."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path

import pytest

from spellock.cli import prompts_search as command
from spellock.cli.main import main
from spellock.keyfile import load_key
from spellock.recipes import search_run

from ..recipes.key_search_toy import fake_pilots, make_key, write_data

WORDS = ["--no-tables", "--hybrids", "3", "--meaningless", "2", "--images", "8", "--pilot-images", "24", "--model",
    "small_resnet8", "--input-size", "16"]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("shades") / "data")


@pytest.fixture
def tinted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of the command are the stand-in editor's, and pilots need no training."""
    monkeypatch.setattr(command, "_key", lambda trial, args: make_key(trial))
    monkeypatch.setattr(search_run, "run_pilots", fake_pilots)


@pytest.mark.usefixtures("tinted")
@pytest.mark.parametrize("fresh", [False, True])
def test_the_command_writes_the_searched_key_and_tells_no_log(
    fresh: bool, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    words = ["prompts", "search", str(data), "--out", str(tmp_path / "out"), *WORDS, "--budget", "900", "5", "--json"]
    words += ["--fresh-secret"] if fresh else []
    with caplog.at_level(logging.DEBUG):
        code = main([*words, "--write-key", str(tmp_path / "my.key"), "--plain"])
    said = capsys.readouterr()
    assert code == 0, said.err
    found = json.loads(said.out)
    assert said.err.startswith("rung 1: ")
    assert f"in all at most {found['plan']['edits']} edits" in said.err
    key = load_key(tmp_path / "my.key")
    assert key.settings["prompt"] == found["recommended"]["prompt"]
    assert key.gamma == found["recommended"]["settings"]["gamma"]
    secrets = [one["secret"] for one in json.loads((tmp_path / "out" / "trials.json").read_text())["trials"]]
    assert (bytes(key.secret).hex() == secrets[found["recommended"]["key"] - 1]) != fresh
    assert bytes(key.secret).hex() not in secrets or not fresh
    record = (tmp_path / "out" / "command.json").read_text()
    for one in found["keys"]:
        assert one["prompt"] not in said.err + caplog.text + record
    assert bytes(key.secret).hex() not in said.err + said.out + caplog.text + record
    assert main([*words, "--write-key", str(tmp_path / "my.key"), "--plain"]) == 1, "a key is never replaced"


class ClosedPipe(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.usefixtures("tinted")
def test_the_key_is_written_though_nobody_reads_the_answer(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["prompts", "search", str(data), "--out", str(tmp_path / "out"), *WORDS, "--budget", "900", "5"]
    monkeypatch.setattr("sys.stdout", ClosedPipe())
    main([*words, "--write-key", str(tmp_path / "my.key"), "--plain"])
    monkeypatch.undo()
    assert load_key(tmp_path / "my.key").gamma > 0


@pytest.mark.usefixtures("tinted")
@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--budget", "500", "5"], 2, "too small for one pilot of a searched key"),
        (["--budget", "5000", "3"], 2, "expected at least 4"),
        (["--gamma", "0.6", "0.4"], 2, "lower end first"),
        (["--weave", "0", "0.7"], 2, "within 0 to 0.5"),
        (["--preset", "none"], 2, "no preset"),
        (["--plain"], 2, "--write-key"),
        (["--prompts-file", "none.txt"], 2, "cannot read the prompts file"),
        (["--images", "40"], 1, "--images 28"),
        (["--model", "nonet"], 1, "unknown model 'nonet'"),
    ],
)
def test_refusals_are_one_sentence(
    more: list[str], code: int, says: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prompts", "search", str(data), "--out", str(tmp_path / "out"), *WORDS, *more]) == code
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert says in sentence
