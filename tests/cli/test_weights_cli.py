"""`spellock weights`: from a model on disk to a keyed model and a key, and every refusal as one sentence."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from spellock.cli.main import main
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

from ..key_samples import a_key
from .weights_folder import CLASSES, lock, predictions


def test_the_whole_way(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lock("--plot", "where.png", "--coding", "exact") == 0
    said = capsys.readouterr().out
    assert "keyed" in said
    assert "secret" in said
    assert (work / "where.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((work / "w.key.settings.json").read_text())["select"]["score"] == "random"
    assert sorted(path.name for path in (work / "keyed").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert main(["weights", "unlock", "keyed", "whole", "--key", "w.key", "--passphrase-file", "words"]) == 0
    whole, model = load_file(work / "whole/model.safetensors"), load_file(work / "model/model.safetensors")
    assert all(torch.equal(whole[name], model[name]) for name in model)
    key = ["--key", "w.key", "--passphrase-file", "words"]
    right = predictions(capsys, "--model", "keyed", *key)
    assert right == predictions(capsys, "--model", "model", *key, "--no-check")
    assert main(["weights", "part", "w.key", "p.key", "--share", "0.3", "--passphrase-file", "words", "--plain"]) == 0
    assert predictions(capsys, "--model", "keyed", "--key", "p.key") != right


def test_customers_share_a_key_place_and_differ_in_fill(work: Path) -> None:
    assert lock("--customer", "Ann") == 0
    words = ["--key", "v.key", "--passphrase-file", "words", "--customer", "Bob", "--secret-from", "w.key"]
    assert main(["weights", "lock", "model", "other", *words, "--image-passphrase-file", "words"]) == 0
    one, two = load_file(work / "keyed/model.safetensors"), load_file(work / "other/model.safetensors")
    assert any(not torch.equal(one[name], two[name]) for name in one)
    assert "Ann" not in "".join(path.read_text(errors="replace") for path in (work / "keyed").iterdir())
    assert "Ann" not in (work / "w.key.settings.json").read_text()


def test_a_part_has_no_secret_to_make_keyed_models_with(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lock() == 0
    assert main(["weights", "part", "w.key", "p.key", "--passphrase-file", "words", "--share", "1", "--plain"]) == 0
    words = ["--key", "v.key", "--passphrase-file", "words", "--secret-from", "p.key"]
    assert main(["weights", "lock", "model", "other", *words]) == 2
    assert "p.key is a part of a key and has not its secret; give the whole key" in capsys.readouterr().err
    assert not (work / "other").exists()


def test_a_prompt_lock_on_a_weight_lock(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from spellock.keyfile import save_key

    image_key = a_key(editor="photo_filter", settings={"name": "nashville"}, resolution=16, gamma=1.0)
    save_key(image_key, work / "i.key", passphrase=None, plain=True)
    assert lock("--image-key", "i.key", "--coding", "exact") == 0
    both = predictions(capsys, "--model", "keyed", "--key", "w.key", "--passphrase-file", "words")
    prompt_only = predictions(capsys, "--model", "model", "--key", "i.key")
    assert both == prompt_only
    assert prompt_only != predictions(capsys, "--model", "keyed", "--key", "i.key")


def test_keys_of_other_models(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lock() == 0
    unlock = ["weights", "unlock", "--key", "w.key", "--passphrase-file", "words"]
    other = create_model("small_resnet8", num_classes=4, input_size=16, seed=0)
    save_model(other, work / "four", classes=(*CLASSES, "d"), lock_class=None)
    save_file({"a": torch.zeros(3, dtype=torch.int8)}, work / "q.safetensors")
    for model, code, sentence in (
        ("model", 1, "is not the keyed model of this key, or was altered"),
        ("four", 2, "the key is for another model"),
        ("q.safetensors", 2, "the key is for another model"),
        ("images", 1, "no weights at images"),
    ):
        assert main([*unlock, model, "whole"]) == code, model
        assert sentence in capsys.readouterr().err
        assert not (work / "whole").exists()
    assert main(["weights", "lock", "q.safetensors", "k", "--key", "q.key", "--plain"]) == 2
    assert "before it is quantised" in capsys.readouterr().err


def test_image_keys_are_no_weight_keys(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from spellock.keyfile import save_key

    save_key(a_key(), work / "i.key", passphrase=None, plain=True)
    lock()
    assert main(["weights", "unlock", "keyed", "whole", "--key", "i.key"]) == 2
    assert "is not a weight key's file" in capsys.readouterr().err


def test_a_key_that_cannot_be_written_leaves_no_keyed_model(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lock("--key", "nowhere/w.key") == 1
    assert "no folder nowhere" in capsys.readouterr().err
    assert main(["weights", "adapt", "model", "images", "--key", "w.key", "--new-key", "nowhere/w.key", "--plain",
                 "--out", "logs"]) == 1  # fmt: skip
    assert "no folder nowhere" in capsys.readouterr().err

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("spellock.weightlocks.weight_keyfile.write_bytes", full)
        assert lock() == 1
    assert not (work / "keyed").exists()
    assert lock() == 0


def test_existing_keys_are_never_replaced(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "w.key").write_text("precious")
    assert lock() == 1
    assert "exists already and a key cannot be got back" in capsys.readouterr().err
    assert (work / "w.key").read_text() == "precious"
    assert not (work / "keyed").exists()


def test_adapting(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock()
    generator = np.random.default_rng(0)
    for number in range(30):
        folder = work / "data" / CLASSES[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 80, (16, 16, 3)) + 80 * (number % 3)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    words = ["weights", "adapt", "keyed", "data", "--key", "w.key", "--passphrase-file", "words", "--out", "run"]
    more = ["--new-key", "w2.key", "--plain", "--epochs", "2", "--batch-size", "8"]
    capsys.readouterr()
    assert main([*words, "--new-key", "keyed/w2.key", "--plain"]) == 2
    assert "inside the model's folder" in capsys.readouterr().err
    assert main([*words, *more, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["version"] == 2
    assert 0 <= said["validation_score"] <= 1
    assert predictions(capsys, "--model", "keyed", "--key", "w2.key") != (
        predictions(capsys, "--model", "keyed", "--key", "w.key", "--passphrase-file", "words")
    )
    assert main([*words, *more]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main([*words, "--new-key", "w3.key", "--plain", "--unauthorised-share", "0.5"]) == 2
    assert "are for locks of images" in capsys.readouterr().err


def test_weight_keys_are_shown_and_re_encrypted(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock("--customer", "Ann")
    (work / "new").write_text("another passphrase\n")
    (work / "new").chmod(0o600)
    capsys.readouterr()
    assert main(["key", "show", "w.key", "--json"]) == 0
    public = capsys.readouterr().out
    assert json.loads(public)["header"]["cipher"] == "AES-256-GCM"
    assert "Ann" not in public
    before = (work / "w.key").read_bytes()
    assert main(["key", "rekey", "w.key", "--passphrase-file", "new", "--new-passphrase-file", "words"]) == 2
    assert "wrong passphrase" in capsys.readouterr().err
    assert (work / "w.key").read_bytes() == before
    assert main(["key", "rekey", "w.key", "--passphrase-file", "words", "--new-passphrase-file", "new"]) == 0
    capsys.readouterr()
    assert main(["key", "show", "w.key", "--reveal", "--passphrase-file", "new", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["key"]["customer"] == "Ann"
