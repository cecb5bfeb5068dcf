"""A LoRA on top of a checkpoint."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

from spellock.editors.registry import load_editor
from spellock.errors import EditorError, MissingExtraError
from spellock.key import Key

from . import tiny

MakeKey = Callable[..., Key]


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory, checkpoint: Callable[[str], Path]) -> Path:
    """Rank-2 additions to the cross-attention queries of the tiny SD denoiser."""
    unet = tiny.plain_pipeline("sd", checkpoint("sd")).unet
    generator = torch.Generator().manual_seed(3)
    weights = {}
    for name, module in unet.named_modules():
        if name.endswith(("to_q", "to_v")):
            down = torch.randn(2, module.in_features, generator=generator)
            weights[f"unet.{name}.lora_A.weight"] = down
            weights[f"unet.{name}.lora_B.weight"] = torch.randn(module.out_features, 2, generator=generator)
    path = tmp_path_factory.mktemp("lora") / "pytorch_lora_weights.safetensors"
    save_file(weights, path)
    return path


def test_equals_the_pipeline_with_the_same_lora(
    lora: Path, key_for: MakeKey, checkpoint: Callable[[str], Path], pictures: NDArray[np.uint8]
) -> None:
    pytest.importorskip("peft")
    pipeline = tiny.plain_pipeline("sd", checkpoint("sd"))
    pipeline.load_lora_weights(lora.parent, weight_name=lora.name)
    expected = pipeline(
        tiny.PROMPT, image=Image.fromarray(pictures[0]), num_inference_steps=5, guidance_scale=4.5,
        image_guidance_scale=1.5, generator=torch.Generator("cpu").manual_seed(1024),
    ).images[0]  # fmt: skip
    with_lora = load_editor(key_for("sd", gamma=1.0, lora=str(lora.parent))).edit_uint8(pictures[:1])[0]
    without = load_editor(key_for("sd", gamma=1.0)).edit_uint8(pictures[:1])[0]
    assert np.abs(with_lora.astype(int) - np.asarray(expected)).max() <= 1
    assert np.abs(with_lora.astype(int) - without).max() > 3


def test_without_peft_the_extra_is_named(lora: Path, key_for: MakeKey, monkeypatch: pytest.MonkeyPatch) -> None:
    key = key_for("sd", lora=str(lora))
    found = importlib.util.find_spec
    monkeypatch.setattr("spellock.editors.lora.find_spec", lambda name: None if name == "peft" else found(name))
    with pytest.raises(MissingExtraError, match=r"spellock\[lora\]"):
        load_editor(key)


def test_another_lora_is_refused(lora: Path, key_for: MakeKey, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"unet.x.lora_A.weight": torch.zeros(2, 2)}, other)
    with pytest.raises(EditorError, match="another LoRA"):
        load_editor(key_for("sd", lora=str(lora)).with_settings(lora=str(other)))


def test_a_lora_that_does_not_fit_is_refused(key_for: MakeKey, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    other = tmp_path / "other.safetensors"
    save_file({"unet.nowhere.lora_A.weight": torch.zeros(2, 2)}, other)
    with pytest.raises(EditorError, match="does not fit"):
        load_editor(key_for("sd", lora=str(other)))


def test_a_missing_lora_is_refused(key_for: MakeKey, tmp_path: Path) -> None:
    with pytest.raises(EditorError, match="LoRA is not there"):
        key_for("sd", lora=str(tmp_path / "none.safetensors"))
