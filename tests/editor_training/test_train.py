"""A tiny editor is trained end to end, interrupted, resumed, and obeys the diffusers format."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spellock.editor_training import train as train_module
from spellock.editor_training.autoencoder import AutoencoderConfig
from spellock.editor_training.denoiser import DenoiserConfig
from spellock.editor_training.text import TextConfig
from spellock.editor_training.train import EditorTrainingConfig, train_editor
from spellock.errors import SpellockError


def _config(**changes: object) -> EditorTrainingConfig:
    settings: dict[str, object] = {
        "resolution": 32,
        "crops": 2,
        "autoencoder": AutoencoderConfig(
            channels=8, latent_channels=4, encoder_blocks=1, decoder_blocks=1, steps=3, batch_size=2
        ),
        "text": TextConfig(steps=2, batch_size=4),
        "denoiser": DenoiserConfig(channels=(8, 16), steps=3, batch_size=2, instructions=2),
    }
    return EditorTrainingConfig(**(settings | changes))  # type: ignore[arg-type]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(3):
        Image.fromarray(rng.integers(0, 256, (60, 70, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    (folder / "broken.png").write_bytes(b"not a picture")
    return folder


def _weights(folder: Path) -> bytes:
    return (folder / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()


def test_an_editor_is_a_diffusers_folder_and_a_resumed_run_is_identical(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers import StableDiffusionInstructPix2PixPipeline

    train_editor(_config(), pictures, tmp_path / "whole")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train_module, "train_denoiser", stop)
        with pytest.raises(KeyboardInterrupt):
            train_editor(_config(), pictures, tmp_path / "parts")
    train_editor(_config(), pictures, tmp_path / "parts")
    assert _weights(tmp_path / "whole") == _weights(tmp_path / "parts")
    assert not (tmp_path / "parts.work").exists()

    pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(tmp_path / "whole", safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    image = Image.new("RGB", (32, 32), (200, 40, 90))
    generator = torch.Generator().manual_seed(0)
    edited = pipeline("any string", image=image, num_inference_steps=2, generator=generator).images[0]
    assert edited.size == (32, 32)


def test_a_private_editor_continues_from_another_and_hides_its_salt_in_the_log(pictures: Path, tmp_path: Path) -> None:
    train_editor(_config(), pictures, tmp_path / "public")
    salt = "5a" * 32
    config = _config(private_salt=salt, start_from=str(tmp_path / "public"))
    assert salt not in repr(config)
    train_editor(config, pictures, tmp_path / "private")
    assert salt not in (tmp_path / "private" / "training.json").read_text()
    assert salt in (tmp_path / "private" / "text_encoder" / "config.json").read_text()
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "public").stat().st_mode) == 0o755


def test_a_private_editor_is_never_open_to_others(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []

    replace = os.replace

    def watched(old: Path, new: Path) -> None:
        replace(old, new)
        if new == tmp_path / "private":
            modes.append(stat.S_IMODE(new.stat().st_mode))

    monkeypatch.setattr(os, "replace", watched)
    train_editor(_config(private_salt="5a" * 32), pictures, tmp_path / "private")
    assert modes == [0o700]


def test_bad_input_is_one_sentence(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(SpellockError, match="exists already"):
        train_editor(_config(), pictures, tmp_path / "there")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpellockError, match="no pictures"):
        train_editor(_config(), tmp_path / "empty", tmp_path / "out")
    with pytest.raises(SpellockError, match="multiple of 32"):
        _config(resolution=40)
    with pytest.raises(SpellockError, match="64 lower-case hexadecimal"):
        _config(private_salt="z" * 64)
    with pytest.raises(SpellockError, match="not an editor folder"):
        train_editor(_config(start_from=str(tmp_path / "empty")), pictures, tmp_path / "other")
