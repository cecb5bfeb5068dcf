"""Folded models against the key's own edit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import timm
import torch
from timm.models.convnext import ConvNeXt
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from spellock.editors.compose import write_parts
from spellock.editors.registry import load_editor
from spellock.errors import ModelError
from spellock.key import Key
from spellock.tasks.networks.small_resnet import SmallResNet
from spellock.tasks.pixel_model import PixelModel
from spellock.unlocking.fold import fold_key, lock_by_folding

SIDE = 32
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def vit(**options: object) -> VisionTransformer:
    settings = {"img_size": SIDE, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3, "num_classes": 5}
    return VisionTransformer(**{**settings, **options})


def convnext() -> ConvNeXt:
    return ConvNeXt(depths=(1, 1, 1, 1), dims=(8, 8, 16, 16), num_classes=5)


def model(make: Callable[[], nn.Module], normal: tuple[tuple[float, ...], ...] = IMAGENET) -> PixelModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = make()
        # timm starts weights and positions near zero, where exchanging them would hardly show.
        for name, values in network.named_parameters():
            if name == "pos_embed" or values.ndim > 1:
                nn.init.normal_(values, std=1.0 if name == "pos_embed" else values[0].numel() ** -0.5)
    return PixelModel(network, input_size=SIDE, mean=normal[0], std=normal[1]).eval()


def key(method: str = "shuffle", block: int = 8, *, side: int = SIDE, gamma: float = 1.0) -> Key:
    settings: dict[str, str | int] = {"method": method, "block": block}
    return Key(editor="blockwise", settings=settings, secret=bytes(range(32)), resolution=side, gamma=gamma)


def row(*methods: tuple[str, int]) -> Key:
    parts = write_parts(
        [{"editor": "blockwise", "settings": {"method": method, "block": block}} for method, block in methods]
    )
    return Key(editor="compose", settings={"parts": parts}, secret=bytes(range(32)), resolution=SIDE, gamma=1.0)


def images() -> Tensor:
    return torch.randint(0, 256, (4, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1)).float() / 255


@torch.inference_mode()
def check(original: PixelModel, one: Key) -> None:
    raw = images()
    edited = load_editor(one)(raw)
    wanted = original(edited)
    assert not torch.allclose(original(raw), wanted, atol=1e-2)
    assert torch.allclose(fold_key(original, one)(raw), wanted, atol=1e-4)
    locked = lock_by_folding(original, one)
    assert torch.allclose(locked(edited), original(raw), atol=1e-4)
    assert torch.allclose(fold_key(locked, one)(raw), original(raw), atol=1e-4)


@pytest.mark.parametrize("normal", [HALF, IMAGENET], ids=["half", "imagenet"])
@pytest.mark.parametrize(
    "one",
    [
        key("shuffle"),
        key("negative-positive"),
        key("scramble"),
        key("shuffle", 4),
        key("negative-positive", 2),
        row(("shuffle", 8), ("negative-positive", 4), ("scramble", 8), ("shuffle", 2)),
    ],
    ids=["shuffle", "negative-positive", "scramble", "shuffle-4", "negative-positive-2", "row"],
)
def test_vision_transformer(one: Key, normal: tuple[tuple[float, ...], ...]) -> None:
    check(model(vit, normal), one)


@pytest.mark.parametrize("options", [{"class_token": False, "global_pool": "avg"}, {"no_embed_class": True}], ids=str)
def test_scrambling_with_other_tokens(options: dict[str, object]) -> None:
    check(model(lambda: vit(**options)), key("scramble"))


def test_vit_tiny() -> None:
    check(model(lambda: timm.create_model("vit_tiny_patch16_224", img_size=SIDE, num_classes=5)), key("shuffle", 16))


@pytest.mark.parametrize(
    "one", [key("shuffle", 4), key("negative-positive", 4), key("shuffle", 2)], ids=["s", "n", "s2"]
)
def test_convnext(one: Key) -> None:
    check(model(convnext), one)


def test_a_sign_flip_of_inputs_in_minus_one_to_one() -> None:
    # The published special case: mean and std 0.5 leave the bias alone and only turn signs.
    original = model(vit, HALF)
    before, after = (
        original.network.patch_embed.proj,
        fold_key(original, key("negative-positive")).network.patch_embed.proj,
    )
    assert torch.allclose(before.weight.abs(), after.weight.abs())
    assert int((before.weight[0] * after.weight[0] < 0).sum()) == 95
    assert torch.allclose(before.bias, after.bias)


def test_the_model_itself_stays() -> None:
    original = model(vit)
    before = original.network.patch_embed.proj.weight.clone()
    fold_key(original, key())
    assert torch.equal(original.network.patch_embed.proj.weight, before)


@pytest.mark.parametrize(
    ("make", "one", "message"),
    [
        (vit, key(side=64), "edits images of 64 px and the model sees 32 px"),
        (vit, key(block=16), "blocks of 16 px do not divide the model's patches of 8 px"),
        (vit, key("scramble", 4), "scrambles blocks of 4 px, expected the model's patches of 8 px"),
        (vit, key("ffx"), "not linear"),
        (vit, row(("shuffle", 8), ("ffx", 8)), "not linear"),
        (vit, key(gamma=0.5), "gamma 0.5, expected 1"),
        (convnext, key("scramble", 4), "no position embedding"),
        (lambda: SmallResNet(num_classes=5, blocks=1), key(block=1), "overlapping or padded windows"),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 5)), key(), "no convolution"),
        (lambda: vit(embed_layer=_no_bias), key("negative-positive"), "no bias"),
    ],
)
def test_what_cannot_be_folded(make: Callable[[], nn.Module], one: Key, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        fold_key(model(make), one)


def _no_bias(**options: object) -> nn.Module:
    from timm.layers import PatchEmbed

    return PatchEmbed(**{**options, "bias": False})
