"""The editor inside the package: its size, its obedience, its bytes, and its equality with a plain pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import spellock
from spellock.editors.byte_text import digest_code
from spellock.editors.checkpoint import load_pieces
from spellock.editors.presets import new_key, with_prompt, with_secret
from spellock.editors.registry import load_editor
from spellock.editors.text_conditions import encode_prompt

from .shift import largest_shift

FOLDER = Path(spellock.__file__).parent / "assets" / "embedded"


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Smooth coloured shapes, uint8 (6, 32, 32, 3): noise would be far from any picture."""
    y, x = np.mgrid[0:32, 0:32] / 31
    rng = np.random.default_rng(0)
    images = []
    for _ in range(6):
        centre, colour, ground = rng.random(2), rng.random(3), rng.random(3)
        disc = ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 < 0.08)[..., None]
        images.append(np.where(disc, colour, ground * (0.4 + 0.6 * y[..., None])))
    return (np.stack(images) * 255).astype(np.uint8)


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a.astype(int) - b.astype(int))


@pytest.mark.parametrize(
    "prompt", ["in ink <pad>", "</s>in ink", "in <unk> ink", "<extra_id_0>", "in ink", "", " two  blanks ", "ü\t</s"]
)
def test_every_prompt_is_read_as_its_bytes(prompt: str) -> None:
    """ByT5's own marks among them, which would leave nothing of themselves for the digest."""
    pieces = load_pieces("embedded", dtype=torch.float32)
    (tokenizer,), (encoder,) = pieces.tokenizers, pieces.text_encoders
    ids = tokenizer(prompt, padding="max_length", max_length=160, truncation=True, return_tensors="pt").input_ids
    wanted = [byte + 3 for byte in prompt.encode()] + [1]
    assert ids[0].tolist() == wanted + [0] * (160 - len(wanted))
    plain = torch.tensor([wanted])
    assert torch.allclose(encode_prompt(pieces, prompt).positive, encoder(plain)[0], atol=1e-5)
    code = encoder.digest(digest_code(prompt.encode())[None]).view(1, encoder.config.digest_tokens, -1)
    found = encode_prompt(pieces, prompt).positive[:, encoder.config.semantic_tokens :]
    assert torch.allclose(found, code + encoder.digest_places, atol=1e-5)


def test_the_weights_fit_into_the_package_and_name_no_place() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 12_000_000
    assert not any(b"_name_or_path" in path.read_bytes() for path in files if path.suffix == ".json")


def test_bytes_do_not_depend_on_batch_or_order(pictures: np.ndarray) -> None:
    editor = load_editor(new_key("embedded", resolution=32, secret=bytes(32)))
    whole = editor.edit_uint8(pictures)
    assert np.array_equal(editor.edit_uint8(pictures[::-1].copy())[::-1], whole)
    assert np.array_equal(np.concatenate([editor.edit_uint8(pictures[i : i + 1]) for i in range(6)]), whole)


def test_prompt_and_secret_both_shape_the_edit(pictures: np.ndarray) -> None:
    key = new_key("embedded", resolution=32, secret=bytes(32), gamma=1.0)
    edited = load_editor(key).edit_uint8(pictures)
    others = (with_prompt(key, "Charcoal sketch texture"), with_secret(key, bytes(range(32))))
    assert _apart(edited, pictures).mean() > 8
    for other in others:
        assert _apart(load_editor(other).edit_uint8(pictures), edited).mean() > 6


def test_content_stays_in_its_place() -> None:
    editor = load_editor(new_key("embedded", resolution=32, secret=bytes(32), gamma=1.0))
    assert not editor.moves_pixels
    assert largest_shift(editor, above=0.5) < 1.5


def test_it_equals_a_plain_pipeline_call_per_image(pictures: np.ndarray) -> None:
    from diffusers import StableDiffusionInstructPix2PixPipeline

    import spellock.editors.byte_text  # noqa: F401  (the pipeline finds the text encoder by this module's name)

    prompt = "with oil pastel"
    key = new_key("modellock", weights="embedded", prompt=prompt, resolution=32, gamma=1.0)
    pipeline = StableDiffusionInstructPix2PixPipeline.from_pretrained(FOLDER, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    expected = [
        np.asarray(
            pipeline(
                prompt, image=Image.fromarray(image), num_inference_steps=5, guidance_scale=4.5,
                image_guidance_scale=1.5, generator=torch.Generator().manual_seed(1024),
            ).images[0]
        )
        for image in pictures[:2]
    ]  # fmt: skip
    assert _apart(load_editor(key).edit_uint8(pictures[:2]), np.stack(expected)).max() <= 1
