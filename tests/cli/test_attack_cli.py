"""`spellock attack` from the words of the command line to the tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spellock.attacks.registry import list_attacks
from spellock.cli.main import main
from spellock.cli.public_model import public_model
from spellock.editors import registry
from spellock.keyfile import save_key
from spellock.tasks.checkpoint import load_model, save_model
from spellock.tasks.models import create_model

from ..evaluation import world


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    registry.list_editors()
    paint = registry._Entry(lambda key, *, device="cpu", batch_size=None: world.PaintEditor(key), dict)
    monkeypatch.setitem(registry._EDITORS.things, "paint", paint)
    save_model(create_model("resnet20", num_classes=5), tmp_path / "model", classes=world.CLASSES, lock_class=4)
    save_model(create_model("resnet20", num_classes=4, seed=1), tmp_path / "public", classes=world.NAMES)
    save_key(world.make_key(), tmp_path / "my.key", passphrase=None, plain=True)
    generator = np.random.default_rng(0)
    for split in ("test", "more"):
        for number, array in enumerate(generator.integers(0, 256, size=(32, 8, 8, 3), dtype=np.uint8)):
            folder = tmp_path / split / world.NAMES[number % 4]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(folder / f"{number}.png")
    return tmp_path


def attack(folder: Path, name: str, *more: str) -> int:
    words = ["attack", name, str(folder / "model"), "--data", str(folder / "test"), "--key", str(folder / "my.key")]
    return main([*words, "--labels", "8", "--leaked", "4", "--out", str(folder / "out"), *more])


def test_a_table_and_two_files_without_anything_secret(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ("--public", str(locked / "public"), "--spare", str(locked / "more"), "--candidate-images", "8")
    assert attack(locked, "suppressed,prototypes,random-prompts", *more, "--candidates", "3", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    rows = {(row["attack"], row.get("variant", "")): row for row in values["attacks"]}
    assert set(rows) == {("suppressed", ""), ("suppressed", "bn"), ("prototypes", ""), ("random-prompts", "")}
    assert {"accuracy", "public", "random", "advantage", "advantage_low"} <= set(rows["prototypes", ""])
    assert rows["random-prompts", ""]["candidates"] == 3
    assert values["facts"]["scored images"] == 32
    assert values["chance"] == 25
    files = [path for path in (locked / "out").rglob("*") if path.is_file()]
    assert {"attacks.json", "attacks.csv", "command.json"} <= {path.name for path in files}
    for path in files:
        assert b"zanzibar" not in path.read_bytes()
        assert world.SECRET.hex().encode() not in path.read_bytes()
    assert attack(locked, "suppressed") == 0
    assert capsys.readouterr().out.startswith("attack")


def test_thieves_mirror_as_the_owner_did_where_that_is_known(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def mirrors(*more: str) -> bool:
        assert attack(locked, "suppressed", "--json", *more) == 0
        return bool(json.loads(capsys.readouterr().out)["facts"]["thieves mirror images"])

    assert not mirrors()
    assert mirrors("--mirror", "yes")
    settings = locked / "owner" / "training" / "config.json"
    settings.parent.mkdir(parents=True)
    for augment, wanted in (("crop-flip", True), ("crop", False), ("random-resized-crop-erase", True), ("none", False)):
        settings.write_text(json.dumps({"augment": augment}))
        assert mirrors() is wanted
        assert not mirrors("--mirror", "no")


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
    locked: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    classes: tuple[str, ...],
    outputs: tuple[int, ...] | None,
    says: str,
) -> None:
    model = create_model("resnet20", num_classes=len(classes), seed=2)
    save_model(model, locked / "other", classes=classes)
    found = public_model(locked / "other", load_model(locked / "model"), 4, 0)
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        own, given = model.eval()(images), found.model(images)
    assert given.shape == (2, 4)
    same = outputs is not None and torch.allclose(given, own[:, list(outputs)], atol=1e-5)
    assert same == (outputs is not None)
    assert ("starts from random values" in caplog.text) == (outputs is None)
    assert attack(locked, "suppressed", "--public", str(locked / "other"), "--json") == 0
    facts = json.loads(capsys.readouterr().out)["facts"]
    assert facts["classifier of the public weights"].endswith(says)


def test_a_public_file_says_whose_classifier_it_has(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, count, says in (("own", 4, "their own"), ("other", 7, "random")):
        save_model(create_model("resnet20", num_classes=count), locked / name, classes=[str(k) for k in range(count)])
        file = locked / name / "model.safetensors"
        assert attack(locked, "suppressed", "--public", str(file), "--json") == 0
        facts = json.loads(capsys.readouterr().out)["facts"]
        assert facts["classifier of the public weights"].startswith(says)


def test_a_leaked_part_of_a_weight_key(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, keyed, key, part = (str(locked / name) for name in ("public", "keyed", "w.key", "part.key"))
    assert main(["weights", "lock", model, keyed, "--key", key, "--plain"]) == 0
    assert main(["weights", "part", key, part, "--share", "0.5", "--plain"]) == 0
    capsys.readouterr()
    words = ["attack", "key-part", keyed, "--data", str(locked / "test"), "--out", str(locked / "out"), "--json"]
    words += ["--public", model, "--lock-class", "none", "--labels", "8", "--set", "rest=public", "--set", "share=1.0"]
    assert main([*words, "--key-part", part]) == 0
    (row,) = json.loads(capsys.readouterr().out)["attacks"]
    assert row["level"] == "part"
    assert row["advantage"] == 0, "the public model is the whole one, so all of it came back"
    assert main(words) == 0
    (row,) = json.loads(capsys.readouterr().out)["attacks"]
    assert row["skipped"] == "no part of a weight key leaked"
    key_of_another = [*words, "--key-part", part]
    key_of_another[2] = str(locked / "model")
    assert main(key_of_another) in (1, 2)
    assert "the key is for another model" in capsys.readouterr().err


def test_options_of_one_attack(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attack(locked, "translator", "--set", "steps=3", "--set", "width=4", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["attacks"]
    assert (row["variant"], row["leaked"], row["level"]) == ("as set", 4, "pairs")


def test_a_prompt_that_the_thief_knows_is_not_written_down(locked: Path) -> None:
    prompt = world.make_key().settings["prompt"]
    assert attack(locked, "weave-reading", "--set", f"prompt={prompt}", "--set", "pairs=false") == 0
    files = [path for path in (locked / "out").rglob("*") if path.is_file()]
    assert "pairs=false" in (locked / "out" / "command.json").read_text()
    for path in files:
        assert str(prompt).encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("supressed", [], "did you mean suppressed"),
        ("translator", ["--set", "step=3"], "--set step=3"),
        ("translator", ["--set", "steps=many"], "steps"),
        ("suppressed,tent", ["--set", "epochs=3"], "several attacks"),
        ("suppressed", ["--public", "nowhere.pth"], "nowhere"),
        ("ridge", ["--labels", "900"], "900 labelled"),
        ("suppressed", ["--steps", "0"], "0 steps"),
        ("suppressed", ["--limit", "-3"], "--limit -3"),
        ("suppressed", ["--unlabelled", "-3"], "--unlabelled -3"),
        ("suppressed", ["--labels", "0"], "--labels 0, expected"),
        ("suppressed", ["--leaked", "4", "0"], "--leaked 0, expected at least 1"),
        ("suppressed", ["--draws", "0"], "--draws 0, expected at least 1"),
        ("suppressed", ["--candidate-images", "0"], "--candidate-images 0, expected at least 1"),
        ("suppressed", ["--labels", "5", "ten%"], "--labels ten%, expected"),
        ("suppressed", ["--labels", "0%"], "--labels 0%, expected"),
        ("suppressed", ["--labels", "101%"], "--labels 101%, expected"),
        ("suppressed", ["--labels", "2.5"], "--labels 2.5, expected"),
        ("suppressed", ["--labels", "nan%"], "--labels nan%, expected"),
        ("suppressed,prototypes", ["--queries", "100"], "add --black-box"),
        ("translator", ["--leaked", "900"], "900 leaked images but there are 16"),
    ],
)
def test_mistakes_are_explained(
    locked: Path, capsys: pytest.CaptureFixture[str], name: str, more: list[str], words: str
) -> None:
    assert attack(locked, name, *more) in (1, 2)
    assert words in capsys.readouterr().err


def test_the_list_names_levels_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "list"]) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["suppressed"] == ["query", "statistics=kept"]
    assert lines["translator"][0] == "pairs"
    assert main(["attack", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ridge"]["level"] == "labels"


def test_every_option_of_a_named_attack_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attack", "list", *list_attacks(), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [name for name, one in told.items() if not one["about"]] == []
    silent = {name: set(one["options"]) - set(one["meaning"]) for name, one in told.items()}
    assert {name: options for name, options in silent.items() if options} == {}
    assert main(["attack", "list", "prompt-search"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("prompt-search (query): Try every prompt of a dictionary")
    assert "ranking=both  `both` (confidence with the lock class kept), `confidence`" in said
    assert main(["attack", "list", "knockof"]) == 2
    assert "did you mean knockoff" in capsys.readouterr().err


def test_leaked_images_stay_here_unless_they_may_leave(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--endpoint", "https://model.invalid/v1", "--vision-model", "any", "--json")
    assert attack(locked, "surrogate-prompt", *asked) == 0
    (row,) = json.loads(capsys.readouterr().out)["attacks"]
    assert "--allow-upload" in row["skipped"]
    assert attack(locked, "suppressed", "--allow-upload") != 0
    assert "nobody to upload to" in capsys.readouterr().err
    assert attack(locked, "surrogate-prompt", *asked, "--local-model", "./none") != 0
    assert "exclude each other" in capsys.readouterr().err


def test_an_endpoint_that_refuses_costs_no_other_attack(
    locked: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spellock.prompts.posting.sleep", lambda seconds: None)
    asked = ("--endpoint", "http://127.0.0.1:9/v1", "--vision-model", "any", "--allow-upload", "--json")
    assert attack(locked, "surrogate-prompt,suppressed", *asked) == 0
    rows = {row["attack"]: row for row in json.loads(capsys.readouterr().out)["attacks"]}
    assert "cannot reach 127.0.0.1:9" in rows["surrogate-prompt"]["skipped"]
    assert "accuracy" in rows["suppressed"]
    assert "cannot reach" in (locked / "out" / "attacks.csv").read_text()
    assert attack(locked, "surrogate-prompt", *asked) == 1
    assert "cannot reach 127.0.0.1:9" in capsys.readouterr().err


def test_leaked_images_out_of_folders(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("edited", 1), ("raw", 2)):
        (locked / name).mkdir()
        for number, array in enumerate(np.random.default_rng(seed).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)):
            Image.fromarray(array).save(locked / name / f"{number}.png")
    words = ["attack", "translator", str(locked / "model"), "--data", str(locked / "test"), "--out", str(locked / "o")]
    words += ["--set", "steps=3", "--json", "--leaked-images", str(locked / "edited")]
    assert main([*words, "--leaked-raw", str(locked / "raw")]) == 0
    counts = [row["leaked"] for row in json.loads(capsys.readouterr().out)["attacks"]]
    assert counts == [1, 3], "those of --leaked that there are, and all"
    assert main(words) == 0
    assert "did not leak" in json.loads(capsys.readouterr().out)["attacks"][0]["skipped"]
    (locked / "none").mkdir()
    assert main([*words[:-1], str(locked / "none")]) == 1
    assert "holds no images" in capsys.readouterr().err
    assert attack(locked, "translator", "--leaked-raw", str(locked / "raw")) == 2
    assert "without --leaked-images" in capsys.readouterr().err


def test_models_of_other_tasks_have_a_report_card(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = create_model("small_resnet8", num_classes=3, input_size=16)
    save_model(model, locked / "findings", classes=("a", "b", "other"), lock_class=2, task="multilabel")
    words = ["attack", "suppressed", str(locked / "findings"), "--data", str(locked / "test")]
    assert main([*words, "--key", str(locked / "my.key"), "--out", str(locked / "out")]) == 2
    assert "task multilabel" in (said := capsys.readouterr().err)
    assert "evaluate --attacks standard" in said


def test_answers_are_no_more_than_there_are_images(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attack(locked, "knockoff", "--steps", "2", "--unlabelled", "12", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["attacks"]
    assert {(row["asked"], row["queries"]) for row in rows if row["level"] == "customer"} == {(12, 12)}


def test_labels_in_percent_are_of_the_images_that_the_thief_may_get(
    locked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def labels(*more: str) -> list[int]:
        assert attack(locked, "prototypes", "--json", *more) == 0
        return [row["labels"] for row in json.loads(capsys.readouterr().out)["attacks"]]

    assert labels("--labels", "0.1%", "50%", "5", "100%") == [1, 5, 8, 16]
    assert labels("--labels", "50%", "25%", "--spare", str(locked / "more")) == [8, 16]


def test_without_public_weights_a_line_says_what_is_missing(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attack(locked, "prototypes") == 0
    assert "add --public" in capsys.readouterr().out
    assert attack(locked, "prototypes", "--json") == 0
    said = capsys.readouterr()
    json.loads(said.out)
    assert "--public" not in said.out + said.err
    assert attack(locked, "prototypes", "--public", str(locked / "public")) == 0
    assert "add --public" not in capsys.readouterr().out


def test_usual_amounts_as_far_as_there_are_images(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["attack", "prototypes,translator", str(locked / "model"), "--data", str(locked / "test"), "--json"]
    words += ["--key", str(locked / "my.key"), "--out", str(locked / "out"), "--steps", "2"]
    assert main(words) == 0
    rows = json.loads(capsys.readouterr().out)["attacks"]
    assert {row["labels"] for row in rows if row["attack"] == "prototypes"} == {10}
    assert {row["leaked"] for row in rows if row["attack"] == "translator"} == {1, 10}
    assert main([*words, "--spare", str(locked / "more"), "--labels", "500"]) == 1
    assert "500 labelled images but there are 32" in capsys.readouterr().err
