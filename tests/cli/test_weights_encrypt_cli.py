"""`spellock weights encrypt` and `decrypt`, from the words of the command line to the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from spellock.cli.main import main
from spellock.weightlocks.encrypted_tensors import read_encrypted
from spellock.weightlocks.file_key import load_file_key

from ..keyfile_samples import CHEAP, PASSPHRASE
from ..weightlocks.safetensors_samples import a_file
from .key_commands import refused, saved, secret_file


@pytest.fixture(autouse=True)
def _cheap_file_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spellock.weightlocks.file_key.default_cost", lambda: CHEAP)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return a_file(tmp_path / "m.safetensors", {"layer": torch.arange(12.0)})


def test_there_and_back_with_typed_passphrases(
    tmp_path: Path, plain: Path, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    enc, back, key = tmp_path / "m.enc", tmp_path / "back", tmp_path / "w.key"
    answers[:] = [PASSPHRASE, PASSPHRASE, PASSPHRASE]
    assert main(["weights", "encrypt", str(plain), str(enc), "--key", str(key)]) == 0
    out, err = capsys.readouterr()
    assert "keep a copy" in out
    assert "1 tensors" in out
    assert PASSPHRASE not in out + err
    assert main(["weights", "decrypt", str(enc), str(back), "--key", str(key)]) == 0
    assert back.read_bytes() == plain.read_bytes()
    assert not answers


def test_one_key_serves_several_files(tmp_path: Path, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    word, key = str(secret_file(tmp_path / "pass")), tmp_path / "w.key"
    for number, made in ((1, True), (2, False)):
        enc = tmp_path / f"{number}.enc"
        words = ["weights", "encrypt", str(plain), str(enc), "--key", str(key), "--passphrase-file", word, "--json"]
        assert main(words + ["--hide-names"] * (number - 1)) == 0
        found = json.loads(capsys.readouterr().out)
        assert found == {
            "path": str(enc),
            "key": str(key),
            "key_made": made,
            "names_hidden": number == 2,
            "files": [{"path": str(enc), "tensors": 1, "bytes": 48}],
        }
        with read_encrypted(enc, load_file_key(key, passphrase=PASSPHRASE)) as tensors:
            assert tensors["layer"].tolist() == list(range(12))
            assert tensors.names_hidden is (number == 2)
    words = [
        "weights",
        "decrypt",
        str(enc),
        str(tmp_path / "b"),
        "--key",
        str(key),
        "--passphrase-file",
        word,
        "--json",
    ]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["files"][0]["tensors"] == 1


def test_a_plain_key_says_so_and_asks_nothing(
    tmp_path: Path, plain: Path, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "w.key"
    assert main(["weights", "encrypt", str(plain), str(tmp_path / "e"), "--key", str(key), "--plain"]) == 0
    assert "NOT encrypted" in capsys.readouterr().out
    assert main(["weights", "decrypt", str(tmp_path / "e"), str(tmp_path / "b"), "--key", str(key)]) == 0
    capsys.readouterr()
    assert "is there already" in refused(
        ["weights", "encrypt", str(plain), str(tmp_path / "e2"), "--key", str(key), "--plain"], capsys, 2
    )


def test_refusals_come_before_a_passphrase_is_asked_for(
    tmp_path: Path, plain: Path, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    key, new, there = ["--key", str(tmp_path / "w.key")], str(tmp_path / "new"), tmp_path / "there"
    there.write_text("mine")
    for verb in ("encrypt", "decrypt"):
        words = ["weights", verb]
        assert "no model" in refused([*words, str(tmp_path / "none"), new, *key], capsys, 1)
        assert "exists already" in refused([*words, str(plain), str(there), *key], capsys, 1)
        assert "no folder" in refused([*words, str(plain), str(tmp_path / "none" / "x"), *key], capsys, 1)
    words = ["weights", "encrypt", str(plain), new]
    assert "no folder" in refused([*words, "--key", str(tmp_path / "none" / "k")], capsys, 1)
    assert "exclude" in refused([*words, *key, "--plain", "--passphrase-file", str(there)], capsys, 2)
    assert there.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"m.safetensors", "there"}


def test_a_key_file_is_not_put_into_the_folder(
    tmp_path: Path, plain: Path, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").mkdir()
    plain.rename(tmp_path / "model" / "model.safetensors")
    words = ["weights", "encrypt", str(tmp_path / "model"), str(tmp_path / "new"), "--key"]
    assert "leaks" in refused([*words, str(tmp_path / "model" / "w.key")], capsys, 2)


def test_wrong_keys_and_passphrases(
    tmp_path: Path, plain: Path, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    new = str(tmp_path / "new")
    for name in ("one", "two"):
        words = ["weights", "encrypt", str(plain), str(tmp_path / f"e-{name}"), "--key", str(tmp_path / name)]
        assert main([*words, "--passphrase-file", str(secret_file(tmp_path / "pass"))]) == 0
    capsys.readouterr()
    enc, word = str(tmp_path / "e-one"), ["--passphrase-file", str(tmp_path / "pass")]
    decrypt = ["weights", "decrypt", enc, new, "--key"]
    assert "does not open" in refused([*decrypt, str(tmp_path / "two"), *word], capsys, 2)
    answers[:] = ["not the passphrase"]
    assert "wrong passphrase" in refused([*decrypt, str(tmp_path / "one")], capsys, 2)
    assert "not a spellock key file of this kind" in refused(
        [*decrypt, str(saved(tmp_path / "spell")), *word], capsys, 2
    )
    assert not Path(new).exists()
