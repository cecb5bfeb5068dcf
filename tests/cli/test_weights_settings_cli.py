"""`spellock weights select|lock`: which key their settings make, how large it is, and settings that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from spellock.cli.main import main
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

from .weights_folder import CLASSES, lock


def test_keys_of_rounded_values_are_smaller(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    some = [
        "--fraction",
        "0.3",
        "--score",
        "l2",
        "--no-include-head",
        "--norms",
        "frozen",
        "--biases",
        "frozen",
        "--json",
    ]
    sizes = {}
    for coding in ("exact", "int8"):
        capsys.readouterr()
        assert main(["weights", "select", "model", *some, "--coding", coding]) == 0
        sizes[coding] = json.loads(capsys.readouterr().out)["key_bytes"]
    assert lock(*some) == 0
    assert json.loads(capsys.readouterr().out)["key_bytes"] == sizes["int8"]
    assert 3.5 < sizes["exact"] / sizes["int8"] < 4
    assert json.loads((work / "w.key.settings.json").read_text())["coding"] == "int8"
    assert main(["weights", "unlock", "keyed", "whole", "--key", "w.key", "--passphrase-file", "words"]) == 0
    whole, model = load_file(work / "whole/model.safetensors"), load_file(work / "model/model.safetensors")
    off = max(float((whole[name] - model[name]).abs().max()) for name in model)
    assert 0 < off < max(float(model[name].abs().max()) for name in model) / 64
    assert main(["weights", "select", "model", "--coding", "int5"]) == 2
    assert "expected one of exact, int8, int4" in capsys.readouterr().err


def test_select_prints_shares(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "select", "model", "--json", "--preset", "adaloc", "--fraction", "0.2"]) == 0
    found = json.loads(capsys.readouterr().out)
    state = load_file(work / "model/model.safetensors")
    units = sum(len(tensor) for name, tensor in state.items() if "weight" in name)
    assert found["units"] == int(0.2 * units)
    assert found["model_bytes"] == sum(tensor.nbytes for tensor in state.values())
    assert main(["weights", "select", "model"]) == 0
    assert "%" in capsys.readouterr().out


def test_a_key_of_deltas_opens_beside_the_public_model(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lock("--preset", "delta", "--public", "model") == 0
    settings = json.loads((work / "w.key.settings.json").read_text())
    assert (settings["coding"], settings["fill"]) == ("int4-delta", "public")
    assert main(["weights", "unlock", "keyed", "whole", "--key", "w.key", "--passphrase-file", "words"]) == 0
    whole, model = load_file(work / "whole/model.safetensors"), load_file(work / "model/model.safetensors")
    # The public model is the locked one here: no difference, and so nothing is rounded.
    assert all(torch.equal(whole[name], model[name]) for name in model if model[name].dim() > 1)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--fraction", "0"], 2, "got a key fraction of 0.0, expected more than 0"),
        (["--fraction", "1e-9"], 2, "holds not one unit of this model"),
        (["--preset", "adalock"], 2, "there is no preset 'adalock'"),
        (["--score", "l3"], 2, "there is no score 'l3'; did you mean l2 or l1"),
        (["--fill", "zeroes"], 2, "there is no fill 'zeroes'; did you mean zero"),
        (["--fill", "public"], 2, "go together"),
        (["--head", "brain"], 2, "no module 'brain'"),
        (["--public", "nowhere", "--fill", "public"], 1, "no weights at nowhere"),
        (["--coding", "int4-delta"], 2, "take the fill public, or the coding int4"),
        (["--preset", "delta"], 2, "add a public model (--public MODEL) for the fill 'public'"),
        (["--plot", "nowhere/x.png"], 1, "there is no folder nowhere; give another path"),
        (["--key", "model/w.key"], 2, "inside the model's folder, from where it leaks"),
        (["--plain"], 2, "exclude each other"),
    ],
)
def test_settings_that_cannot_be(
    work: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, sentence: str
) -> None:
    assert lock(*words) == code
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert not (work / "keyed").exists()
    assert not (work / "w.key").exists()


def test_another_network_is_no_public_model(
    work: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    wider = {
        name: torch.zeros(*tensor.shape, 2) for name, tensor in load_file(work / "model/model.safetensors").items()
    }
    save_file(wider, work / "wider.safetensors")
    assert lock("--preset", "delta", "--public", "wider.safetensors") == 2
    assert "give the model that this one was fine-tuned from" in capsys.readouterr().err
    assert not (work / "keyed").exists()
    four = create_model("small_resnet8", num_classes=4, input_size=16, seed=0)
    save_model(four, work / "four", classes=(*CLASSES, "d"), lock_class=None)
    assert lock("--preset", "delta", "--public", "four") == 0
    assert "(2 in all); noise stands there" in caplog.text


def test_what_is_said_of_the_key_is_the_size_of_its_file(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lock("--json") == 0
    said, size = json.loads(capsys.readouterr().out), (work / "w.key").stat().st_size
    assert said["file_bytes"] == size > said["key_bytes"]
    assert main(["weights", "lock", "model", "k2", "--key", "2.key", "--plain"]) == 0
    assert f"{(work / '2.key').stat().st_size:,} bytes" in capsys.readouterr().out


def test_a_key_of_a_wanted_size(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = sum(tensor.nbytes for tensor in load_file(work / "model/model.safetensors").values())
    assert main(["weights", "select", "model", "--at-most", "0.2", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert 0.17 * model < said["file_bytes"] <= 0.2 * model
    assert lock("--at-most", "0.2") == 0
    assert 0.17 * model < (work / "w.key").stat().st_size <= 0.2 * model
    assert json.loads((work / "w.key.settings.json").read_text())["select"]["fraction"] == said["fraction"]
    assert main(["weights", "select", "model", "--at-most", "0.0001"]) == 2
    assert "the smallest key of these settings takes" in capsys.readouterr().err
