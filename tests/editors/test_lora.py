"""A LoRA on top of a checkpoint."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file

from spellock.editors import merged as merged_module
from spellock.editors.at_hand import texts_at_hand
from spellock.editors.company import company_of, edit_each
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


def test_keys_with_the_same_lora_share_its_networks(
    lora: Path, key_for: MakeKey, pictures: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    key, merged = key_for("sd", gamma=1.0, lora=str(lora)), []
    once = merged_module.merge_lora
    monkeypatch.setattr(merged_module, "merge_lora", lambda *given: (merged.append(given), once(*given)))
    alone = load_editor(key.with_settings(prompt="with oil pastel")).edit_uint8(pictures[:1])
    gc.collect()  # nobody holds that one any more
    with texts_at_hand():
        first, second = load_editor(key), load_editor(key.with_settings(prompt="with oil pastel"))
    assert len(merged) == 2
    assert company_of(first) == company_of(second) != company_of(load_editor(key_for("sd", gamma=1.0)))
    together = edit_each([first, second], pictures[:1].repeat(2, axis=0))
    assert np.array_equal(together[:1], first.edit_uint8(pictures[:1]))
    assert np.array_equal(together[1:], alone)
    # The text encoders are no longer at hand, the networks are.
    third = load_editor(key.with_settings(prompt="with oil pastel"))
    assert len(merged) == 3
    assert company_of(third) == company_of(first)


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
