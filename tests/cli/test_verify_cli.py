"""`spellock verify` from the words of the command line to the verdict."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.cli.main import main
from spellock.keyfile import save_key
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

from ..ownership import suspects

SHORT = ("--set", "images=8", "--set", "keys=3", "--set", "alpha=0.25")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("verify")
    for name, classes, task in (
        ("own", 5, "classification"),
        ("plain", 4, "classification"),
        ("many", 4, "multilabel"),
    ):
        names = [*suspects.NAMES, "other"][:classes]
        save_model(create_model("resnet20", num_classes=classes, input_size=8), root / name, classes=names, task=task)
    save_key(suspects.the_key(), root / "my.key", passphrase=None, plain=True)
    images = suspects.pictures(40)
    for number in range(40):
        where = root / "data" / images.classes[images.labels[number]]
        where.mkdir(parents=True, exist_ok=True)
        images.open(number).save(where / f"{number}.png")
    for name in ("a", "b"):
        (root / "one" / name).mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(root / "one" / "a" / "0.png")
    return root


def verify(folder: Path, *more: str, suspect: str = "own", data: str = "data", key: bool = True) -> int:
    words = ["verify", str(folder / suspect), "--data", str(folder / data)]
    return main([*words, *(("--key", str(folder / "my.key")) if key else ()), *more])


def test_the_verdict_in_words_and_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(folder, *SHORT) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(("MATCH (key, ", "no match shown (key, "))
    assert "p = " in lines[1]
    assert verify(folder, *SHORT, "--labels-only", "--unlabelled", "--against", str(folder / "plain"), "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["decision"] in ("match", "no match shown")
    assert values["facts"]["unrelated"] == 1
    assert values["queries"] == 8 * 5
    secret = suspects.the_key().to_dict()["secret"]
    assert str(secret) not in json.dumps(values)


def test_random_keys_are_drawn_afresh_and_can_be_drawn_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def values(*more: str) -> dict[str, object]:
        assert verify(folder, *SHORT, "--json", *more) == 0
        return json.loads(capsys.readouterr().out)

    first, other = values(), values()
    seed = first["facts"]["seed"]
    assert isinstance(seed, int)
    assert seed != other["facts"]["seed"]
    assert values("--seed", str(seed)) == first
    assert values("--seed", "0")["facts"]["seed"] == 0
    assert verify(folder, *SHORT, "--seed", str(seed)) == 0
    assert capsys.readouterr().out.splitlines()[2] == f"seed: {seed}"


def test_evidence_that_a_method_does_not_look_at_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, plain, data = str(folder / "own"), str(folder / "plain"), str(folder / "data")
    for more in (("--own", own), ("--copies", own), ("--private", data)):
        assert verify(folder, *SHORT, *more) == 2
        assert f"{more[0]} does nothing with --method key; leave it out" in capsys.readouterr().err
    more = ("--method", "dataset-inference", "--own", own, "--private", data)
    assert verify(folder, *more, "--against", plain) == 2
    assert "--against does nothing with --method dataset-inference" in capsys.readouterr().err


def test_other_methods(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, plain = str(folder / "own"), str(folder / "plain")
    sac = ("--method", "sac", "--own", own, "--against", plain, "--set", "images=6", "--json")
    assert verify(folder, *sac) == 2
    assert "take 19 of them, or known copies, or for weaker evidence alpha=0.5" in capsys.readouterr().err
    assert verify(folder, *sac, "--set", "alpha=0.5") == 0
    assert json.loads(capsys.readouterr().out)["statistic"] == 0  # the suspect is the owner's model
    more = ("--set", "way=black-box", "--set", "images=6")
    assert verify(folder, "--method", "move", "--own", own, "--against", plain, *more, "--black-box", "--json") == 0
    assert json.loads(capsys.readouterr().out)["queries"] == 4 * 6
    short = ("--set", "images=4", "--set", "starts=1", "--set", "walk=2", "--private", str(folder / "data"))
    assert verify(folder, "--method", "dataset-inference", "--own", own, *short, key=False) == 0
    assert "private images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "changes", "words"),
    [
        ([], {}, "40 images, expected at least 100"),
        ([*SHORT], {"key": False}, "needs the key"),
        ([*SHORT], {"suspect": "nothing"}, "no model folder"),
        ([*SHORT], {"suspect": "many"}, "expected classification"),
        ([*SHORT, "--against", "many"], {}, "expected classification"),
        ([*SHORT], {"data": "one"}, "one class"),
        ([*SHORT, "--queries", "9"], {}, "9 queries are too few for 3 random keys, expected 10"),
        (["--method", "sack"], {}, "did you mean sac"),
        (["--method", "sac", "--against", "plain"], {}, "needs the owner's model"),
        (["--set", "picture=3"], {}, "--set picture=3"),
        (["--set", "keys=3"], {}, "take 99 keys"),
        ([*SHORT, "--seed", "-1"], {}, "got seed -1, expected 0 or more"),
    ],
)
def test_mistakes_are_one_clear_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], more: list[str], changes: dict[str, object], words: str
) -> None:
    more = [str(folder / word) if word in ("plain", "many") else word for word in more]
    assert verify(folder, *more, **changes) in (1, 2)
    captured = capsys.readouterr()
    assert words in captured.err
    assert len([line for line in captured.err.splitlines() if line.startswith("spellock: ")]) == 1
    assert not captured.out


def test_a_wrong_class_count_is_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, plain = str(folder / "own"), str(folder / "plain")
    words = ["--method", "dataset-inference", "--own", own, "--private", str(folder / "data"), "--set", "way=mingd"]
    assert verify(folder, *words, "--set", "images=4", suspect="plain") == 2
    assert "has 5 classes, expected more than the 9 targets; lower targets" in capsys.readouterr().err
    assert verify(folder, "--method", "move", "--own", plain, "--against", plain, "--set", "images=6") == 0
    assert "answers" not in capsys.readouterr().err


def test_the_list_names_needs_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "list"]) == 0
    assert "key: needs the key" in capsys.readouterr().out
    assert main(["verify", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["key"]["options"]["images"] == 100
