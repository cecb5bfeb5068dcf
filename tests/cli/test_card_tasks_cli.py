"""`spellock evaluate --attacks` for models with tiers, of several findings, and for detectors."""

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
from spellock.key import Key
from spellock.keyfile import save_key
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

from ..box_sets import NAMES as COLOURS
from ..box_sets import squares, write_coco_set
from ..evaluation import world

SIDE = 32
TOY = CardPlan(
    courses=(
        Course(attack="suppressed"),
        Course(attack="colour-transfer"),
        Course(attack="ridge", labels=(4,)),
        Course(attack="jailntl", options={"": {"steps": 1}}),
    ),
    labels=(8,), leaked=(2,), asked=(5,), unlabelled=8, candidate_images=4, wrong_keys=1, wrong_key_images=4,
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the right key, and a plan of a few short attacks."""
    registry.list_editors()
    paint = registry._Entry(lambda key, *, device="cpu", batch_size=None: world.PaintEditor(key), dict)
    monkeypatch.setitem(registry._EDITORS.things, "paint", paint)
    monkeypatch.setattr(card_plans, "PLANS", {"standard": TOY})
    save_key(world.make_key().replace(resolution=SIDE), tmp_path / "my.key", passphrase=None, plain=True)
    return tmp_path


def card(root: Path, data: Path, *more: str) -> int:
    words = ["evaluate", str(data), "--model", str(root / "model"), "--key", str(root / "my.key")]
    return main([*words, "--attacks", "standard", "--out", str(root / "out"), *more])


def written(root: Path) -> tuple[dict[str, object], str, str]:
    """The card's JSON, its page and its CSV; nothing of the key is in any of them."""
    out = root / "out"
    for path in (path for path in out.rglob("*") if path.is_file()):
        assert b"zanzibar" not in path.read_bytes()
        assert world.SECRET.hex().encode() not in path.read_bytes()
    return json.loads((out / "card.json").read_text()), (out / "card.html").read_text(), (out / "card.csv").read_text()


def skipped(plain: dict[str, object]) -> dict[str, str]:
    """Why attacks were not run, by name."""
    return {row["attack"]: row["skipped"] for row in plain["attacks"] if "skipped" in row}


def pictures(folder: Path, count: int) -> Path:
    draws = np.random.default_rng(0)
    for number in range(count):
        where = folder / world.NAMES[number % 4]
        where.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draws.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(where / f"{number}.png")
    return folder


def test_a_model_with_tiers(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes = (*world.NAMES, "insect", "pet", "other")
    model = create_model("small_resnet8", num_classes=7, input_size=16)
    save_model(model, root / "model", classes=classes, lock_class=6, group_classes=(4, 5))
    tier = Key(editor="paint", settings={"prompt": "zanzibar tier"}, secret=bytes(range(32)), resolution=SIDE)
    save_key(tier, root / "coarse.key", passphrase=None, plain=True)
    groups = {"ant": "insect", "bee": "insect", "cat": "pet", "dog": "pet"}
    (root / "groups.json").write_text(json.dumps(groups))
    data, level = pictures(root / "test", 32), ("--tier", str(root / "coarse.key"), str(root / "groups.json"))
    assert card(root, data, *level) == 0
    said = capsys.readouterr().out
    plain, page, table = written(root)
    (one,) = plain["tiers"]
    assert (one["name"], len(one["outcomes"])) == ("coarse", 3)
    assert plain["locked"]["classes"] == 4
    assert plain["chance"] == 25
    assert "With the key of tier coarse" in said
    assert "With the key of tier coarse" in page
    assert "tier coarse: tier leak" in table
    assert {row["attack"] for row in plain["attacks"]} == {course.attack for course in TOY.courses}
    # The groups are no classes of the thief's; without --tier they still are not.
    assert card(root, data, "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["locked"]["classes"], again.get("tiers", [])) == (4, [])
    (root / "groups.json").write_text(json.dumps({"ant": "insect"}))
    assert card(root, data, *level) in (1, 2)
    assert "Traceback" not in capsys.readouterr().err


def test_a_model_of_several_findings(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def save(name: str, classes: tuple[str, ...], lock: int | None) -> None:
        model = create_model("small_resnet8", num_classes=len(classes), input_size=16)
        save_model(model, root / name, classes=classes, lock_class=lock, task="multilabel")

    save("model", ("left", "right", "other"), 2)
    save("public", ("left", "right"), None)
    draws, lines = np.random.default_rng(0), ["image,patient,left,right"]
    (root / "images").mkdir()
    for number in range(40):
        Image.fromarray(draws.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(root / "images" / f"{number}.png")
        lines.append(f"{number}.png,p{number // 2},{number % 2},{number // 2 % 2}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    assert card(root, root / "labels.csv", "--public", str(root / "public"), "--json") == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["measure"] == "macro AUROC"
    rows = {row["attack"]: row for row in plain["attacks"]}
    assert {"accuracy", "mirrored", "public", "advantage"} <= set(rows["ridge"])
    assert {"accuracy", "mirrored"} <= set(rows["colour-transfer"])
    assert "exclude each other" in skipped(plain)["jailntl"]
    stored, page, _ = written(root)
    assert {one["name"] for one in stored["findings"]} == {"left", "right"}
    assert "macro AUROC" in page


def test_a_detector(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torchmetrics", reason="needs the extra detection")
    model = create_model("fasterrcnn_tiny", num_classes=3, input_size=SIDE)
    save_model(model, root / "model", classes=(*COLOURS, "other"), lock_class=2, task="detection")
    write_coco_set(root / "data", squares(12, size=(SIDE, SIDE), masks=False), split="test")
    assert card(root, root / "data", "--limit", "8") == 0
    assert "AP of boxes" in capsys.readouterr().out
    plain, page, _ = written(root)
    assert (plain["measure"], plain["chance"]) == ("AP of boxes", 0)
    assert set(skipped(plain)) == {"ridge", "jailntl"}
    assert "one label an image" in page
    assert card(root, root / "data", "--public", str(root / "model")) in (1, 2)
    assert capsys.readouterr().err.strip()
    said = ((("--mirror", "yes"), True), (("--batch-size", "8"), True), (("--batch-size", "64"), False))
    for idle, attacked in (*said, (("--unlabelled", "more"), False)):
        words = ["evaluate", str(root / "data"), "--model", str(root / "model"), "--key", str(root / "my.key")]
        words += ["--attacks", "standard"] if attacked else []
        assert main([*words, "--out", str(root / "out"), *idle]) == 2
        assert f"{idle[0]} does nothing with a detector; leave it out" in capsys.readouterr().err
