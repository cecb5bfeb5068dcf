"""`spellock predict` from the words of the command line to the exit code."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from spellock.cli.main import main
from spellock.key import Key
from spellock.keyfile import load_key, save_key
from spellock.unlocking.unlocked_model import UnlockedModel

from ..evaluation import world
from ..keyfile_samples import CHEAP


def test_predict_prints_what_the_model_says(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", "--model", str(locked / "model"), "--key", str(locked / "my.key")]
    folder = locked / "data" / "test"
    paths = sorted(folder.rglob("*.png"))
    model = UnlockedModel.from_pretrained(locked / "model", key=load_key(locked / "my.key"))
    wanted = model.predict(paths)
    assert main([*words, str(folder)]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows] == [[str(path), one.class_name] for path, one in zip(paths, wanted, strict=True)]
    assert main([*words, "--top", "2", str(paths[0])]) == 0
    assert len(capsys.readouterr().out.split("\t")) == 5
    assert main([*words, "--json", str(paths[0]), str(paths[1])]) == 0
    values = json.loads(capsys.readouterr().out)
    assert [row["class"] for row in values["predictions"]] == [one.class_name for one in wanted[:2]]
    assert sum(values["predictions"][0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_predict_decrypts_in_memory(
    locked: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spellock.weightlocks.file_key.default_cost", lambda: CHEAP)
    secret = locked / "words"
    secret.write_text("a long passphrase\n")
    secret.chmod(0o600)
    keys = ["--key", str(locked / "w.key"), "--passphrase-file", str(secret)]
    assert main(["weights", "encrypt", str(locked / "model"), str(locked / "enc"), *keys]) == 0
    images = str(locked / "data" / "test")
    words = ["predict", images, "--json", "--key", str(locked / "my.key"), "--model"]
    capsys.readouterr()
    assert main([*words, str(locked / "model")]) == 0
    wanted = capsys.readouterr().out
    opens = ["--decrypt-key", str(locked / "w.key"), "--decrypt-passphrase-file", str(secret)]
    assert main([*words, str(locked / "enc"), *opens]) == 0
    assert capsys.readouterr().out == wanted
    bare = ["predict", images, "--json", "--model", str(locked / "enc")]
    assert main([*bare, *opens]) == 0
    assert capsys.readouterr().out != wanted, "no key, no edit"
    for given, sentence in (
        ([], "got no key, expected --key FILE, or --decrypt-key FILE for encrypted weights"),
        ([*opens, "--passphrase-file", str(secret)], "--passphrase-file does nothing with no --key"),
        ([*opens, "--no-check"], "--no-check does nothing with no --key"),
        (["--key", str(locked / "my.key"), *opens[2:]], "--decrypt-passphrase-file does nothing with no --decrypt-key"),
        (["--key", str(locked / "my.key")], "are encrypted (model.safetensors.enc); give `spellock predict`"),
        (["--decrypt-key", str(locked / "my.key")], "my.key is not"),
    ):
        assert main([*bare, *given]) != 0
        out, err = capsys.readouterr()
        assert out == ""
        assert sentence in err
        assert "Traceback" not in err


def test_predict_keeps_lines_and_columns_whatever_files_are_called(
    locked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = locked / "a\tb\nc ü\u202f.png"
    odd.write_bytes(next((locked / "data" / "test").rglob("*.png")).read_bytes())
    words = ["predict", "--model", str(locked / "model"), "--key", str(locked / "my.key"), str(odd)]
    assert main(words) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split("\t")[0] == str(locked / "a\\tb\\nc ü\u202f.png"), "only control characters are escaped"
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["predictions"][0]["source"] == str(odd)


def test_predict_names_folders_that_it_cannot_look_into(
    locked: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = locked / "data" / "test"
    (folder / "closed").mkdir()
    look = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    words = ["predict", "--model", str(locked / "model"), "--key", str(locked / "my.key"), str(folder)]
    assert main(words) == 1
    assert "closed: Permission denied; check its permissions" in capsys.readouterr().err
    assert main([*words, "--on-error", "skip", "--json"]) == 0
    said = capsys.readouterr()
    assert "skipped: cannot look into" in said.err
    values = json.loads(said.out)
    assert values["predictions"]
    assert [Path(one["source"]).name for one in values["skipped"]] == ["closed"]


@pytest.mark.parametrize(
    ("idle", "because"),
    [
        (["--score", "0.5"], "--score is for the boxes of detectors, but the model is a classifier; leave it out"),
        (["--draw", "drawn"], "--draw is for the boxes of detectors, but the model is a classifier; leave it out"),
        (["--no-check"], "--no-check does nothing with a key of images; leave it out"),
        (["--json", "--top", "2"], "--top does nothing with --json, which has all classes of a classifier"),
    ],
)
def test_predict_refuses_what_would_do_nothing(
    locked: Path, capsys: pytest.CaptureFixture[str], idle: list[str], because: str
) -> None:
    words = ["predict", "--model", str(locked / "model"), "--key", str(locked / "my.key"), str(locked / "data")]
    assert main([*words, *idle]) == 2
    said = capsys.readouterr()
    assert because in said.err
    assert not said.out


def test_predict_names_bad_files_keys_and_models(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = locked / "bad.png"
    bad.write_bytes(b"no image")
    good = str(next((locked / "data" / "test").rglob("*.png")))
    words = ["predict", "--model", str(locked / "model"), "--key", str(locked / "my.key")]
    assert main([*words, good, str(bad)]) == 1
    assert "bad.png" in capsys.readouterr().err
    assert main([*words, "--on-error", "skip", str(bad), good]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1
    assert "bad.png" in said.err
    assert main([*words, "--on-error", "skip", str(bad)]) == 1
    (locked / "empty").mkdir()
    for more, code in (([], 2), ([str(locked / "empty")], 1), (["--top", "0", good], 2)):
        assert main([*words, *more]) == code
    elsewhere = world.make_key().to_dict() | {"editor": "paintbox"}
    save_key(Key.from_dict(elsewhere), locked / "other.key", passphrase=None, plain=True)
    capsys.readouterr()
    assert main([*words[:-1], str(locked / "other.key"), good]) == 2
    assert "paintbox" in capsys.readouterr().err
    (locked / "other.key").write_text("{}")
    assert main([*words[:-1], str(locked / "other.key"), good]) == 2
