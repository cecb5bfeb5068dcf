"""The sampling loop for a whole batch: weights in their own precision, guidance and scheduler in float32."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from spellock.editors.checkpoint import Pieces
from spellock.editors.guidance import Guidance
from spellock.editors.text_conditions import TextConditions


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Edits a batch with one prompt.

    For every image the result equals that of diffusers' own pipeline called with that image alone and that image's
    generator, up to the rounding of different batch shapes.
    """

    pieces: Pieces
    text: TextConditions
    guidance: Guidance
    steps: int

    def __call__(self, images: Tensor, generators: list[torch.Generator]) -> Tensor:
        """G(x) for float32 images (B, 3, R, R) in [0, 1]; ``generators`` has one CPU generator per image.

        Gradients flow through it to the text, where the caller lets them.
        """
        pieces = self.pieces
        device = pieces.unet.device
        original = self.encode(images.to(device))
        pieces.scheduler.set_timesteps(self.steps, device=device)
        shape = (1, *original.shape[1:])
        # Named, since a program may have set other defaults, whose draws from the same seed are others.
        drawn = [torch.randn(shape, generator=each, dtype=torch.float32, device="cpu") for each in generators]
        latents = torch.cat(drawn)
        latents = latents.to(device) * pieces.scheduler.init_noise_sigma
        branches = self.guidance.branches
        conditions = torch.cat([torch.zeros_like(original) if branch == "none" else original for branch in branches])
        arguments = self.unet_arguments(len(images), images.shape[-1])
        extra = _step_arguments(pieces.scheduler, generators)
        for time in pieces.scheduler.timesteps:
            scaled = pieces.scheduler.scale_model_input(latents, time)
            inputs = torch.cat([torch.cat([scaled] * len(branches)), conditions], dim=1)
            predicted = pieces.unet(laid_out(inputs, pieces.unet.dtype), time, **arguments, return_dict=False)[0]
            guided = self.guidance.combine(predicted.float().chunk(len(branches)))
            latents = pieces.scheduler.step(guided, time, latents, **extra, return_dict=False)[0].float()
        return self._decode(latents).cpu()

    def encode(self, images: Tensor) -> Tensor:
        """The most likely latents, float32; unscaled, but for CosXL."""
        vae = self.pieces.vae
        encoded = vae.encode(laid_out(images * 2 - 1, vae.dtype))
        latents: Tensor = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
        return latents.float() * vae.config.scaling_factor if self.pieces.scaled_image_latents else latents.float()

    def _decode(self, latents: Tensor) -> Tensor:
        vae = self.pieces.vae
        latents = latents / vae.config.scaling_factor
        mean, spread = (getattr(vae.config, name, None) for name in ("latents_mean", "latents_std"))
        if self.pieces.kind == "xl" and mean is not None and spread is not None:
            spread, mean = (latents.new_tensor(each).view(1, -1, 1, 1) for each in (spread, mean))
            latents = latents * spread + mean
        decoded: Tensor = vae.decode(laid_out(latents, vae.dtype), return_dict=False)[0]
        return (decoded.float() / 2 + 0.5).clamp(0, 1)

    def unet_arguments(self, count: int, side: int) -> dict[str, Any]:
        """Text states of all branches, each repeated for ``count`` images; for XL also pooled states and sizes."""
        text, device = self.text, self.pieces.unet.device
        with_text = [branch == "text and image" for branch in self.guidance.branches]
        states = torch.cat([(text.positive if yes else text.negative).expand(count, -1, -1) for yes in with_text])
        arguments: dict[str, Any] = {"encoder_hidden_states": states.to(device)}
        if text.positive_pooled is not None and text.negative_pooled is not None:
            pooled = [text.positive_pooled if yes else text.negative_pooled for yes in with_text]
            sizes = torch.tensor([[side, side, 0, 0, side, side]], dtype=states.dtype)  # original, crop corner, target
            arguments["added_cond_kwargs"] = {
                "text_embeds": torch.cat([each.expand(count, -1) for each in pooled]).to(device),
                "time_ids": sizes.repeat(len(states), 1).to(device),
            }
        return arguments


def laid_out(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """As the networks take their inputs."""
    return tensor.to(dtype).contiguous(memory_format=torch.channels_last)


def _step_arguments(scheduler: Any, generators: list[torch.Generator]) -> dict[str, Any]:
    """Ancestral schedulers draw noise at every step, each image from its own generator."""
    takes_noise = "generator" in inspect.signature(scheduler.step).parameters
    return {"generator": generators} if takes_noise else {}
