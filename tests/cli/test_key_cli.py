"""`spellock key new|show|rekey` from the words of the command line to the exit code."""

from __future__ import annotations

import getpass
import inspect
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from spellock.cli import key as key_command
from spellock.cli.key import KeyNewArgs, KeyRekeyArgs, KeyShowArgs, run
from spellock.cli.main import main
from spellock.errors import KeyFileError
from spellock.key import Key
from spellock.keyfile import load_key, save_key
from spellock.keyfile_cipher import Argon2idCost
from spellock.passphrase import new_passphrase, open_key, read_passphrase_file

from ..key_samples import PROMPT, SECRET, a_key, shows_nothing

PASSPHRASE = "correct horse battery"
NEW_PASSPHRASE = "another passphrase"
CHEAP = Argon2idCost(iterations=1, lanes=1, memory_kib=8)


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spellock.keyfile.default_cost", lambda: CHEAP)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Replaces `new_key`; holds what it was asked for."""
    seen: dict[str, object] = {}

    def new_key(preset: str = "embedded", **options: object) -> Key:
        seen.update(options, preset=preset)
        prompt = str(options.get("prompt", PROMPT))
        return a_key(settings={"prompt": prompt, "noise_seed": 987654})

    module = ModuleType("spellock.editors.presets")
    module.new_key = new_key  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spellock.editors.presets", module)
    return seen


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the person at the terminal types, in order."""
    typed: list[str] = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: typed.pop(0))
    return typed


def secret_file(path: Path, text: str = PASSPHRASE + "\n", mode: int = 0o600) -> Path:
    path.write_bytes(text.encode())
    path.chmod(mode)
    return path


def saved(path: Path, *, plain: bool = False) -> Path:
    save_key(a_key(), path, passphrase=None if plain else PASSPHRASE, plain=plain, cost=CHEAP)
    return path


def refused(words: list[str], capsys: pytest.CaptureFixture[str], code: int) -> str:
    """The one line on standard error of a command that fails with ``code``."""
    assert main(words) == code
    out, err = capsys.readouterr()
    assert not out
    assert len(err.strip().splitlines()) == 1
    assert shows_nothing(err)
    assert PASSPHRASE not in err
    assert "Traceback" not in err
    return err


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
    prompt = secret_file(tmp_path / "prompt", "  a hidden spell \n", 0o644)
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
    assert "exclude" in refused([*new, "--plain", "--passphrase-file", file], capsys, 1)
    assert "exclude" in refused([*new, "--prompt", PROMPT, "--prompt-file", file], capsys, 1)
    for content, word in ((" \n", "empty"), ("x" * 70_000, "too large")):
        bad = str(secret_file(tmp_path / "bad", content))
        assert word in refused([*new, "--prompt-file", bad], capsys, 1)
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    assert "UTF-8" in refused([*new, "--prompt-file", bad], capsys, 1)
    assert "No such file" in refused([*new, "--prompt-file", str(tmp_path / "none")], capsys, 1)
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


def test_show_gives_the_header_without_asking(
    tmp_path: Path, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "k")
    assert main(["key", "show", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "argon2id" in out
    assert "--reveal" in err
    assert shows_nothing(out + err)
    assert main(["key", "show", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sorted(found) == ["header", "path"]
    assert found["header"]["cipher"] == "AES-256-GCM"


def test_show_reveals_only_when_asked_for(
    tmp_path: Path, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "k")
    answers[:] = [PASSPHRASE]
    assert main(["key", "show", str(path), "--reveal", "--json"]) == 0
    assert Key.from_dict(json.loads(capsys.readouterr().out)["key"]) == a_key()
    file = secret_file(tmp_path / "pass")
    assert main(["key", "show", str(path), "--reveal", "--passphrase-file", str(file)]) == 0
    out = capsys.readouterr().out
    assert PROMPT in out
    assert SECRET.hex() in out


def test_show_does_not_obey_control_characters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_key(a_key().with_settings(prompt="\x1b[2J\x9b2J\r"), tmp_path / "k", passphrase=None, plain=True)
    assert main(["key", "show", str(tmp_path / "k"), "--reveal"]) == 0
    out = capsys.readouterr().out
    assert all(character.isprintable() or character == "\n" for character in out)


def test_rekey(tmp_path: Path, answers: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path / "k")
    answers[:] = [PASSPHRASE, NEW_PASSPHRASE, NEW_PASSPHRASE]
    assert main(["key", "rekey", str(path)]) == 0
    assert load_key(path, passphrase=NEW_PASSPHRASE) == a_key()
    old, new = secret_file(tmp_path / "old", NEW_PASSPHRASE), secret_file(tmp_path / "new", "third passphrase\r\n")
    words = ["key", "rekey", str(path), "--passphrase-file", str(old), "--new-passphrase-file", str(new), "--json"]
    capsys.readouterr()
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["encrypted"] is True
    assert load_key(path, passphrase="third passphrase") == a_key()
    assert main(["key", "rekey", str(path), "--passphrase-file", str(new), "--plain"]) == 0
    answers[:] = [PASSPHRASE, PASSPHRASE]
    assert main(["key", "rekey", str(path)]) == 0
    assert load_key(path, passphrase=PASSPHRASE) == a_key()


def test_rekey_with_a_wrong_passphrase_asks_for_no_new_one(
    tmp_path: Path, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "k")
    before = path.read_bytes()
    answers[:] = ["wrong passphrase", NEW_PASSPHRASE, NEW_PASSPHRASE]
    assert "wrong passphrase" in refused(["key", "rekey", str(path)], capsys, 2)
    assert len(answers) == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize("words", [["show"], ["show", "--reveal"], ["rekey"]])
def test_files_that_do_not_open_end_with_code_2(
    tmp_path: Path, words: list[str], answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    answers[:] = [PASSPHRASE] * 9
    path = saved(tmp_path / "k")
    good = path.read_bytes()
    newer = good.replace(b'"version": 1', b'"version": 3')
    for content in (b"", good[:-100], good.replace(b"spellock-key", b"spelloCk-key"), newer, b"x" * 70_000):
        path.write_bytes(content)
        refused(["key", words[0], str(path), *words[1:]], capsys, 2)
    refused(["key", words[0], str(tmp_path / "none"), *words[1:]], capsys, 2)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666])
def test_a_passphrase_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_passphrase_file(secret_file(tmp_path / "p", mode=mode))
    assert read_passphrase_file(secret_file(tmp_path / "p", mode=0o400)) == PASSPHRASE


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"two\n\n", b"\xff\xfe", b"x" * 5000])
def test_unusable_passphrase_files(tmp_path: Path, content: bytes) -> None:
    path = secret_file(tmp_path / "p")
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        read_passphrase_file(path)
    assert caught.value.exit_code == 2
    for nothing in (tmp_path, tmp_path / "none"):
        with pytest.raises(KeyFileError, match="cannot read"):
            read_passphrase_file(nothing)


def test_spaces_belong_to_a_passphrase(tmp_path: Path) -> None:
    assert read_passphrase_file(secret_file(tmp_path / "p", " two words \n")) == " two words "


def test_a_passphrase_may_come_through_a_pipe() -> None:
    reader, writer = os.pipe()
    os.write(writer, PASSPHRASE.encode() + b"\n")
    os.close(writer)
    try:
        assert read_passphrase_file(Path(f"/dev/fd/{reader}")) == PASSPHRASE
    finally:
        os.close(reader)


def no_terminal(prompt: str) -> str:
    warnings.warn("Can not control echo on the terminal.", getpass.GetPassWarning, stacklevel=2)
    return "typed for all to see"


def end_of_input(prompt: str) -> str:
    raise EOFError


@pytest.mark.parametrize("fake", [no_terminal, end_of_input])
def test_without_a_terminal_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fake: Callable[[str], str]
) -> None:
    monkeypatch.setattr(getpass, "getpass", fake)
    with pytest.raises(KeyFileError, match="no terminal"):
        open_key(saved(tmp_path / "k"))
    with pytest.raises(KeyFileError, match="no terminal"):
        new_passphrase(tmp_path / "k")


def test_open_key(tmp_path: Path, answers: list[str]) -> None:
    assert open_key(saved(tmp_path / "plain", plain=True)) == a_key()
    path = saved(tmp_path / "k")
    answers[:] = [PASSPHRASE]
    assert open_key(path) == a_key()
    assert open_key(path, passphrase_file=secret_file(tmp_path / "p")) == a_key()


def test_run_takes_the_arguments_of_every_command(tmp_path: Path, asked: dict[str, object]) -> None:
    path = tmp_path / "k"
    assert run(KeyNewArgs(path=path, plain=True)) == 0
    assert run(KeyShowArgs(path=path)) == 0
    assert run(KeyRekeyArgs(path=path, plain=True)) == 0


def test_the_presets_take_what_the_command_gives() -> None:
    from spellock.editors.presets import new_key

    parameters = inspect.signature(new_key).parameters
    assert {"preset", "prompt", *key_command._OPTIONS} <= parameters.keys()
