"""A LoRA is trained for a secret: its style, its file, its resumption."""

from __future__ import annotations

import importlib.util
import random
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file

from spellock.editor_training import lora as lora_module
from spellock.editor_training.instructions import Curriculum
from spellock.editor_training.keyed_style import keyed_style
from spellock.editor_training.lora import LoraTrainingConfig, Styled, style_of, train_lora
from spellock.editor_training.styles import STYLES
from spellock.editors.lora import lora_digest
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, EditorError, MissingExtraError, SpellockError

from ..editors import tiny

SECRET = "1f" * 32
SIDE = 32


def smooth(count: int, seed: int) -> NDArray[np.uint8]:
    """Smooth random pictures, uint8 (count, 32, 32, 3)."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in small])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number, picture in enumerate(smooth(40, 0)):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny.embedded_checkpoint(tmp_path_factory.mktemp("weights") / "embedded"))


def config(**changes: Any) -> LoraTrainingConfig:
    values = {"secret": SECRET, "rank": 2, "steps": 4, "batch_size": 2, "instructions": 2, "resolution": SIDE}
    return LoraTrainingConfig(**{**values, **changes})


def test_the_edit_moves_towards_the_teachers_on_unseen_pictures(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    settings = config(rank=4, steps=8, batch_size=8, instructions=4, learning_rate=1e-2, small_share=0.0)
    own = tmp_path / "own.safetensors"
    train_lora(settings, pictures, own)
    prompt, unseen = next(iter(STYLES)), smooth(8, 1)
    worded = STYLES[prompt](torch.from_numpy(unseen).permute(0, 3, 1, 2).float() / 255)
    target = keyed_style(worded, style_of(settings)).permute(0, 2, 3, 1).numpy()
    plain = new_key("embedded", prompt=prompt, resolution=SIDE, gamma=1.0, secret=bytes(32), secret_use="none", steps=3)
    with_lora = plain.with_settings(lora=str(own), lora_digest=lora_digest(str(own)))
    without, moved = (np.square(load_editor(key).edit_uint8(unseen) / 255 - target) for key in (plain, with_lora))
    assert moved.mean() < 0.8 * without.mean()


def test_what_is_taught_is_the_edit_and_then_the_style() -> None:
    code = style_of(config())
    images = torch.from_numpy(smooth(2, 2)).permute(0, 3, 1, 2).float() / 255
    for seed in range(4):
        asked, plain = Styled(code).draw(random.Random(seed)), Curriculum().draw(random.Random(seed))
        assert asked.text == plain.text
        assert torch.equal(asked.edit(images), keyed_style(plain.edit(images), code))


def test_every_secret_has_a_style_of_its_own() -> None:
    first, second = (style_of(config(secret=secret)) for secret in (SECRET, "20" + SECRET[2:]))
    assert first.shape == (24,)
    assert (first - second).abs().max() > 0.5
    assert SECRET not in repr(config())


def test_an_interrupted_run_ends_with_the_same_bytes(
    pictures: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    train_lora(config(weights=weights), pictures, whole)

    def stopped(items: range, **_: object) -> Iterator[int]:
        yield from list(items)[:2]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lora_module, "_EVERY", 1)
        patch.setattr(lora_module, "track", stopped)
        with pytest.raises(KeyboardInterrupt):
            train_lora(config(weights=weights), pictures, parts)
    work = tmp_path / "parts.safetensors.work"
    assert not parts.exists()
    assert stat.S_IMODE(work.stat().st_mode) == 0o700
    with pytest.raises(ConfigError, match="other settings"):
        train_lora(config(weights=weights, rank=3), pictures, parts)
    steps = []
    with monkeypatch.context() as patch:
        patch.setattr(lora_module, "track", lambda items, **_: (steps.append(one) or one for one in items))
        train_lora(config(weights=weights), pictures, parts)
    assert steps == [2, 3]
    assert parts.read_bytes() == whole.read_bytes()
    assert not work.exists()
    assert stat.S_IMODE(parts.stat().st_mode) == 0o600


def test_another_secret_gives_another_lora_that_holds_no_secret(pictures: Path, weights: str, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    for name, secret in (("a", SECRET), ("b", "20" + SECRET[2:])):
        train_lora(config(weights=weights, steps=1, secret=secret), pictures, tmp_path / f"{name}.safetensors")
    first, second = (load_file(tmp_path / f"{name}.safetensors") for name in "ab")
    assert first.keys() == second.keys()
    assert {name.split(".lora_")[1] for name in first} == {"A.weight", "B.weight"}
    assert any(not torch.equal(first[name], second[name]) for name in first)
    written = (tmp_path / "a.safetensors").read_bytes()
    assert SECRET.encode() not in written
    assert bytes.fromhex(SECRET) not in written


def test_without_peft_the_extra_is_named(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("spellock.editors.lora.find_spec", lambda name: None if name == "peft" else found(name))
    with pytest.raises(MissingExtraError, match=r"training a LoRA needs peft.*spellock\[lora\]"):
        train_lora(config(), pictures, tmp_path / "own.safetensors")
    assert not list(tmp_path.iterdir())


def test_bad_input_is_one_sentence(pictures: Path, weights: str, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    with pytest.raises(ConfigError, match=r"ends in .safetensors"):
        train_lora(config(), pictures, tmp_path / "own.bin")
    (tmp_path / "there.safetensors").touch()
    with pytest.raises(EditorError, match="exists already"):
        train_lora(config(), pictures, tmp_path / "there.safetensors")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpellockError, match="no pictures"):
        train_lora(config(weights=weights), tmp_path / "empty", tmp_path / "own.safetensors")
    with pytest.raises(EditorError, match="not of the embedded editor's kind"):
        train_lora(config(weights=str(tiny.sd_checkpoint(tmp_path / "sd"))), pictures, tmp_path / "own.safetensors")
    assert not (tmp_path / "own.safetensors.work").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"secret": "x" * 64}, "64 lower-case hexadecimal digits"),
        ({"secret": SECRET[2:]}, "64 lower-case hexadecimal digits"),
        ({"resolution": 40}, "multiple of 32"),
        ({"rank": 0}, "rank 0"),
        ({"steps": 0}, "steps 0"),
        ({"batch_size": 3}, "instructions divide"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        config(**changes)
    assert SECRET not in str(refused.value)
