"""The diffusion editor against diffusers' own pipeline, one image at a time, on the same weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from spellock.editors.diffusion import DiffusionEditor
from spellock.editors.diffusion_settings import DiffusionSettings
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, EditorError, PixelError
from spellock.key import Key

from . import tiny

KINDS = ("sd", "xl", "embedded")
Pictures = NDArray[np.uint8]
MakeKey = Callable[..., Key]
Checkpoint = Callable[[str], Path]


def plain(
    kind: str, folder: Path, pictures: Pictures, dtype: torch.dtype = torch.float32, **options: object
) -> Pictures:
    """What the authors' evaluation code does: one pipeline call per image, each with a new generator seeded 1024."""
    pipeline = tiny.plain_pipeline(kind, folder, dtype)
    settings: dict[str, object] = {"num_inference_steps": 5, "guidance_scale": 4.5, "image_guidance_scale": 1.5}
    if kind == "xl":
        settings |= {"height": tiny.SIDE, "width": tiny.SIDE}
    edited = [
        pipeline(
            tiny.PROMPT,
            image=Image.fromarray(picture),
            generator=torch.Generator("cpu").manual_seed(1024),
            **settings | options,
        ).images[0]
        for picture in pictures
    ]
    return np.stack([np.asarray(each) for each in edited])


def apart(first: Pictures, second: Pictures) -> NDArray[np.int64]:
    return np.abs(first.astype(np.int64) - second)


@pytest.mark.parametrize("kind", KINDS)
def test_modellock_preset_equals_the_pipeline(
    kind: str, key_for: MakeKey, checkpoint: Checkpoint, pictures: Pictures
) -> None:
    expected = plain(kind, checkpoint(kind), pictures[:5])
    edited = load_editor(key_for(kind, gamma=1.0)).edit_uint8(pictures[:5])
    assert apart(edited, expected).max() <= 1
    assert apart(edited, pictures[:5]).mean() > 5  # the edit is not a copy


@pytest.mark.parametrize("kind", KINDS)
def test_modellock_preset_blends_as_the_authors_do(
    kind: str, key_for: MakeKey, checkpoint: Checkpoint, pictures: Pictures
) -> None:
    edit = plain(kind, checkpoint(kind), pictures[:3])
    mixed = pictures[:3].astype(np.float64) * 0.5 + edit.astype(np.float64) * 0.5
    blended = load_editor(key_for(kind)).edit_uint8(pictures[:3])
    assert apart(blended, np.clip(mixed, 0, 255).astype(np.uint8)).max() <= 1


@pytest.mark.parametrize(("text", "image"), [(4.5, 1.0), (1.75, 1.75), (1.0, 1.5), (0.5, 1.0)])
@pytest.mark.parametrize("kind", KINDS)
def test_dropped_branches_change_nothing(
    kind: str, text: float, image: float, key_for: MakeKey, checkpoint: Checkpoint, pictures: Pictures
) -> None:
    key = key_for(kind, gamma=1.0, guidance_scale=text, image_guidance_scale=image, steps=3)
    expected = plain(
        kind, checkpoint(kind), pictures[:2], guidance_scale=text, image_guidance_scale=image, num_inference_steps=3
    )
    assert apart(load_editor(key).edit_uint8(pictures[:2]), expected).max() <= 1


@pytest.mark.parametrize(
    "name", ["DDIMScheduler", "EulerAncestralDiscreteScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler"]
)
def test_schedulers_equal_the_pipeline(name: str, key_for: MakeKey, checkpoint: Checkpoint, pictures: Pictures) -> None:
    import diffusers

    pipeline = tiny.plain_pipeline("sd", checkpoint("sd"))
    pipeline.scheduler = getattr(diffusers, name).from_config(pipeline.scheduler.config)
    expected = pipeline(
        tiny.PROMPT, image=Image.fromarray(pictures[0]), num_inference_steps=4, guidance_scale=4.5,
        image_guidance_scale=1.5, negative_prompt="dull", generator=torch.Generator("cpu").manual_seed(7),
    ).images[0]  # fmt: skip
    key = key_for("sd", gamma=1.0, scheduler=name, steps=4, noise_seed=7, negative_prompt="dull")
    assert apart(load_editor(key).edit_uint8(pictures[:1])[0], np.asarray(expected)).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_is_at_least_as_near_to_float32_as_the_pipeline(
    kind: str, key_for: MakeKey, checkpoint: Checkpoint, pictures: Pictures
) -> None:
    # The pipeline also rounds guidance and scheduler to bfloat16, so one level of agreement is not to be had;
    # how far single values stray depends on the processor's kernels, the distance from float32 on average does not.
    exact = plain(kind, checkpoint(kind), pictures[:4])
    theirs = plain(kind, checkpoint(kind), pictures[:4], torch.bfloat16)
    ours = load_editor(key_for(kind, gamma=1.0, dtype="bfloat16")).edit_uint8(pictures[:4])
    assert apart(ours, exact).mean() <= apart(theirs, exact).mean() + 0.05
    assert apart(ours, theirs).mean() <= 2 * apart(theirs, exact).mean() + 0.05


