"""`spellock key new --editor NAME` and `spellock key editors`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spellock.cli.main import main
from spellock.editors.registry import list_editors
from spellock.keyfile import load_key


def new(path: Path, *words: str) -> int:
    return main(["key", "new", str(path), "--plain", *words])


def test_settings_of_an_editor_reach_the_key(tmp_path: Path) -> None:
    settings = ["--set", "size=4", "--set", "place=bottom-left"]
    assert new(tmp_path / "a", "--editor", "patch", *settings, "--resolution", "28", "--gamma", "0.5") == 0
    key = load_key(tmp_path / "a")
    assert (key.editor, key.resolution, key.gamma) == ("patch", 28, 0.5)
    assert (key.settings["size"], key.settings["place"], key.settings["colour"]) == (4, "bottom-left", "#ffffff")
    assert new(tmp_path / "b", "--editor", "noise") == 0
    assert dict(load_key(tmp_path / "b").settings) == {"amplitude": 0.1}
    assert load_key(tmp_path / "b").gamma == 1
    assert load_key(tmp_path / "b").secret != key.secret


def test_options_of_the_same_name_are_settings(tmp_path: Path) -> None:
    assert (
        new(tmp_path / "a", "--editor", "diffusion", "--prompt", "in ink", "--steps", "3", "--set", "noise=shared") == 0
    )
    key = load_key(tmp_path / "a")
    assert (key.settings["prompt"], key.settings["steps"], key.settings["weights"]) == ("in ink", 3, "embedded")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--editor pach", "did you mean patch"),
        ("--editor patch --set siz=5", "did you mean size? it has size, place"),
        ("--editor patch --set size", "NAME=VALUE"),
        ("--editor patch --set size=big", "expected int"),
        ("--editor patch --set size=29 --resolution 28", "29 pixels wide"),
        ("--editor patch --set size=2 --set size=3", "twice"),
        ("--editor patch --set image=gone.png", "pattern image"),
        ("--editor patch --prompt ink", "no setting 'prompt'"),
        ("--editor patch --preset modellock", "exclude each other"),
        ("--editor diffusion --prompt ink --set prompt=oil", "twice"),
        ("--editor diffusion --resolution 33", "make the key with resolution 32"),
        ("--resolution 33", "make the key with resolution 32"),
        ("--set size=5", "--editor"),
    ],
)
def test_mistakes_are_one_sentence(words: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert new(tmp_path / "a", *words.split()) == 2
    out, err = capsys.readouterr()
    assert not out
    assert len(err.strip().splitlines()) == 1
    assert says in err
    assert not (tmp_path / "a").exists()


def test_editors_and_their_settings_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "editors"]) == 0
    assert capsys.readouterr().out.split() == list_editors()
    assert main(["key", "editors", "patch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["size", "int", "=", "5"]
    assert not any("digest" in line for line in lines)
    assert main(["key", "editors", "blend", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["alpha"] == "float = 0.2"
    assert main(["key", "editors", "--json"]) == 0
    assert "noise" in json.loads(capsys.readouterr().out)["editors"]
    assert main(["key", "editors", "pach"]) == 2
    assert "did you mean patch" in capsys.readouterr().err
