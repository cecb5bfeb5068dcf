"""The command line: help everywhere, every failure one sentence and a non-zero exit code, no traceback."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import spellock
from spellock.cli import commands
from spellock.cli import main as cli_main
from spellock.cli.commands import COMMANDS, Command
from spellock.cli.main import main
from spellock.errors import ConfigError, DataError, EditorError, KeyFileError

SPELLOCK = [sys.executable, "-m", "spellock.cli.main"]


def one_sentence(err: str) -> str:
    """The single line on standard error, without the program's name."""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("spellock: ")
    assert "Traceback" not in err
    return lines[0].removeprefix("spellock: ")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakeArgs:
    """A command for these tests."""

    number: int = 1
    """A number."""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> object:
    """A command `fake` whose `run` the test gives."""

    def install(run: object) -> None:
        monkeypatch.setattr(sys.modules[__name__], "run_fake", run, raising=False)
        command = Command("fake", "For tests", __name__, "FakeArgs", "run_fake")
        monkeypatch.setattr(commands, "COMMANDS", {**COMMANDS, "fake": command})

    return install


def test_a_name_that_the_terminal_cannot_show_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of files need not be UTF-8, nor need the terminal be."""
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="latin-1"))
    monkeypatch.setattr(cli_main, "main", lambda: 0 * sys.stdout.write("caf\udce9.png\t\u6f22\t\xe9\n"))
    with pytest.raises(SystemExit) as stop:
        cli_main.entry()
    assert stop.value.code == 0
    assert shown.getvalue() == b"caf\\udce9.png\t\\u6f22\t\xe9\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"spellock {spellock.__version__}"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_help_lists_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    out = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert any(line.split() == f"{name} {command.summary}".split() for line in out.splitlines())


def test_no_command_shows_help_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--help"]) == 0
    out = capsys.readouterr().out
    fields = dataclasses.fields(COMMANDS[name].arguments)
    for field in fields:
        assert field.name.replace("_", "-") in out.lower().replace("_", "-"), field.name
    assert "_" not in "".join(word for word in out.split() if word.startswith("--")), "flags are kebab-case"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_flows(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "2000")
    assert main([*name.split(), "--help"]) == 0
    out = capsys.readouterr().out
    for before, line in pairwise(out.splitlines()):
        # A text in the second column begins there only below a flag that fills the first.
        assert not re.match(r"│ {5,}\S", line) or re.match(r"│ -\S+( \S+)*? {20,}│$", before), line.strip("│ ")
    assert "--no-no-" not in out
    usage = re.search(rf"^usage: spellock {name} \[-h\](.*)$", out, re.MULTILINE)
    assert usage is not None
    positional = re.sub(r"\[?--\S+ \S+", "", usage[1]).split()
    assert not {"STR", "PATH", "INT"} & set(positional), "what an argument is, not its type"


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_are_frozen_and_say_what_they_are(name: str) -> None:
    arguments = COMMANDS[name].arguments
    assert arguments.__dataclass_params__.frozen
    assert arguments.__doc__
    assert not arguments.__doc__.startswith(arguments.__name__), "a docstring of its own"


def test_group_shows_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key"]) == 0
    out = capsys.readouterr().out
    assert "key rekey" in out
    assert "predict" not in out


@pytest.mark.parametrize(
    ("words", "near"),
    [(["lokc"], "spellock lock"), (["key", "nwe"], "spellock key new"), (["evalute", "x"], "spellock evaluate")],
)
def test_unknown_command_names_the_nearest(words: list[str], near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert near in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("name", COMMANDS)
def test_unknown_flag_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*name.split(), "--no-such-flag", "1"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--no-such-flag" in one_sentence(captured.err) or "missing" in one_sentence(captured.err)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_refusal_is_a_sentence_on_every_terminal(encoding: str) -> None:
    words = ["editor", "train", "--data", "x", "--dat", "y"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    result = subprocess.run([*SPELLOCK, *words], capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 2
    expected = "missing: --out PATH; unrecognized options: --dat y; see `spellock editor train --help`"
    assert one_sentence(result.stderr) == expected


def test_near_flag_is_named(fake: object, capsys: pytest.CaptureFixture[str]) -> None:
    fake(lambda args: 0)  # type: ignore[operator]
    assert main(["fake", "--nubmer", "3"]) == 2
    assert "did you mean --number?" in one_sentence(capsys.readouterr().err)


def test_missing_flags_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["editor", "train", "--data", "x"]) == 2
    sentence = one_sentence(capsys.readouterr().err)
    assert "--out" in sentence
    assert "--data" not in sentence


def test_wrong_value_is_named(fake: object, capsys: pytest.CaptureFixture[str]) -> None:
    fake(lambda args: 0)  # type: ignore[operator]
    assert main(["fake", "--number", "many"]) == 2
    sentence = one_sentence(capsys.readouterr().err)
    assert "--number" in sentence
    assert "many" in sentence


def test_the_commands_exit_code_is_returned(fake: object) -> None:
    fake(lambda args: args.number)  # type: ignore[operator]
    assert main(["fake", "--number", "7"]) == 7


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (ConfigError("got 3 legs, expected 4;\n count again"), 2, "got 3 legs, expected 4; count again"),
        (KeyFileError("wrong passphrase"), 2, "wrong passphrase"),
        (EditorError("no such editor"), 2, "no such editor"),
        (DataError("no images"), 1, "no images"),
        (OSError(errno.ENOSPC, "No space left on device", "out/x.png"), 1, "disk is full: out/x.png"),
        (PermissionError(errno.EACCES, "Permission denied", "out"), 1, "no permission: out"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "in"), 1, "no such file or directory: in"),
        (MemoryError(), 1, "out of memory"),
        (ZeroDivisionError("division by zero"), 70, "ZeroDivisionError"),
        (KeyboardInterrupt(), 130, "run the same command again"),
    ],
)
def test_failures_are_sentences(
    error: BaseException, code: int, says: str, fake: object, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(args: FakeArgs) -> int:
        raise error

    fake(run)  # type: ignore[operator]
    assert main(["fake"]) == code
    assert says in one_sentence(capsys.readouterr().err)


@pytest.mark.parametrize("flag", ["--steps", "--batch-size", "--autoencoder-steps"])
def test_training_of_no_steps_is_refused(flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["editor", "train", "--data", str(tmp_path), "--out", str(tmp_path / "editor"), flag, "0"]
    assert main(words) == 2
    assert "0, expected at least 1" in one_sentence(capsys.readouterr().err)


def test_a_librarys_last_words_are_no_success(fake: object, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(args: object) -> int:
        raise SystemExit("no such backend")

    fake(stop)  # type: ignore[operator]
    assert main(["fake"]) == 1
    assert one_sentence(capsys.readouterr().err) == "no such backend"


def test_unexpected_errors_do_not_show_their_message(fake: object, capsys: pytest.CaptureFixture[str]) -> None:
    """It may hold anything, a key prompt too; --debug shows it."""

    def run(args: FakeArgs) -> int:
        raise ValueError("prompt: with oil pastel")

    fake(run)  # type: ignore[operator]
    assert main(["fake"]) == 70
    assert "pastel" not in capsys.readouterr().err
    with pytest.raises(ValueError, match="pastel"):
        main(["fake", "--debug"])


@pytest.mark.parametrize(("words", "resumes"), [(["lock"], True), (["evaluate"], False), (["key", "new"], False)])
def test_only_commands_that_keep_their_work_are_said_to_resume(
    words: list[str], resumes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("spellock.cli.main._dispatch", stop)
    assert main([*words, "--whatever"]) == 130
    said = one_sentence(capsys.readouterr().err)
    assert "run the same command again" in said
    assert ("to resume" in said) == resumes


def test_no_place_to_write_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["demo", "--out", str(tmp_path / "file" / "demo")]) == 1
    assert "cannot write" in one_sentence(capsys.readouterr().err)
