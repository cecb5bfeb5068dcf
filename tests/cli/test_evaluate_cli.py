"""`spellock evaluate` from the words of the command line to the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from spellock.cli.main import main
from spellock.data.open_images import open_images
from spellock.errors import StorageError
from spellock.evaluation.official_model import OfficialArchitecture, OfficialNetwork
from spellock.keyfile import load_key
from spellock.locking.sampled import sample_of
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

from ..evaluation import world

WANTED = (
    "baseline up lp lp_suppressed lp_centred lp_permuted lp_bn lp_suppressed_bn lp_centred_bn lp_permuted_bn "
    "lp_same_path wrong_key_mean wrong_key_max hardened_lp chance seconds report"
)


def _evaluate(folder: Path, *more: str) -> int:
    words = ["evaluate", str(folder / "data"), "--model", str(folder / "model"), "--key", str(folder / "my.key")]
    return main([*words, "--out", str(folder / "report"), *more])


def test_evaluate_prints_one_object_and_writes_three_files(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _evaluate(locked, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert set(WANTED.split()) <= set(values)
    assert values["facts"]["test images"] == 24
    assert values["facts"]["lock class"] == "other"
    assert len(values["wrong_keys"]) == 20
    assert values["chance"] == 25
    names = {"report.json", "report.csv", "report.html", "command.json"}
    assert {path.name for path in (locked / "report").iterdir()} == names
    for name in names:
        text = (locked / "report" / name).read_text()
        assert "zanzibar" not in text
        assert world.SECRET.hex() not in text


def test_evaluate_warns_of_images_that_were_locked(locked: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = load_key(locked / "my.key")
    trained = open_images(locked / "data", split="train")
    (locked / "owner").mkdir()
    (locked / "owner" / "config.json").write_text(json.dumps({"sample": sample_of(trained, key)}))
    assert _evaluate(locked, "--wrong-keys", "0") == 0
    assert "was locked with" not in caplog.text
    assert _evaluate(locked, "--wrong-keys", "0", "--split", "train") == 0
    assert f"{locked / 'data'} has images that the model was locked with ('train/" in caplog.text
    (locked / "owner" / "config.json").write_text("damaged")
    assert _evaluate(locked, "--wrong-keys", "0") == 0


def test_evaluate_ends_with_3_where_a_required_figure_is_missed(
    locked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _evaluate(locked, "--wrong-keys", "0", "--require", "hardened_lp<=100", "--require", "chance>=25") == 0
    (locked / "report" / "report.json").unlink()
    assert _evaluate(locked, "--wrong-keys", "0", "--require", "chance>=26", "--require", "up<=100") == 3
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.endswith("chance is 25.0 %, required at least 26 %; do not release it")
    assert (locked / "report" / "report.json").is_file()
    assert _evaluate(locked, "--require", "chance=26") == 2
    (locked / "report" / "report.json").unlink()
    assert _evaluate(locked, "--require", "hardend_lp<=15") == 2
    assert "did you mean hardened_lp" in capsys.readouterr().err
    assert not (locked / "report" / "report.json").exists(), "told before hours of measuring"


def test_a_full_disk_does_not_cost_the_figures(
    locked: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **options: object) -> None:
        raise StorageError("cannot write report.json: No space left on device; free some space")

    monkeypatch.setattr("spellock.evaluation.write_report.write_json", full)
    assert _evaluate(locked, "--wrong-keys", "0") == 1
    said = capsys.readouterr()
    assert said.out.startswith("Baseline")
    assert "report:" not in said.err
    assert "No space left" in said.err
    assert _evaluate(locked, "--wrong-keys", "0", "--json") == 1
    assert json.loads(capsys.readouterr().out)["report"] is None


def test_evaluate_believes_the_model_about_its_lock_class(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Without the model's word the class that the data lacks would be taken for the lock class.
    model = create_model("resnet20", num_classes=5)
    save_model(model, locked / "model", classes=world.CLASSES, lock_class=None, overwrite=True)
    assert _evaluate(locked, "--json", "--wrong-keys", "0", "--baseline", str(locked / "model")) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["facts"]["lock class"] is None
    assert values["lp_suppressed"] == values["lp"]
    assert _evaluate(locked, "--json", "--wrong-keys", "0", "--lock-class", "other") == 0
    assert json.loads(capsys.readouterr().out)["facts"]["lock class"] == "other"


def test_evaluate_prints_plain_lines(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _evaluate(locked, "--limit", "12", "--wrong-keys", "4", "--split", "test", "--lock-class", "other") == 0
    out = capsys.readouterr().out
    assert out.startswith("Baseline")
    assert "Hardened LP" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("more", "words", "code"),
    [
        (["--lock-class", "lock"], "'lock'", 1),
        (["--split", "holdout"], "holdout", 1),
        (["--limit", "1"], "--limit 1", 2),
        (["--device", "abacus"], "abacus", 2),
        (["--baseline", "nowhere"], "nowhere", 1),
        (["--wrong-keys", "-1"], "wrong keys", 2),
    ],
)
def test_evaluate_explains_mistakes(
    locked: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str, code: int
) -> None:
    assert _evaluate(locked, *more) == code
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("spellock: ")
    assert words in error


def test_evaluate_never_takes_the_training_split_by_itself(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (locked / "data" / "test").rename(locked / "elsewhere")
    assert _evaluate(locked) == 1
    assert "--split" in capsys.readouterr().err
    assert main(["evaluate", str(locked / "elsewhere"), "--model", "m", "--out", str(locked / "report")]) == 2
    assert "--key" in capsys.readouterr().err


def test_what_is_wrong_with_the_test_split_is_said(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for picture in (locked / "data" / "test").glob("*/*"):
        picture.unlink()
    assert _evaluate(locked) == 1
    error = capsys.readouterr().err
    assert str(locked / "data" / "test") in error
    assert "--split" not in error


def test_evaluate_stops_at_or_skips_broken_images(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (locked / "data" / "test" / "bee" / "broken.png").write_bytes(b"no image")
    assert _evaluate(locked, "--wrong-keys", "0") == 1
    assert "broken.png" in capsys.readouterr().err
    assert _evaluate(locked, "--wrong-keys", "0", "--on-error", "skip", "--json") == 0
    assert json.loads(capsys.readouterr().out)["facts"]["test images"] == 24


def test_evaluate_an_unsplit_folder(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (locked / "data" / "test").rename(locked / "plain")
    words = ["evaluate", str(locked / "plain"), "--model", str(locked / "model"), "--key", str(locked / "my.key")]
    assert (
        main([*words, "--out", str(locked / "r"), "--wrong-keys", "0", "--unlabelled", str(locked / "plain"), "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["facts"]["centred on"] == "24 unlabelled images"


def test_editor_weights_beside_a_key_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "data", "--model", "model", "--key", "my.key", "--out", str(tmp_path / "out")]
    assert main([*words, "--weights", "editor"]) == 2
    assert "--weights does nothing with --key" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_official_preset(locked: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shape = OfficialArchitecture(classes=38, width=8, depth=1, heads=2, patch=8, crop=16, resize=18)
    monkeypatch.setattr("spellock.evaluation.official.OfficialArchitecture", lambda: shape)
    torch.save({"model": OfficialNetwork(shape).vit.state_dict()}, locked / "pets.pth")
    (locked / "pets" / "images").mkdir(parents=True)
    (locked / "pets" / "annotations").mkdir()
    for number in range(6):
        Image.new("RGB", (20, 24), (40 * number, 9, 9)).save(locked / "pets" / "images" / f"cat_{number}.jpg")
    lines = "\n".join(f"cat_{number} {number % 3 + 1} 1 1" for number in range(6))
    (locked / "pets" / "annotations" / "test.txt").write_text(lines)
    words = ["evaluate", str(locked / "pets"), "--preset", "modellock-official", "--model", str(locked / "pets.pth")]
    for idle in (["--baseline", "somewhere"], ["--split", "train"], ["--lock-class", "none"], ["--unlabelled", "more"]):
        assert main([*words, "--out", str(locked / "report"), *idle]) == 2
        assert f"{idle[0]} does nothing with --preset modellock-official" in capsys.readouterr().err
    assert main([*words, "--key", str(locked / "my.key"), "--out", str(locked / "report"), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["facts"]["protocol"] == "modellock-official"
    assert values["chance"] == pytest.approx(100 / 37, abs=1e-3)


@pytest.mark.parametrize("images", ["50", "200"])
def test_evaluate_refuses_an_amount_for_no_wrong_keys(
    locked: Path, capsys: pytest.CaptureFixture[str], images: str
) -> None:
    assert _evaluate(locked, "--wrong-keys", "0", "--wrong-key-images", images) == 2
    assert "--wrong-key-images does nothing with no wrong keys; add --wrong-keys 20" in capsys.readouterr().err
