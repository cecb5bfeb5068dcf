"""What the thief of `spellock attack` holds: public weights, leaked images, labels, answers; as the words tell it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spellock.cli.main import main
from spellock.cli.public_model import public_model
from spellock.keyfile import save_key
from spellock.tasks.checkpoint import load_model, save_model
from spellock.tasks.models import create_model

from ..evaluation import world


def attack(folder: Path, name: str, *more: str) -> int:
    words = ["attack", name, str(folder / "model"), "--data", str(folder / "test"), "--key", str(folder / "my.key")]
    return main([*words, "--labels", "8", "--leaked", "4", "--out", str(folder / "out"), *more])


@pytest.mark.parametrize(
    ("classes", "outputs", "says"),
    [
        (world.NAMES, (0, 1, 2, 3), "by the names of 4 classes"),
        (("dog", "Cat", "bee", "ant"), (3, 2, 1, 0), "by the names of 4 classes"),
        (("more", "dog", "cat", "bee", "ant", "other"), (4, 3, 2, 1), "by the names of 4 of 6 classes"),
        (("0", "1", "2", "3"), (0, 1, 2, 3), "in the order of the data's classes"),
        (("elm", "fir", "oak", "yew"), None, "random: the public weights know other classes"),
        (("ant", "bee", "cat", "dad", "eye"), None, "random: the public weights know other classes"),
    ],
)
def test_a_public_folder_answers_by_its_classes_names_or_says_that_it_cannot(
    attacked: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    classes: tuple[str, ...],
    outputs: tuple[int, ...] | None,
    says: str,
) -> None:
    model = create_model("resnet20", num_classes=len(classes), seed=2)
    save_model(model, attacked / "other", classes=classes)
    found = public_model(attacked / "other", load_model(attacked / "model"), 4, 0)
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        own, given = model.eval()(images), found.model(images)
    assert given.shape == (2, 4)
    same = outputs is not None and torch.allclose(given, own[:, list(outputs)], atol=1e-5)
    assert same == (outputs is not None)
    assert ("starts from random values" in caplog.text) == (outputs is None)
    assert attack(attacked, "suppressed", "--public", str(attacked / "other"), "--json") == 0
    facts = json.loads(capsys.readouterr().out)["facts"]
    assert facts["classifier of the public weights"].endswith(says)


def test_a_public_file_says_whose_classifier_it_has(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, count, says in (("own", 4, "their own"), ("other", 7, "random")):
        save_model(create_model("resnet20", num_classes=count), attacked / name, classes=[str(k) for k in range(count)])
        file = attacked / name / "model.safetensors"
        assert attack(attacked, "suppressed", "--public", str(file), "--json") == 0
        facts = json.loads(capsys.readouterr().out)["facts"]
        assert facts["classifier of the public weights"].startswith(says)


def test_leaked_images_stay_here_unless_they_may_leave(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--endpoint", "https://model.invalid/v1", "--vision-model", "any", "--json")
    assert attack(attacked, "surrogate-prompt", *asked) == 0
    (row,) = json.loads(capsys.readouterr().out)["attacks"]
    assert "--allow-upload" in row["skipped"]
    assert attack(attacked, "suppressed", "--allow-upload") != 0
    assert "nobody to upload to" in capsys.readouterr().err
    assert attack(attacked, "surrogate-prompt", *asked, "--local-model", "./none") != 0
    assert "exclude each other" in capsys.readouterr().err


def test_an_endpoint_that_refuses_costs_no_other_attack(
    attacked: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spellock.prompts.posting.sleep", lambda seconds: None)
    asked = ("--endpoint", "http://127.0.0.1:9/v1", "--vision-model", "any", "--allow-upload", "--json")
    assert attack(attacked, "surrogate-prompt,suppressed", *asked) == 0
    rows = {row["attack"]: row for row in json.loads(capsys.readouterr().out)["attacks"]}
    assert "cannot reach 127.0.0.1:9" in rows["surrogate-prompt"]["skipped"]
    assert "accuracy" in rows["suppressed"]
    assert "cannot reach" in (attacked / "out" / "attacks.csv").read_text()
    assert attack(attacked, "surrogate-prompt", *asked) == 1
    assert "cannot reach 127.0.0.1:9" in capsys.readouterr().err


def test_leaked_images_out_of_folders(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("edited", 1), ("raw", 2)):
        (attacked / name).mkdir()
        for number, array in enumerate(np.random.default_rng(seed).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)):
            Image.fromarray(array).save(attacked / name / f"{number}.png")
    words = [
        "attack",
        "translator",
        str(attacked / "model"),
        "--data",
        str(attacked / "test"),
        "--out",
        str(attacked / "o"),
    ]
    words += ["--set", "steps=3", "--json", "--leaked-images", str(attacked / "edited")]
    assert main([*words, "--leaked-raw", str(attacked / "raw")]) == 0
    counts = [row["leaked"] for row in json.loads(capsys.readouterr().out)["attacks"]]
    assert counts == [1, 3], "those of --leaked that there are, and all"
    assert main(words) == 0
    assert "did not leak" in json.loads(capsys.readouterr().out)["attacks"][0]["skipped"]
    (attacked / "none").mkdir()
    assert main([*words[:-1], str(attacked / "none")]) == 1
    assert "holds no images" in capsys.readouterr().err
    assert attack(attacked, "translator", "--leaked-raw", str(attacked / "raw")) == 2
    assert "without --leaked-images" in capsys.readouterr().err


def test_a_thief_without_any_key_knows_the_editor(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def rows(name: str, *more: str) -> list[dict[str, object]]:
        words = ["attack", name, str(attacked / "model"), "--data", str(attacked / "test"), "--json"]
        assert main([*words, "--candidates", "3", "--out", str(attacked / f"o{len(more)}"), *more]) == 0
        found: list[dict[str, object]] = json.loads(capsys.readouterr().out)["attacks"]
        return [{name: value for name, value in row.items() if name != "seconds"} for row in found]

    own = world.make_key().with_settings(prompt="the thief's own").replace(secret=bytes(32))
    save_key(own, attacked / "thief.key", passphrase=None, plain=True)
    guessed = rows("prompt-search", "--editor", str(attacked / "thief.key"))
    assert guessed == rows("prompt-search", "--key", str(attacked / "my.key"), "--limit", "1000000")
    assert all("accuracy" in row for row in guessed)
    assert all("skipped" in row for row in rows("prompt-search"))
    assert any("accuracy" in row for row in rows("parameter-search", "--editor", "patch", "--unlabelled", "8"))


def test_what_is_no_editor(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["attack", "prompt-search", str(attacked / "model"), "--data", str(attacked / "test")]
    assert main([*words, "--out", str(attacked / "o"), "--editor", "pach"]) == 2
    assert "expected a key file of the thief's own, a preset" in capsys.readouterr().err
    assert attack(attacked, "prompt-search", "--editor", "embedded") == 2
    assert "got both --key and --editor" in capsys.readouterr().err


def test_answers_are_no_more_than_there_are_images(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attack(attacked, "knockoff", "--steps", "2", "--unlabelled", "12", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["attacks"]
    assert {(row["asked"], row["queries"]) for row in rows if row["level"] == "customer"} == {(12, 12)}


def test_labels_in_percent_are_of_the_images_that_the_thief_may_get(
    attacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def labels(*more: str) -> list[int]:
        assert attack(attacked, "prototypes", "--json", *more) == 0
        return [row["labels"] for row in json.loads(capsys.readouterr().out)["attacks"]]

    assert labels("--labels", "0.1%", "50%", "5", "100%") == [1, 5, 8, 16]
    assert labels("--labels", "50%", "25%", "--spare", str(attacked / "more")) == [8, 16]


def test_without_public_weights_a_line_says_what_is_missing(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attack(attacked, "prototypes") == 0
    assert "add --public" in capsys.readouterr().out
    assert attack(attacked, "prototypes", "--json") == 0
    said = capsys.readouterr()
    json.loads(said.out)
    assert "--public" not in said.out + said.err
    assert attack(attacked, "prototypes", "--public", str(attacked / "public")) == 0
    assert "add --public" not in capsys.readouterr().out


def test_usual_amounts_as_far_as_there_are_images(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["attack", "prototypes,translator", str(attacked / "model"), "--data", str(attacked / "test"), "--json"]
    words += ["--key", str(attacked / "my.key"), "--out", str(attacked / "out"), "--steps", "2"]
    assert main(words) == 0
    rows = json.loads(capsys.readouterr().out)["attacks"]
    assert {row["labels"] for row in rows if row["attack"] == "prototypes"} == {10}
    assert {row["leaked"] for row in rows if row["attack"] == "translator"} == {1, 10}
    assert main([*words, "--spare", str(attacked / "more"), "--labels", "500"]) == 1
    assert "500 labelled images but there are 32" in capsys.readouterr().err
