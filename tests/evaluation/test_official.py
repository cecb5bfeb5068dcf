"""The published checkpoint's layout and protocol, on random weights of that layout and made-up images."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torchvision import transforms

from spellock.errors import ConfigError, DataError, ModelError
from spellock.evaluation.official import CuttingEditor, evaluate_official
from spellock.evaluation.official_model import OfficialArchitecture, OfficialNetwork, load_official
from spellock.evaluation.pets import PetsTest

from . import world

SHAPE = OfficialArchitecture(classes=5, width=24, depth=2, heads=2, patch=8, crop=32, resize=36)
BREEDS = ("Abyssinian", "american_bulldog", "Bengal", "pug")


def _weights() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    state = OfficialNetwork(SHAPE).vit.state_dict()
    return {name: torch.randn(value.shape, generator=generator) * 0.2 for name, value in state.items()}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """With what the authors' training script keeps beside the weights."""
    path = tmp_path / "pets.pth"
    extras = {
        "optimizer": {"state": {}, "param_groups": []},
        "epoch": 99,
        "args": argparse.Namespace(lr=0.1, model="vit"),
    }
    torch.save({"model": _weights(), **extras}, path)
    return path


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    root, generator = tmp_path / "oxford-iiit-pet", np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    lines = ["#Image CLASS-ID SPECIES BREED ID"]
    for number in range(16):
        name = f"{BREEDS[number % 4]}_{number}"
        pixels = generator.integers(0, 256, size=(40 + number, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{name}.jpg")
        lines.append(f"{name} {number % 4 + 1} 1 1")
    (root / "annotations" / "test.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_names_are_those_of_the_published_file() -> None:
    names = set(OfficialNetwork(OfficialArchitecture(depth=1)).vit.state_dict())
    assert {"cls_token", "pos_embed", "patch_embed.proj.weight", "fc_norm.weight", "head.bias"} <= names
    assert {"blocks.0.attn.qkv.weight", "blocks.0.mlp.fc1.bias", "blocks.0.norm2.weight"} <= names
    assert not any(name.startswith("norm.") for name in names)
    shape = OfficialArchitecture()
    assert (shape.classes, shape.width, shape.depth, shape.heads, shape.patch, shape.crop) == (38, 768, 12, 12, 16, 224)


def _restated(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The authors' forward pass written out: pooled without the class token, normed twice."""

    def norm(value: Tensor, name: str) -> Tensor:
        return F.layer_norm(value, value.shape[-1:], state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)

    def linear(value: Tensor, name: str) -> Tensor:
        return value @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    x = (
        F.conv2d(x, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=8)
        .flatten(2)
        .transpose(1, 2)
    )
    x = torch.cat([state["cls_token"].expand(len(x), -1, -1), x], 1) + state["pos_embed"]
    for block in range(2):
        q, k, v = linear(norm(x, f"blocks.{block}.norm1"), f"blocks.{block}.attn.qkv").chunk(3, -1)
        q, k, v = (part.unflatten(-1, (2, 12)).transpose(1, 2) for part in (q, k, v))
        mixed = ((q @ k.transpose(-2, -1)) / 12**0.5).softmax(-1) @ v
        x = x + linear(mixed.transpose(1, 2).flatten(2), f"blocks.{block}.attn.proj")
        hidden = F.gelu(linear(norm(x, f"blocks.{block}.norm2"), f"blocks.{block}.mlp.fc1"))
        x = x + linear(hidden, f"blocks.{block}.mlp.fc2")
    pooled = x[:, 1:].mean(1)
    return linear(norm(norm(pooled, "fc_norm"), "fc_norm"), "head")


def test_the_forward_pass_is_the_authors(checkpoint: Path) -> None:
    loaded = load_official(checkpoint, SHAPE)
    assert loaded.missing == loaded.unexpected == ()
    x = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(loaded.model.network(x), _restated(_weights(), x), atol=1e-4)


@pytest.mark.parametrize("size", [(36, 36), (50, 40), (40, 77), (256, 30)])
def test_the_transform_is_the_authors(checkpoint: Path, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, size=(size[1], size[0], 3), dtype=np.uint8)
    wanted = transforms.Compose(
        [
            transforms.Resize(36, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )(Image.fromarray(pixels))
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    assert torch.allclose(load_official(checkpoint, SHAPE).model.normalise(image)[0], wanted, atol=1e-6)


def test_the_blend_is_cut_not_rounded() -> None:
    key = world.make_key()
    editor = CuttingEditor(key, world.PaintEditor)
    images = np.random.default_rng(0).integers(0, 256, size=(5, 8, 8, 3), dtype=np.uint8)
    edited = world.PaintEditor(key.replace(gamma=1.0)).edit_uint8(images)
    assert np.array_equal(editor.edit_uint8(images), ((images.astype(int) + edited) // 2).astype(np.uint8))


def test_the_whole_protocol(checkpoint: Path, pets: Path) -> None:
    key = world.make_key().replace(resolution=40)
    report = evaluate_official(checkpoint, pets, key, architecture=SHAPE, make_editor=world.PaintEditor)
    model, test = load_official(checkpoint, SHAPE).model, PetsTest(pets, breeds=4)
    assert test.classes == BREEDS
    edited_right = raw_right = 0
    with torch.no_grad():
        for index, label in enumerate(test.labels):
            picture = test.open(index)
            square = np.asarray(picture.resize((40, 40)))
            painted = square.copy()
            painted[..., 0] = round(0.8 * 255)
            blended = np.clip(0.5 * square + 0.5 * painted, 0, 255).astype(np.uint8)
            for kind, pixels in (("edited", blended), ("raw", np.asarray(picture))):
                image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
                right = int(model(image).argmax()) == label
                edited_right, raw_right = (
                    edited_right + (right and kind == "edited"),
                    raw_right + (right and kind == "raw"),
                )
    assert (report["up"], report["lp"]) == (edited_right / 16, raw_right / 16)
    assert report["chance"] == 0.25
    assert {"lp_suppressed", "lp_centred", "lp_permuted", "lp_same_path", "hardened_lp"} <= set(report.figures)
    assert report.facts["protocol"] == "modellock-official"
    few = evaluate_official(
        checkpoint, pets, key, architecture=SHAPE, make_editor=world.PaintEditor, limit=6, wrong_keys=2
    )
    assert few.facts["test images"] == 6
    assert len(few.wrong_keys) == 2
    with pytest.raises(ConfigError, match="limit"):
        evaluate_official(checkpoint, pets, key, architecture=SHAPE, make_editor=world.PaintEditor, limit=1)


@pytest.mark.parametrize("gone", ["head.weight", "blocks.1.attn.qkv.weight", "fc_norm.bias", "pos_embed"])
def test_a_file_without_an_essential_part_is_refused(tmp_path: Path, gone: str) -> None:
    path = tmp_path / "pets.pth"
    torch.save({"model": {name: value for name, value in _weights().items() if name != gone}}, path)
    with pytest.raises(ModelError, match=gone):
        load_official(path, SHAPE)


def test_what_did_not_fit_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "pets.pth"
    torch.save({"model": {**_weights(), "decoder.weight": torch.zeros(3)}}, path)
    assert load_official(path, SHAPE).unexpected == ("decoder.weight",)
    assert "decoder.weight" in caplog.text
    with pytest.raises(ModelError, match="38 classes"):
        load_official(path, replace(SHAPE, classes=38))
    (tmp_path / "broken.pth").write_bytes(path.read_bytes()[:1000])
    for name in ("broken.pth", "absent.pth"):
        with pytest.raises(ModelError, match=name):
            load_official(tmp_path / name, SHAPE)


def test_bad_pets_folders_are_named(pets: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no images folder"):
        PetsTest(tmp_path / "nowhere")
    root = pets / "oxford-iiit-pet"
    (root / "images" / "pug_3.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match="pug_3"):
        PetsTest(pets, breeds=4).open(3)
    for text, words in (("pug_3 38 1 1\n", "1 to 37"), ("pug\n", "cannot read"), ("# nothing\n", "no images")):
        (root / "annotations" / "test.txt").write_text(text)
        with pytest.raises(DataError, match=words):
            PetsTest(pets)
