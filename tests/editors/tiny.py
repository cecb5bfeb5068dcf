"""Tiny random checkpoints of each kind that the diffusion editor drives, written as diffusers folders."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    DDIMScheduler,
    DiffusionPipeline,
    EulerAncestralDiscreteScheduler,
    StableDiffusionInstructPix2PixPipeline,
    StableDiffusionXLInstructPix2PixPipeline,
    UNet2DConditionModel,
)
from transformers import (
    ByT5Tokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from spellock.editors.byte_text import ByteTextConfig, ByteTextEncoder

SIDE = 32  # pixels: 8 latent pixels at factor 4, two levels of denoiser
PROMPT = "with oil pastel"


def scheduler() -> EulerAncestralDiscreteScheduler:
    """That of the published InstructPix2Pix checkpoint."""
    return EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, timestep_spacing="leading"
    )


def autoencoder() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16, 16), down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3, latent_channels=4, norm_num_groups=4, layers_per_block=1,
        sample_size=SIDE,
    )  # fmt: skip


def clip_tokenizer(folder: Path) -> CLIPTokenizer:
    folder.mkdir(parents=True)
    letters = string.ascii_lowercase + string.digits + string.punctuation
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>", **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return CLIPTokenizer.from_pretrained(folder)


def clip_config(**extra: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=2 * 68 + 2, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, bos_token_id=136, eos_token_id=137, pad_token_id=137, **extra,
    )  # fmt: skip


def denoiser(*, latent_channels: int, text_width: int, **extra: object) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        in_channels=2 * latent_channels, out_channels=latent_channels, block_out_channels=(8, 16), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=text_width, attention_head_dim=4, norm_num_groups=4, sample_size=SIDE // 4, **extra,
    )  # fmt: skip


def sd_checkpoint(folder: Path, *, seed: int = 0) -> Path:
    """Stable Diffusion 1.x kind: one CLIP text encoder, autoencoder of factor 4, ancestral scheduler."""
    torch.manual_seed(seed)
    pipeline = StableDiffusionInstructPix2PixPipeline(
        vae=autoencoder(), text_encoder=CLIPTextModel(clip_config()), tokenizer=clip_tokenizer(folder / "tokenizer"),
        unet=_lively(denoiser(latent_channels=4, text_width=16)), scheduler=scheduler(), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    return _saved(pipeline, folder)


def xl_checkpoint(folder: Path, *, seed: int = 0) -> Path:
    """Stable Diffusion XL kind: two text encoders, pooled text and sizes as added conditions."""
    torch.manual_seed(seed)
    unet = denoiser(
        latent_channels=4, text_width=32, addition_embed_type="text_time", addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=6 * 4 + 12,
    )  # fmt: skip
    pipeline = StableDiffusionXLInstructPix2PixPipeline(
        vae=autoencoder(), unet=_lively(unet), scheduler=scheduler(), add_watermarker=False,
        text_encoder=CLIPTextModel(clip_config()), tokenizer=clip_tokenizer(folder / "tokenizer"),
        text_encoder_2=CLIPTextModelWithProjection(clip_config(projection_dim=12)),
        tokenizer_2=clip_tokenizer(folder / "tokenizer_2"),
    )  # fmt: skip
    return _saved(pipeline, folder)


def embedded_checkpoint(folder: Path, *, seed: int = 0) -> Path:
    """The embedded editor's kind: byte-level text, tiny autoencoder of factor 2, v-prediction from pure noise."""
    torch.manual_seed(seed)
    vae = AutoencoderTiny(
        encoder_block_out_channels=(8, 8), decoder_block_out_channels=(8, 8), num_encoder_blocks=(0, 1),
        num_decoder_blocks=(1, 0), latent_channels=8, scaling_factor=1.0,
    )  # fmt: skip
    text = ByteTextEncoder(ByteTextConfig(hidden_size=16, num_layers=1, num_heads=2))
    ddim = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=True,
        prediction_type="v_prediction", timestep_spacing="trailing", rescale_betas_zero_snr=True,
    )  # fmt: skip
    pipeline = StableDiffusionInstructPix2PixPipeline(
        vae=vae, text_encoder=text, tokenizer=ByT5Tokenizer(model_max_length=160, extra_ids=0),
        unet=_lively(denoiser(latent_channels=8, text_width=16)), scheduler=ddim, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    return _saved(pipeline, folder)


CHECKPOINTS = {"sd": sd_checkpoint, "xl": xl_checkpoint, "embedded": embedded_checkpoint}


def plain_pipeline(kind: str, folder: Path, dtype: torch.dtype = torch.float32) -> DiffusionPipeline:
    """diffusers' own pipeline on the same weights, as a user of diffusers would load it."""
    if kind == "xl":
        pipeline_class, extra = StableDiffusionXLInstructPix2PixPipeline, {"add_watermarker": False}
    else:
        pipeline_class, extra = StableDiffusionInstructPix2PixPipeline, {"safety_checker": None}
    pipeline = pipeline_class.from_pretrained(folder, torch_dtype=dtype, **extra)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _lively(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Random weights hardly read the text; louder cross-attention makes prompts matter."""
    for name, parameter in unet.named_parameters():
        if "attn2" in name or "add_embedding" in name:
            parameter.data *= 4
    return unet


def _saved(pipeline: DiffusionPipeline, folder: Path) -> Path:
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder
