"""Second half of an editor's training: the denoiser and the text encoder learn to obey instructions.

InstructPix2Pix (Brooks et al., 2023) with v-prediction and a schedule of zero terminal signal: the denoiser sees the
noised latents of the edited picture beside the clean latents of the original, and the instruction by cross-attention.
The text, the picture or both are dropped at random, which gives the three branches of guidance.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import AutoencoderTiny, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor
from transformers import ByT5Tokenizer

from spellock.editor_training.checkpoint import load_checkpoint, save_checkpoint
from spellock.editor_training.instructions import Curriculum
from spellock.editor_training.noising import build_scheduler, noised
from spellock.editor_training.photographs import Photographs
from spellock.editor_training.schedule import Average, cosine
from spellock.editors.byte_text import ByteTextEncoder
from spellock.progress import track

__all__ = [
    "DenoiserConfig",
    "Drawn",
    "Triples",
    "build_denoiser",
    "build_scheduler",
    "noised",
    "train_denoiser",
]

Drawn = tuple[Tensor, Tensor, Tensor, torch.Generator]


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig:
    """Sizes and training length of the denoiser; ``drop`` is the chance of each kind of dropped condition."""

    channels: tuple[int, ...] = (32, 64, 128)
    steps: int = 3500
    batch_size: int = 24
    instructions: int = 24
    learning_rate: float = 1e-3
    drop: float = 0.02
    few_steps: int = 5
    small_share: float = 0.7


def build_denoiser(config: DenoiserConfig, *, latent_channels: int, text_width: int) -> UNet2DConditionModel:
    """A random UNet with cross-attention below its first level.

    The text also joins the time embedding, which scales and shifts every block: most edits are changes of colour and
    tone all over the picture, which this path can say without attention.
    """
    levels = len(config.channels)
    return UNet2DConditionModel(
        in_channels=2 * latent_channels,
        out_channels=latent_channels,
        block_out_channels=config.channels,
        layers_per_block=1,
        down_block_types=("DownBlock2D",) + ("CrossAttnDownBlock2D",) * (levels - 1),
        up_block_types=("CrossAttnUpBlock2D",) * (levels - 1) + ("UpBlock2D",),
        cross_attention_dim=text_width,
        attention_head_dim=4,
        norm_num_groups=8,
        resnet_time_scale_shift="scale_shift",
        time_embedding_dim=8 * config.channels[0],
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


class Triples:
    """Draws training triples: latents of original and edited pictures, and token ids of the instructions."""

    def __init__(
        self,
        *,
        photographs: Photographs,
        autoencoder: AutoencoderTiny,
        config: DenoiserConfig,
        curriculum: Curriculum,
    ) -> None:
        self.photographs = photographs
        self.curriculum = curriculum
        self.autoencoder = autoencoder.eval()
        self.config = config
        self.tokenizer = ByT5Tokenizer(model_max_length=160, extra_ids=0)

    @torch.no_grad()
    def draw(self, seed: int) -> Drawn:
        """Original latents, edited latents (N, C, h, w), ids (instructions, T), and the generator, N a multiple."""
        generator = torch.Generator().manual_seed(seed)
        rng = random.Random(seed)
        count = self.config.batch_size
        small = rng.random() < self.config.small_share
        side = self.photographs.images.shape[-1] // (2 if small else 1)
        count = 2 * count if small else count
        images = self.photographs.batch(generator, count, side)
        instructions = [self.curriculum.draw(rng) for _ in range(self.config.instructions)]
        parts = images.chunk(len(instructions))
        edited = torch.cat([item.edit(part) for item, part in zip(instructions, parts, strict=True)])
        both = torch.cat([images, edited]).to(memory_format=torch.channels_last) * 2 - 1
        with torch.autocast("cpu", torch.bfloat16):
            original_latents, edited_latents = self.autoencoder.encoder(both).float().chunk(2)
        ids = self.tokenizer([item.text for item in instructions], padding=True, return_tensors="pt").input_ids
        return original_latents, edited_latents, ids, generator


def train_denoiser(
    unet: UNet2DConditionModel,
    text_encoder: ByteTextEncoder,
    triples: Triples,
    config: DenoiserConfig,
    *,
    checkpoint: Path,
    seed: int,
    report: Callable[[int, int, dict[str, float]], None],
) -> None:
    """Train ``unet`` and ``text_encoder`` in place, resuming from ``checkpoint``."""
    unet.to(memory_format=torch.channels_last)
    unet.train()
    unet.set_attn_processor(AttnProcessor())  # spelled out instead of fused, for the backward pass on CPUs
    text_encoder.train()
    modules = (unet, text_encoder)
    optimiser = torch.optim.AdamW(
        [p for module in modules for p in module.parameters()], lr=config.learning_rate, weight_decay=1e-3,
        betas=(0.9, 0.99),
    )  # fmt: skip
    average = Average(modules=modules, decay=0.999)
    start = 0
    if (state := load_checkpoint(checkpoint)) is not None:
        unet.load_state_dict(state["unet"])
        text_encoder.load_state_dict(state["text_encoder"])
        optimiser.load_state_dict(state["optimiser"])
        average.values = state["average"]
        start = state["step"]
    alphas = build_scheduler().alphas_cumprod
    empty = torch.tensor([[1]])  # the tokens of the empty prompt: its end
    left = range(start, config.steps)
    for step in track(left, total=len(left), label="denoiser"):
        original, edited, ids, generator = triples.draw(seed * 1_000_003 + step)
        for group in optimiser.param_groups:
            group["lr"] = cosine(step, config.steps, config.learning_rate, 200)
        count = len(original)
        noisy, times, target = noised(edited, alphas, config.few_steps, generator)
        fate = torch.rand(count, generator=generator)
        no_text = fate < 2 * config.drop
        no_image = (fate >= config.drop) & (fate < 3 * config.drop)
        original = torch.where(no_image.view(-1, 1, 1, 1), 0.0, original)
        with torch.autocast("cpu", torch.bfloat16):
            states = text_encoder(ids).last_hidden_state.repeat_interleave(count // len(ids), 0)
            null = text_encoder(empty).last_hidden_state
            states = torch.where(no_text.view(-1, 1, 1), null, states)
            inputs = torch.cat([noisy, original], 1).to(memory_format=torch.channels_last)
            predicted = unet(inputs, times, encoder_hidden_states=states).sample
        loss = F.mse_loss(predicted.float(), target)
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for m in modules for p in m.parameters()], 1.0)
        optimiser.step()
        average.update(step)
        if (step + 1) % 25 == 0:
            report(step + 1, config.steps, {"loss": loss.item(), "grad": norm.item()})
        if (step + 1) % 250 == 0 or step + 1 == config.steps:
            save_checkpoint(
                checkpoint,
                {"unet": unet.state_dict(), "text_encoder": text_encoder.state_dict(), "average": average.values,
                 "optimiser": optimiser.state_dict(), "step": step + 1},
            )  # fmt: skip
    average.copy_to_modules()
    unet.set_default_attn_processor()
