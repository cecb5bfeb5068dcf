"""The denoising loss of an InstructPix2Pix checkpoint (Brooks et al. 2023, Eq. 2): how well a text explains an edit."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from spellock.editors.guidance import Guidance
from spellock.editors.sampling import Sampler, laid_out
from spellock.errors import EditorError


def denoising_loss(sampler: Sampler, raw: Tensor, edited: Tensor, times: Tensor, noise: Tensor) -> Tensor:
    """Mean |prediction - target|^2 at z_t = sqrt(a_t) z + sqrt(1 - a_t) e, z the latents of ``edited``; a scalar.

    The denoiser sees z_t beside the latents of ``raw``, and the sampler's text, to which gradients flow. It predicts
    what its checkpoint was trained for: the noise e, v = sqrt(a_t) e - sqrt(1 - a_t) z, or z.

    Args:
        sampler: its text is that of the prompt; its guidance takes no part.
        raw, edited: float32 (B, 3, R, R) in [0, 1], pairs.
        times: (B,) int64, below the length of the checkpoint's noise schedule.
        noise: (B, C, h, w), e.

    Raises:
        EditorError: the checkpoint predicts something else.
    """
    pieces, plain = sampler.pieces, Guidance(text=1.0, image=1.0)  # one branch: text and image
    device = pieces.unet.device
    with torch.no_grad():
        original, clean = sampler.encode(raw.to(device)), sampler.encode(edited.to(device))
    if not pieces.scaled_image_latents:
        clean = clean * pieces.vae.config.scaling_factor
    share = pieces.scheduler.alphas_cumprod.to(device)[times.to(device)].view(-1, 1, 1, 1)
    signal, spread, noise = share.sqrt(), (1 - share).sqrt(), noise.to(device)
    targets = {"epsilon": noise, "v_prediction": signal * noise - spread * clean, "sample": clean}
    kind = str(pieces.scheduler.config.prediction_type)
    if kind not in targets:
        raise EditorError(f"the editor's denoiser predicts {kind}, expected one of {', '.join(targets)}")
    inputs = torch.cat([signal * clean + spread * noise, original], dim=1)
    arguments = replace(sampler, guidance=plain).unet_arguments(len(raw), raw.shape[-1])
    predicted = pieces.unet(laid_out(inputs, pieces.unet.dtype), times.to(device), **arguments, return_dict=False)[0]
    return F.mse_loss(predicted.float(), targets[kind])
