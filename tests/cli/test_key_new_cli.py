"""`spellock key new` from the words of the command line to the exit code."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import pytest

from spellock.cli import key as key_command
from spellock.cli.key import KeyNewArgs, run_new
from spellock.cli.key_file import KeyRekeyArgs, KeyShowArgs, run_rekey, run_show
from spellock.cli.main import main
from spellock.keyfile import load_key

from ..key_samples import PROMPT, SECRET, shows_nothing
from ..keyfile_samples import PASSPHRASE
from .key_commands import refused, saved, secret_file


def test_new_asks_twice_and_writes(
    tmp_path: Path, asked: dict[str, object], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    answers[:] = [PASSPHRASE, PASSPHRASE]
    path = tmp_path / "my.key"
    words = ["key", "new", str(path), "--preset", "modellock", "--gamma", "0.25", "--steps", "7", "--resolution", "32"]
    assert main(words) == 0
    assert asked == {"preset": "modellock", "gamma": 0.25, "steps": 7, "resolution": 32}
    assert not answers
    assert load_key(path, passphrase=PASSPHRASE).secret == SECRET
    out, err = capsys.readouterr()
    assert str(path) in out
    assert shows_nothing(out + err)


def test_new_with_files_prints_json(
    tmp_path: Path, asked: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    path, passphrase = tmp_path / "k", secret_file(tmp_path / "pass")
    prompt = secret_file(tmp_path / "prompt", "\ufeff  a hidden spell \n", 0o644)
    words = ["key", "new", str(path), "--prompt-file", str(prompt), "--passphrase-file", str(passphrase), "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(path), "encrypted": True}
    assert asked == {"preset": "embedded", "prompt": "a hidden spell"}
    assert load_key(path, passphrase=PASSPHRASE).settings["prompt"] == "a hidden spell"


def test_new_plain_says_so(
    tmp_path: Path, asked: dict[str, object], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["key", "new", str(tmp_path / "k"), "--plain", "--prompt", "x y"]) == 0
    assert "NOT encrypted" in capsys.readouterr().out
    assert load_key(tmp_path / "k").settings["prompt"] == "x y"


def test_new_never_replaces_a_file_and_asks_for_nothing_before(
    tmp_path: Path, asked: dict[str, object], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "k")
    before = path.read_bytes()
    assert "exists" in refused(["key", "new", str(path)], capsys, 1)
    assert path.read_bytes() == before
    assert "no folder" in refused(["key", "new", str(tmp_path / "none" / "k")], capsys, 1)
    assert not asked


def test_new_refuses_contradictions(
    tmp_path: Path, asked: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    new, file = ["key", "new", str(tmp_path / "k")], str(secret_file(tmp_path / "f"))
    assert "exclude" in refused([*new, "--plain", "--passphrase-file", file], capsys, 2)
    assert "exclude" in refused([*new, "--prompt", PROMPT, "--prompt-file", file], capsys, 2)
    for content, word in ((" \n", "empty"), ("x" * 70_000, "too large"), ("with oil pastel\nwith chalk\n", "2 lines")):
        bad = str(secret_file(tmp_path / "bad", content))
        assert word in refused([*new, "--prompt-file", bad], capsys, 2)
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    assert "UTF-8" in refused([*new, "--prompt-file", bad], capsys, 2)
    assert "No such file" in refused([*new, "--prompt-file", str(tmp_path / "none")], capsys, 2)
    assert not (tmp_path / "k").exists()


def test_new_takes_no_poor_passphrase(
    tmp_path: Path, asked: dict[str, object], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    answers[:] = ["short"]
    assert "too short" in refused(["key", "new", str(tmp_path / "k")], capsys, 2)
    answers[:] = [PASSPHRASE, "different"] * 3
    assert "not the same" in refused(["key", "new", str(tmp_path / "k")], capsys, 2)
    answers[:] = [PASSPHRASE, "a typing mistake", PASSPHRASE, PASSPHRASE]
    assert main(["key", "new", str(tmp_path / "k")]) == 0


def test_there_is_no_way_to_give_a_passphrase_as_an_argument() -> None:
    for arguments in (KeyNewArgs, KeyShowArgs, KeyRekeyArgs):
        names = [name for name in inspect.signature(arguments).parameters if "pass" in name]
        assert names
        assert all(name.endswith("passphrase_file") for name in names)


def test_arguments_do_not_show_the_prompt(tmp_path: Path) -> None:
    assert shows_nothing(repr(KeyNewArgs(path=tmp_path, prompt=PROMPT, negative_prompt=PROMPT, lora=PROMPT)))


def test_run_takes_the_arguments_of_every_command(tmp_path: Path, asked: dict[str, object]) -> None:
    path = tmp_path / "k"
    assert run_new(KeyNewArgs(path=path, plain=True)) == 0
    assert run_show(KeyShowArgs(path=path)) == 0
    assert run_rekey(KeyRekeyArgs(path=path, plain=True)) == 0


def test_the_presets_take_what_the_command_gives() -> None:
    from spellock.editors.presets import new_key

    parameters = inspect.signature(new_key).parameters
    assert {"preset", "prompt", *key_command._OPTIONS} <= parameters.keys()
