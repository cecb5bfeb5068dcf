"""`spellock evaluate --attacks` from the words of the command line to the card's three files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.cli.main import main
from spellock.editors import registry
from spellock.evaluation import card_plans
from spellock.evaluation.card_plans import CardPlan, Course
from spellock.keyfile import save_key
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

from ..evaluation import world

TOY = CardPlan(
    courses=(Course(attack="suppressed"), Course(attack="prototypes")), labels=(4, 8), leaked=(2,), asked=(5,),
    unlabelled=8, candidate_images=4, wrong_keys=1, wrong_key_images=4,
)  # fmt: skip


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    registry.list_editors()
    paint = registry._Entry(lambda key, *, device="cpu", batch_size=None: world.PaintEditor(key), dict)
    monkeypatch.setitem(registry._EDITORS.things, "paint", paint)
    monkeypatch.setattr(card_plans, "PLANS", {"standard": TOY})
    save_model(create_model("resnet20", num_classes=5), tmp_path / "model", classes=world.CLASSES, lock_class=4)
    save_model(create_model("resnet20", num_classes=4, seed=1), tmp_path / "public", classes=world.NAMES)
    save_key(world.make_key(), tmp_path / "my.key", passphrase=None, plain=True)
    generator = np.random.default_rng(0)
    for split in ("test", "more"):
        for number, array in enumerate(generator.integers(0, 256, size=(24, 8, 8, 3), dtype=np.uint8)):
            folder = tmp_path / split / world.NAMES[number % 4]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(folder / f"{number}.png")
    return tmp_path


def evaluate(folder: Path, *more: str) -> int:
    words = ["evaluate", str(folder / "test"), "--model", str(folder / "model"), "--key", str(folder / "my.key")]
    return main([*words, "--out", str(folder / "out"), *more])


def test_a_card_and_three_files(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ("--attacks", "standard", "--spare", str(locked / "more"), "--public", str(locked / "public"))
    assert evaluate(locked, *more, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["locked"]["lock class"] == "other"
    assert {"accuracy", "public", "bits", "queries"} <= set(values["attacks"][-1])
    assert "thieves mirror images" in (locked / "out" / "card.html").read_text()
    files = {path.name for path in (locked / "out").iterdir()}
    assert files == {"card.json", "card.csv", "card.html", "command.json", "work"}
    assert values["report"].endswith("card.html")
    assert evaluate(locked, *more) == 0
    assert values["summary"] in capsys.readouterr().out
    for idle in (["--spare", "x"], ["--public", "x"], ["--mirror", "yes"], ["--mirror", "auto"]):
        assert evaluate(locked, *idle) == 2
        assert f"{idle[0]} does nothing with no attacks; add --attacks" in capsys.readouterr().err


def test_a_card_of_a_weight_lock(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keyed, key = str(locked / "keyed"), str(locked / "w.key")
    assert main(["weights", "lock", str(locked / "public"), keyed, "--key", key, "--plain"]) == 0
    capsys.readouterr()
    words = ["evaluate", str(locked / "test"), "--model", keyed, "--key", key, "--out", str(locked / "out")]
    words += ["--attacks", "standard", "--baseline", str(locked / "public"), "--public", str(locked / "public")]
    assert main([*words, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["locked"]["lock"] == "weights"
    figures = values["figures"]
    assert figures["up"] == figures["baseline"], "unlocked is the model that was locked"
    assert {row["attack"] for row in values["attacks"]} == {"suppressed", "prototypes"}
    assert (locked / "out" / "card.html").is_file()
    for more, sentence in (
        (["--tier", key, key], "no tiers"),
        (["--lock-class", "dog"], "no lock class"),
    ):
        assert main([*words, *more]) in (1, 2)
        assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--public", "x"], "--attacks"),
        (["--attacks", "standard", "--wrong-keys", "3"], "--wrong-keys does nothing with --attacks standard"),
        (["--attacks", "full", "--wrong-key-images", "3"], "--wrong-key-images does nothing with --attacks full"),
        (["--attacks", "full", "--wrong-key-images", "200"], "--wrong-key-images does nothing with --attacks full"),
        (["--attacks", "standard", "--on-error", "skip"], "--on-error does nothing"),
        (["--attacks", "some"], "some"),
    ],
)
def test_mistakes_are_explained(locked: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str) -> None:
    assert evaluate(locked, *more) in (1, 2)
    assert words in capsys.readouterr().err


def test_a_card_that_misses_what_is_required_is_written_all_the_same(locked: Path) -> None:
    assert evaluate(locked, "--attacks", "standard", "--require", "hardened_lp>=100") == 3
    assert (locked / "out" / "card.html").is_file()
