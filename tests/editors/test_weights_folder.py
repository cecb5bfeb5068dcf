"""Where weights come from and how they are told apart."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from spellock.editors.checkpoint import load_pieces
from spellock.editors.lora import lora_digest
from spellock.editors.stand_ins import public_key
from spellock.editors.weights_folder import find_weights, weights_digest
from spellock.errors import EditorError
from spellock.key import Key

Checkpoint = Callable[[str], Path]


@pytest.fixture
def copy(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint("embedded"), tmp_path / "copy"))


def test_the_digest_follows_the_content_not_the_place(copy: Path, checkpoint: Checkpoint) -> None:
    before = weights_digest(str(copy))
    assert before == weights_digest(str(checkpoint("embedded")))
    assert before != weights_digest(str(checkpoint("sd")))
    (copy / "README.md").write_text("a card takes no part in the edit")
    assert weights_digest(str(copy)) == before


@pytest.mark.parametrize(
    "name",
    ["unet/diffusion_pytorch_model.safetensors", "scheduler/scheduler_config.json", "text_encoder/model.safetensors"],
)
def test_the_digest_sees_every_flipped_bit(name: str, copy: Path) -> None:
    before = weights_digest(str(copy))
    data = bytearray((copy / name).read_bytes())
    data[-2] ^= 1
    (copy / name).write_bytes(data)
    assert weights_digest(str(copy)) != before


def test_missing_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EditorError, match="no editor folder"):
        find_weights(str(tmp_path / "nothing"))
    with pytest.raises(EditorError, match=r"no model_index\.json"):
        find_weights(str(tmp_path))


@pytest.mark.parametrize("name", ["~no such user/editor", "x" * 5000, "a zero\0byte"])
def test_paths_that_no_system_knows_end_in_a_sentence(name: str) -> None:
    with pytest.raises(EditorError, match="no editor folder"):
        find_weights(name)
    with pytest.raises(EditorError, match="LoRA is not there"):
        lora_digest(name)
    key = Key(editor="diffusion", settings={"weights": name}, secret=bytes(32))
    assert public_key(key) is None


def test_a_lora_that_cannot_be_read_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spell.safetensors").write_bytes(b"")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(EditorError, match=r"LoRA \(Permission denied\)") as raised:
        lora_digest(str(tmp_path / "spell.safetensors"))
    assert "spell." not in str(raised.value)


def test_a_hub_id_without_the_hub_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(EditorError, match="hub cannot be reached"):
        find_weights("spellock-tests/there-is-none")


@pytest.mark.parametrize(
    "name",
    ["editors/mine.safetensors", "editors/mine.pth", "./mine", "../mine", "here/mine", "~/there-is-no/such-editor"],
)
def test_a_path_that_is_not_there_is_not_asked_of_the_hub(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr("huggingface_hub.snapshot_download", asked)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", asked)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    with pytest.raises(EditorError, match=f"there is no editor folder {re.escape(name)}; give"):
        find_weights(name)
    assert public_key(Key(editor="diffusion", settings={"weights": name}, secret=bytes(32))) is None
    (tmp_path / "here" / "file").write_bytes(b"")
    with pytest.raises(EditorError, match="got the file here/file as editor weights, expected a diffusers folder"):
        find_weights("here/file")


def test_truncated_weights_are_refused(copy: Path) -> None:
    path = copy / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(EditorError, match="cannot be loaded"):
        load_pieces(str(copy), dtype=torch.float32)


def test_pickled_weights_are_not_read(copy: Path) -> None:
    path = copy / "unet" / "diffusion_pytorch_model.safetensors"
    path.rename(path.with_suffix(".bin"))
    with pytest.raises(EditorError, match="cannot be loaded"):
        load_pieces(str(copy), dtype=torch.float32)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("_class_name", "StableDiffusionPipeline"),
        ("text_encoder", ["os", "system"]),
        ("vae", ["diffusers", "UNet2DConditionModel"]),
        ("scheduler", ["diffusers", "DiffusionPipeline"]),
    ],
)
def test_only_known_classes_are_loaded(entry: str, value: object, copy: Path) -> None:
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(json.dumps(index | {entry: value}))
    with pytest.raises(EditorError, match="expected one of"):
        load_pieces(str(copy), dtype=torch.float32)


def test_the_safety_checker_is_never_loaded(checkpoint: Checkpoint, copy: Path) -> None:
    index = json.loads((copy / "model_index.json").read_text())
    checker = {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
    (copy / "model_index.json").write_text(json.dumps(index | checker))
    load_pieces(str(copy), dtype=torch.float32)  # its weights are not there
