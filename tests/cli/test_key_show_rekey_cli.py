"""`spellock key show` and `rekey` from the words of the command line to the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spellock.cli.main import main
from spellock.key import Key
from spellock.keyfile import load_key, save_key

from ..key_samples import PROMPT, SECRET, a_key, shows_nothing
from ..keyfile_samples import PASSPHRASE
from .key_commands import NEW_PASSPHRASE, refused, saved, secret_file


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
