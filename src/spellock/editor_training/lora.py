"""A LoRA for a secret: low-rank additions to an editor that put a style drawn from the secret on top of every edit.

Random low-rank weights are nothing that an editor learned to obey; these are trained. Their teacher does what the
instruction asks for, and then the secret's style (`keyed_style`). Whoever knows the words but not the LoRA gets another
edit, as with a private editor, at a fraction of the steps and of the bytes.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import AttnProcessor
from safetensors.torch import save
from torch import Tensor, nn

from spellock.artefacts import write_bytes
from spellock.editor_training.checkpoint import load_checkpoint, save_checkpoint
from spellock.editor_training.denoiser import DenoiserConfig, Triples, build_scheduler, noised
from spellock.editor_training.instructions import Curriculum, Instruction
from spellock.editor_training.keyed_style import keyed_style
from spellock.editor_training.lora_config import LoraTrainingConfig
from spellock.editor_training.photographs import Photographs
from spellock.editor_training.schedule import Average, cosine
from spellock.editor_training.work import begin_work, log_to
from spellock.editors.byte_text import ByteTextEncoder, digest_code
from spellock.editors.checkpoint import load_pieces
from spellock.editors.lora import need_peft
from spellock.errors import ConfigError, EditorError
from spellock.progress import track

__all__ = ["LoraTrainingConfig", "Styled", "style_of", "train_lora"]

_EVERY: Final = 50


class Styled(Curriculum):
    """Instructions of a curriculum, each followed by the style ``code`` (24 numbers in [-1, 1])."""

    def __init__(self, code: Tensor, *, salt: bytes = b"") -> None:
        super().__init__(salt=salt)
        self.code = code

    def draw(self, rng: random.Random) -> Instruction:
        """One training instruction and its edit with the style on top."""
        asked = super().draw(rng)
        return asked._replace(edit=lambda images: keyed_style(asked.edit(images), self.code))


def style_of(config: LoraTrainingConfig) -> Tensor:
    """The style that the LoRA learns: 24 numbers in [-1, 1]."""
    return digest_code(config.derive("style"))


def train_lora(config: LoraTrainingConfig, data: Path, out: Path) -> None:
    """Train on the pictures below ``data`` and write the LoRA to the new file ``out`` (.safetensors), mode 600.

    The same settings and pictures give the same bytes. Interrupted work is kept in ``out`` with ``.work`` appended and
    resumed by the same call; it holds the secret until the LoRA is done.

    Raises:
        MissingExtraError: peft is not installed.
        ConfigError: ``out`` has another suffix, or the work was begun with other settings.
        DataError: ``data`` holds no readable pictures.
        EditorError: ``out`` exists, or the weights are missing or of another kind than the embedded editor.
        StorageError: ``out`` cannot be written.
    """
    need_peft("training a LoRA")
    if out.suffix != ".safetensors":
        raise ConfigError(f"got the LoRA file {out.name}, expected a name that ends in .safetensors")
    if out.exists():
        raise EditorError(f"{out} exists already; choose another file or remove it first")
    pieces = load_pieces(config.weights, dtype=torch.float32, share=False)
    text = pieces.text_encoders[0]
    if not isinstance(text, ByteTextEncoder):
        raise EditorError(
            "these weights are not of the embedded editor's kind, which this training is for; train their LoRA with "
            "diffusers"
        )
    photographs = Photographs(folder=data, resolution=config.resolution, crops=config.crops, seed=_seed(config))
    work = begin_work(out, asdict(config))
    triples = Triples(
        photographs=photographs,
        autoencoder=pieces.vae,
        config=DenoiserConfig(
            batch_size=config.batch_size, instructions=config.instructions, small_share=config.small_share
        ),
        curriculum=Styled(style_of(config), salt=bytes.fromhex(text.config.salt)),
    )
    log = log_to(work / "lora.jsonl")
    trained = _train(pieces.unet, text, triples, config, checkpoint=work / "lora.ckpt", report=log)
    write_bytes(out, save(trained), mode=0o600)
    shutil.rmtree(work)


def _train(
    unet: Any,
    text: ByteTextEncoder,
    triples: Triples,
    config: LoraTrainingConfig,
    *,
    checkpoint: Path,
    report: Callable[[int, int, dict[str, float]], None],
) -> dict[str, Tensor]:
    """Train additions to ``unet``, which itself stays as it is, and return them in the format of diffusers."""
    additions = _add(unet, config)
    weights = nn.ParameterList(additions.values())
    unet.to(memory_format=torch.channels_last)
    unet.set_attn_processor(AttnProcessor())  # spelled out instead of fused, for the backward pass on CPUs
    optimiser = torch.optim.AdamW(weights, lr=config.learning_rate, weight_decay=0.0, betas=(0.9, 0.99))
    average = Average(modules=[weights], decay=0.99)
    start = 0
    if (state := load_checkpoint(checkpoint)) is not None:
        weights.load_state_dict(state["weights"])
        optimiser.load_state_dict(state["optimiser"])
        average.values = state["average"]
        start = state["step"]
    alphas = build_scheduler().alphas_cumprod
    left = range(start, config.steps)
    for step in track(left, total=len(left), label="LoRA"):
        original, edited, ids, generator = triples.draw(_seed(config) * 1_000_003 + step)
        for group in optimiser.param_groups:
            group["lr"] = cosine(step, config.steps, config.learning_rate, min(20, config.steps // 4))
        noisy, times, target = noised(edited, alphas, DenoiserConfig.few_steps, generator)
        with torch.no_grad():
            states = text(ids).last_hidden_state.repeat_interleave(len(noisy) // len(ids), 0)
        with torch.autocast("cpu", torch.bfloat16):
            inputs = torch.cat([noisy, original], 1).to(memory_format=torch.channels_last)
            predicted = unet(inputs, times, encoder_hidden_states=states).sample
        loss = F.mse_loss(predicted.float(), target)
        optimiser.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        average.update(step)
        if (step + 1) % 25 == 0:
            report(step + 1, config.steps, {"loss": loss.item(), "grad": norm.item()})
        if (step + 1) % _EVERY == 0 or step + 1 == config.steps:
            save_checkpoint(
                checkpoint,
                {"weights": weights.state_dict(), "average": average.values, "optimiser": optimiser.state_dict(),
                 "step": step + 1},
            )  # fmt: skip
    average.copy_to_modules()
    return {f"unet.{name}": weight.detach().half().contiguous() for name, weight in additions.items()}


def _add(unet: Any, config: LoraTrainingConfig) -> dict[str, nn.Parameter]:
    """Additions that add nothing yet to every linear and convolutional layer of ``unet``, by their names in a file."""
    from peft import LoraConfig  # of the extra "lora"

    layers = [name for name, module in unet.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    with torch.random.fork_rng():
        torch.manual_seed(_seed(config))
        unet.add_adapter(
            LoraConfig(r=config.rank, lora_alpha=config.rank, init_lora_weights="gaussian", target_modules=layers)
        )
    return {name.replace(".default.", "."): weight for name, weight in unet.named_parameters() if weight.requires_grad}


def _seed(config: LoraTrainingConfig) -> int:
    return int.from_bytes(config.derive("seed", 4), "big")
