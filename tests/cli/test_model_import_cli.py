"""`spellock model import`: a folder of a weights file that answers as the network did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from spellock.cli.main import main
from spellock.tasks.checkpoint import load_model
from spellock.tasks.models import create_model

IMAGES = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def stolen(tmp_path: Path) -> Path:
    """Weights of a small network of three classes, in the form that training loops save."""
    model = create_model("small_resnet8", num_classes=3, seed=4)
    state = {f"module.{name}": value for name, value in model.network.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "stolen.pth")
    return tmp_path / "stolen.pth"


def words(stolen: Path, *more: str) -> list[str]:
    return ["model", "import", str(stolen), str(stolen.parent / "made"), "--architecture", "small_resnet8", *more]


def test_the_folder_answers_as_the_network(stolen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words(stolen, "--classes", "cat", "dog", "other", "--lock-class", "other", "--json")) == 0
    said = json.loads(capsys.readouterr().out)
    model = create_model("small_resnet8", num_classes=3, seed=4).eval()
    assert (said["classes"], said["input_size"]) == (3, model.input_size)
    assert said["parameters"] == sum(weight.numel() for weight in model.parameters())
    made = load_model(stolen.parent / "made")
    assert (made.classes, made.lock_class, made.task.name) == (("cat", "dog", "other"), 2, "classification")
    with torch.inference_mode():
        assert torch.equal(made.model(IMAGES), model(IMAGES))
    assert main(words(stolen, "--classes", "cat", "dog", "other")) == 1
    assert "is there already" in capsys.readouterr().err


def test_names_out_of_a_file_and_another_normalisation(stolen: Path) -> None:
    names = stolen.parent / "names.txt"
    names.write_text("a cat\n\n dög \nother\n", encoding="utf-8")
    more = ("--mean", "0.5", "0.4", "0.3", "--std", "0.2", "0.2", "0.1", "--input-size", "24", "--lock-class", "none")
    assert main(words(stolen, "--classes-file", str(names), "--task", "multilabel", *more)) == 0
    made = load_model(stolen.parent / "made")
    assert (made.classes, made.lock_class, made.task.name) == (("a cat", "dög", "other"), None, "multilabel")
    assert made.model.mean_std == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.1))
    assert made.model.input_size == 24


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "both or neither of --classes and --classes-file"),
        (("--classes", "a", "b"), "holds a classifier of 3 classes"),
        (("--classes", "a", "b", "a"), "the class 'a' twice"),
        (("--classes", "a", "b", "c", "--lock-class", "d"), "expected one of the classes"),
        (("--classes-file", "none.txt"), "cannot read none.txt"),
        (("--classes", "a", "b", "c", "--task", "detection"), "for the classifier small_resnet8"),
    ],
)
def test_what_does_not_fit(stolen: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], says: str) -> None:
    assert main(words(stolen, *more)) != 0
    assert says in capsys.readouterr().err
    assert not (stolen.parent / "made").exists()


def test_another_network_is_named(stolen: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [word.replace("small_resnet8", "resnet20") for word in words(stolen, "--classes", "a", "b", "c")]
    assert main(asked) == 1
    assert "stolen.pth" in capsys.readouterr().err
    (stolen.parent / "text.pth").write_text("no weights")
    assert main([word.replace("stolen.pth", "text.pth") for word in words(stolen, "--classes", "a", "b", "c")]) == 1
    assert "text.pth" in capsys.readouterr().err
