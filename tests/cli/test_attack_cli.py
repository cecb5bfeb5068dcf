"""`spellock attack` from the words of the command line to the tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spellock.attacks.registry import list_attacks
from spellock.cli.main import main
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

from ..evaluation import world


def attack(folder: Path, name: str, *more: str) -> int:
    words = ["attack", name, str(folder / "model"), "--data", str(folder / "test"), "--key", str(folder / "my.key")]
    return main([*words, "--labels", "8", "--leaked", "4", "--out", str(folder / "out"), *more])


def test_a_table_and_two_files_without_anything_secret(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ("--public", str(attacked / "public"), "--spare", str(attacked / "more"), "--candidate-images", "8")
    assert attack(attacked, "suppressed,prototypes,random-prompts", *more, "--candidates", "3", "--json") == 0
    values = json.loads(capsys.readouterr().out)
    rows = {(row["attack"], row.get("variant", "")): row for row in values["attacks"]}
    assert set(rows) == {("suppressed", ""), ("suppressed", "bn"), ("prototypes", ""), ("random-prompts", "")}
    assert {"accuracy", "public", "random", "advantage", "advantage_low"} <= set(rows["prototypes", ""])
    assert rows["random-prompts", ""]["candidates"] == 3
    assert values["facts"]["scored images"] == 32
    assert values["chance"] == 25
    files = [path for path in (attacked / "out").rglob("*") if path.is_file()]
    assert {"attacks.json", "attacks.csv", "command.json"} <= {path.name for path in files}
    for path in files:
        assert b"zanzibar" not in path.read_bytes()
        assert world.SECRET.hex().encode() not in path.read_bytes()
    assert attack(attacked, "suppressed") == 0
    assert capsys.readouterr().out.startswith("attack")


def test_thieves_mirror_as_the_owner_did_where_that_is_known(
    attacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def mirrors(*more: str) -> bool:
        assert attack(attacked, "suppressed", "--json", *more) == 0
        return bool(json.loads(capsys.readouterr().out)["facts"]["thieves mirror images"])

    assert not mirrors()
    assert mirrors("--mirror", "yes")
    settings = attacked / "owner" / "training" / "config.json"
    settings.parent.mkdir(parents=True)
    for augment, wanted in (("crop-flip", True), ("crop", False), ("random-resized-crop-erase", True), ("none", False)):
        settings.write_text(json.dumps({"augment": augment}))
        assert mirrors() is wanted
        assert not mirrors("--mirror", "no")


def test_a_leaked_part_of_a_weight_key(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, keyed, key, part = (str(attacked / name) for name in ("public", "keyed", "w.key", "part.key"))
    assert main(["weights", "lock", model, keyed, "--key", key, "--plain"]) == 0
    assert main(["weights", "part", key, part, "--share", "0.5", "--plain"]) == 0
    capsys.readouterr()
    words = ["attack", "key-part", keyed, "--data", str(attacked / "test"), "--out", str(attacked / "out"), "--json"]
    words += ["--public", model, "--lock-class", "none", "--labels", "8", "--set", "rest=public", "--set", "share=1.0"]
    assert main([*words, "--key-part", part]) == 0
    (row,) = json.loads(capsys.readouterr().out)["attacks"]
    assert row["level"] == "part"
    assert row["advantage"] == 0, "the public model is the whole one, so all of it came back"
    assert main(words) == 0
    (row,) = json.loads(capsys.readouterr().out)["attacks"]
    assert row["skipped"] == "no part of a weight key leaked"
    key_of_another = [*words, "--key-part", part]
    key_of_another[2] = str(attacked / "model")
    assert main(key_of_another) in (1, 2)
    assert "the key is for another model" in capsys.readouterr().err


def test_options_of_one_attack(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert attack(attacked, "translator", "--set", "steps=3", "--set", "width=4", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["attacks"]
    assert (row["variant"], row["leaked"], row["level"]) == ("as set", 4, "pairs")


def test_a_prompt_that_the_thief_knows_is_not_written_down(attacked: Path) -> None:
    prompt = world.make_key().settings["prompt"]
    assert attack(attacked, "weave-reading", "--set", f"prompt={prompt}", "--set", "pairs=false") == 0
    files = [path for path in (attacked / "out").rglob("*") if path.is_file()]
    assert "pairs=false" in (attacked / "out" / "command.json").read_text()
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
    attacked: Path, capsys: pytest.CaptureFixture[str], name: str, more: list[str], words: str
) -> None:
    assert attack(attacked, name, *more) in (1, 2)
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


def test_models_of_other_tasks_have_a_report_card(attacked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = create_model("small_resnet8", num_classes=3, input_size=16)
    save_model(model, attacked / "findings", classes=("a", "b", "other"), lock_class=2, task="multilabel")
    words = ["attack", "suppressed", str(attacked / "findings"), "--data", str(attacked / "test")]
    assert main([*words, "--key", str(attacked / "my.key"), "--out", str(attacked / "out")]) == 2
    assert "task multilabel" in (said := capsys.readouterr().err)
    assert "evaluate --attacks standard" in said
