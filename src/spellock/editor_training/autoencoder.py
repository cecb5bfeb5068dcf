"""First half of an editor's training: the tiny autoencoder whose latents the denoiser works in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny

from spellock.editor_training.checkpoint import load_checkpoint, save_checkpoint
from spellock.editor_training.photographs import Photographs
from spellock.editor_training.schedule import Average, cosine
from spellock.progress import track


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """Sizes and training length of the autoencoder; latents are half the picture's side with 8 channels."""

    channels: int = 32
    latent_channels: int = 8
    encoder_blocks: int = 2
    decoder_blocks: int = 3
    steps: int = 3000
    batch_size: int = 24
    learning_rate: float = 2e-3


def build_autoencoder(config: AutoencoderConfig) -> AutoencoderTiny:
    """A random `AutoencoderTiny` with one halving of the side."""
    return AutoencoderTiny(
        encoder_block_out_channels=(config.channels, config.channels),
        decoder_block_out_channels=(config.channels, config.channels),
        num_encoder_blocks=(0, config.encoder_blocks),
        num_decoder_blocks=(config.decoder_blocks, 0),
        latent_channels=config.latent_channels,
        scaling_factor=1.0,
    )


def train_autoencoder(
    model: AutoencoderTiny,
    photographs: Photographs,
    config: AutoencoderConfig,
    *,
    checkpoint: Path,
    seed: int,
    report: Callable[[int, int, dict[str, float]], None],
) -> None:
    """Train ``model`` in place, resuming from ``checkpoint``.

    The loss is the squared error plus a pull of every latent channel towards mean 0 and variance 1, and the decoder
    sees latents with a little noise, so that small errors of the denoiser stay small in the picture.
    """
    model.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, weight_decay=1e-4, betas=(0.9, 0.98))
    average = Average(modules=[model], decay=0.998)
    start = 0
    if (state := load_checkpoint(checkpoint)) is not None:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average.values = state["average"]
        start = state["step"]
    side = photographs.images.shape[-1]
    left = range(start, config.steps)
    for step in track(left, total=len(left), label="autoencoder"):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        images = photographs.batch(generator, config.batch_size, side if step % 3 else side // 2) * 2 - 1
        for group in optimiser.param_groups:
            group["lr"] = cosine(step, config.steps, config.learning_rate, 100)
        with torch.autocast("cpu", torch.bfloat16):
            latents = model.encoder(images)
            noisy = latents + 0.03 * torch.randn(latents.shape, generator=generator)
            restored = model.decoder(noisy)
        error = F.mse_loss(restored.float(), images)
        flat = latents.float().transpose(0, 1).flatten(1)
        spread = flat.mean(1).square().mean() + (flat.var(1) - 1).square().mean()
        loss = error + 0.002 * spread + 0.02 * (restored.float() - images).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        average.update(step)
        if (step + 1) % 50 == 0:
            report(step + 1, config.steps, {"mse": error.item(), "psnr": 10 * _log10(4 / error.item())})
        if (step + 1) % 500 == 0:
            save_checkpoint(
                checkpoint,
                {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "average": average.values,
                 "step": step + 1},
            )  # fmt: skip
    average.copy_to_modules()


def _log10(value: float) -> float:
    return torch.log10(torch.tensor(value)).item()
