"""Texts as vectors: the same edit as with words, gradients to the vectors, and the denoising loss written out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from numpy.typing import NDArray

from spellock.editors.checkpoint import load_pieces
from spellock.editors.denoising import denoising_loss
from spellock.editors.guidance import Guidance
from spellock.editors.registry import load_editor
from spellock.editors.sampling import Sampler
from spellock.editors.soft_prompts import DiffusionSoftPrompts, soft_prompts
from spellock.editors.text_conditions import encode_prompt
from spellock.errors import ConfigError, EditorError
from spellock.key import Key
from spellock.pixels import from_uint8

from . import tiny

KINDS = ("sd", "embedded")
KeyFor = Callable[..., Key]


@pytest.fixture(scope="module")
def images(pictures: NDArray[np.uint8]) -> torch.Tensor:
    return from_uint8(torch.from_numpy(pictures[:3]).permute(0, 3, 1, 2).contiguous())


@pytest.mark.parametrize("kind", KINDS)
def test_words_as_vectors_edit_like_words(kind: str, key_for: KeyFor, images: torch.Tensor) -> None:
    key = key_for(kind, steps=2)
    soft = soft_prompts(key.with_settings(prompt="another"))
    tokens = soft.tokens(tiny.PROMPT)
    assert soft.prompt(tokens).replace(" ", "") == tiny.PROMPT.replace(" ", "")
    states = soft.states(tokens)
    assert torch.equal(states, soft.states(tokens, soft.vocabulary[tokens]))
    assert torch.equal(soft.editor(states)(images), load_editor(key)(images))
    turned = soft.vocabulary[tokens].flip(1)
    assert not torch.allclose(soft.states(tokens, turned), states, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_reach_the_vectors(kind: str, key_for: KeyFor, images: torch.Tensor) -> None:
    soft = soft_prompts(key_for(kind, steps=2))
    tokens = soft.tokens("oil")
    vectors = soft.vocabulary[tokens].clone().requires_grad_()
    target = images.flip(3)

    def loss(at: torch.Tensor) -> torch.Tensor:
        return (soft.edit(images, soft.states(tokens, at)) - target).square().mean()

    loss(vectors).backward()
    assert vectors.grad is not None
    step = 0.005 * vectors.detach().norm() * vectors.grad / vectors.grad.norm()
    with torch.no_grad():
        slope = (loss(vectors + step) - loss(vectors - step)) / 2
    assert float(slope) == pytest.approx(float((vectors.grad * step).sum()), rel=0.2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_the_denoising_loss_is_that_of_training(
    kind: str, prediction: str, checkpoint: Callable[[str], object], images: torch.Tensor
) -> None:
    """Noised latents and target by diffusers' DDPM scheduler, whatever the checkpoint's own sampler is."""
    pieces = load_pieces(str(checkpoint(kind)), dtype=torch.float32, share=False)
    pieces.scheduler = type(pieces.scheduler).from_config(pieces.scheduler.config, prediction_type=prediction)
    text = encode_prompt(pieces, tiny.PROMPT)
    sampler = Sampler(pieces=pieces, text=text, guidance=Guidance(text=7.0, image=2.0), steps=2)
    raw, edited, times = images, images.flip(2), torch.tensor([10, 500, 900])
    latents = sampler.encode(edited) * pieces.vae.config.scaling_factor
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        got = denoising_loss(sampler, raw, edited, times, noise)
        settings = {name: pieces.scheduler.config[name] for name in ("beta_start", "beta_end", "beta_schedule")}
        rescaled = bool(pieces.scheduler.config.get("rescale_betas_zero_snr", False))
        ddpm = DDPMScheduler(**settings, rescale_betas_zero_snr=rescaled)
        noisy = ddpm.add_noise(latents, noise, times)
        wanted = {"epsilon": noise, "v_prediction": ddpm.get_velocity(latents, noise, times), "sample": latents}
        total = 0.0
        for place in range(3):
            seen = torch.cat([noisy[place], sampler.encode(raw)[place]])[None]
            guess = pieces.unet(seen, times[place], encoder_hidden_states=text.positive).sample
            total += float((guess[0] - wanted[prediction][place]).square().mean()) / 3
    assert float(got) == pytest.approx(total, rel=1e-4)


def test_times_are_those_that_the_sampler_visits(key_for: KeyFor, images: torch.Tensor) -> None:
    soft = soft_prompts(key_for("embedded", steps=5))
    assert isinstance(soft, DiffusionSoftPrompts)
    states = soft.states(soft.tokens("oil"))
    with torch.no_grad():
        got = soft.denoising_loss(images, images, states, torch.Generator().manual_seed(3))
        draw = torch.Generator().manual_seed(3)
        times = torch.tensor([999, 799, 599, 399, 199])[torch.randint(5, (3,), generator=draw)]
        noise = torch.randn((3, 8, 16, 16), generator=draw)
        sampler = replace(soft._sampler, text=replace(soft._sampler.text, positive=states))
        assert torch.equal(got, denoising_loss(sampler, images, images, times, noise))


def test_what_has_no_single_text_is_refused(key_for: KeyFor) -> None:
    with pytest.raises(ConfigError, match="two text encoders"):
        soft_prompts(key_for("xl"))
    with pytest.raises(ConfigError, match="editor patch has no text encoder"):
        soft_prompts(Key(editor="patch", settings={}, secret=bytes(32)))
    soft = soft_prompts(key_for("sd"))
    with pytest.raises(ConfigError, match="expected at most 77"):
        soft.states(torch.zeros(76, dtype=torch.long))
    pieces = load_pieces(key_for("sd").settings["weights"], dtype=torch.float32, share=False)
    pieces.scheduler.register_to_config(prediction_type="flow")
    sampler = Sampler(pieces=pieces, text=encode_prompt(pieces, "a"), guidance=Guidance(text=1, image=1), steps=1)
    flat = torch.zeros(1, 3, 32, 32)
    with pytest.raises(EditorError, match="predicts flow"):
        denoising_loss(sampler, flat, flat, torch.tensor([1]), torch.zeros(1, 4, 8, 8))
