"""What a denoiser is trained on: a schedule of zero terminal signal, the times drawn from it, and v there."""

from __future__ import annotations

import torch
from diffusers import DDIMScheduler
from torch import Tensor


def build_scheduler() -> DDIMScheduler:
    """v-prediction on Stable Diffusion's noise schedule, rescaled to end in pure noise."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        rescale_betas_zero_snr=True,
    )


def noised(edited: Tensor, alphas: Tensor, few_steps: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Noised latents (N, C, h, w), their times (N,) and the v that the denoiser should predict there."""
    times = _times(len(edited), few_steps, generator)
    signal = alphas[times].view(-1, 1, 1, 1)
    noise = torch.randn(edited.shape, generator=generator)
    noisy = signal.sqrt() * edited + (1 - signal).sqrt() * noise
    return noisy, times, signal.sqrt() * noise - (1 - signal).sqrt() * edited


def _times(count: int, few_steps: int, generator: torch.Generator) -> Tensor:
    """Half of the times at pure noise, most others near the few that the sampler visits, a tenth anywhere.

    At pure noise only picture and instruction tell what to paint, and what is painted there the later steps only
    refine. So that is where an editor of few steps is made.
    """
    stride = 1000 // few_steps
    stop = torch.randint(1, few_steps + 1, (count,), generator=generator) * stride - 1
    fate = torch.rand(count, generator=generator)
    stop = torch.where(fate < 0.5, 999, stop)
    near = (stop - torch.randint(0, 10, (count,), generator=generator)).clamp(0, 999)
    anywhere = torch.randint(1000, (count,), generator=generator)
    return torch.where(fate < 0.9, near, anywhere)