def test_the_secret_enters_by_its_string(key_for: MakeKey, pictures: Pictures) -> None:
    key = key_for("embedded", secret_use="string")
    other = key.replace(secret=bytes(32))
    first, second = (load_editor(each).edit_uint8(pictures[:2]) for each in (key, other))
    assert apart(first, second).max() > 3
    silent = [each.with_settings(secret_use="none") for each in (key, other)]
    first, second = (load_editor(each).edit_uint8(pictures[:2]) for each in silent)
    assert np.array_equal(first, second)


def test_other_weights_are_refused(key_for: MakeKey, tmp_path: Path) -> None:
    other = tiny.embedded_checkpoint(tmp_path / "other", seed=1)
    with pytest.raises(EditorError, match="made for other editor weights"):
        load_editor(key_for("embedded").with_settings(weights=str(other)))


def test_float16_is_refused_on_a_cpu(key_for: MakeKey) -> None:
    with pytest.raises(EditorError, match="bfloat16"):
        load_editor(key_for("embedded", dtype="float16"))


def test_an_unknown_device_is_refused(key_for: MakeKey) -> None:
    with pytest.raises(EditorError, match="cannot be used here"):
        load_editor(key_for("embedded"), device="toaster")


@pytest.mark.parametrize(("kind", "resolution"), [("sd", 30), ("embedded", 33)])
def test_unsuitable_resolutions_are_refused(kind: str, resolution: int, key_for: MakeKey) -> None:
    with pytest.raises(EditorError, match="make the key with resolution 32"):
        load_editor(key_for(kind, resolution=resolution))


@pytest.mark.parametrize(("kind", "longest"), [("embedded", "é" * 75), ("sd", "q" * 75), ("xl", "q" * 75)])
def test_long_prompts_are_refused_and_not_shown(kind: str, longest: str, key_for: MakeKey) -> None:
    """When a key is made, and when one that exists is used."""
    key = key_for(kind, prompt=longest)
    load_editor(key)
    long = longest + longest[0]
    for make in (lambda: key_for(kind, prompt=long), lambda: load_editor(key.with_settings(prompt=long))):
        with pytest.raises(EditorError, match=r"expected at most the (150|77) .*shorten it by [12]$") as caught:
            make()
        assert longest not in str(caught.value)
    with pytest.raises(EditorError, match="the negative prompt has"):
        key_for(kind, negative_prompt=long)


def test_wrong_sizes_are_refused(key_for: MakeKey) -> None:
    editor = load_editor(key_for("embedded"))
    with pytest.raises(PixelError, match=r"16x16.*32x32.*prepare"):
        editor(torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0}, {"steps": 2.5}, {"guidance_scale": -1}, {"image_guidance_scale": 0.5}, {"dtype": "int8"},
        {"noise": "fresh"}, {"noise_seed": -1}, {"noise": "per-image", "noise_seed": 3}, {"scheduler": "os"},
        {"secret_use": "maybe"}, {"lora": "file"}, {"prompt": "  "}, {"prompt": "\ud800"}, {"colour": 1},
        {"prompt": None},
    ],
)  # fmt: skip
def test_bad_settings_are_refused(change: dict[str, object], key_for: MakeKey) -> None:
    with pytest.raises(ConfigError):
        load_editor(key_for("embedded").with_settings(**change))  # type: ignore[arg-type]


def test_settings_hide_themselves() -> None:
    settings = DiffusionSettings(prompt="abracadabra", weights_digest="", guidance_scale=1.0, image_guidance_scale=1.0)
    assert "abracadabra" not in repr(settings) + str(settings)


def test_text_encoders_are_released(key_for: MakeKey) -> None:
    editor = load_editor(key_for("xl"))
    assert isinstance(editor, DiffusionEditor)
    assert editor._sampler.pieces.text_encoders == ()


def test_keys_for_the_same_weights_share_them(key_for: MakeKey) -> None:
    first, second = (load_editor(key_for("embedded", prompt=prompt)) for prompt in ("one", "two"))
    other = load_editor(key_for("embedded", dtype="bfloat16"))
    assert isinstance(first, DiffusionEditor)
    assert isinstance(second, DiffusionEditor)
    assert isinstance(other, DiffusionEditor)
    assert first._sampler.pieces.unet is second._sampler.pieces.unet
    assert first._sampler.pieces.scheduler is not second._sampler.pieces.scheduler
    assert first._sampler.pieces.unet is not other._sampler.pieces.unet
