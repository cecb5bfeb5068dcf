"""Before the denoiser learns, the text encoder learns to name what an instruction asks for.

Reading bytes is the slow part of the joint training; on its own it takes minutes. The two heads are thrown away.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from transformers import ByT5Tokenizer

from spellock.editor_training.instructions import TOPICS, Curriculum
from spellock.editor_training.schedule import cosine
from spellock.editors.byte_text import ByteTextEncoder
from spellock.progress import track


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Length of the text encoder's own training."""

    steps: int = 500
    batch_size: int = 64
    learning_rate: float = 2e-3


def train_text_encoder(
    model: ByteTextEncoder,
    curriculum: Curriculum,
    config: TextConfig,
    *,
    seed: int,
    report: Callable[[int, int, dict[str, float]], None],
) -> None:
    """Train the semantic half of ``model`` in place to tell topics, and whether a string's own style takes part."""
    tokenizer = ByT5Tokenizer(model_max_length=model.config.max_bytes, extra_ids=0)
    tokens = model.config.semantic_tokens
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        heads = nn.Linear(tokens * model.config.hidden_size, len(TOPICS) + 1)
    parameters = [*model.parameters(), *heads.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=1e-3, betas=(0.9, 0.98))
    model.train()
    for step in track(range(config.steps), total=config.steps, label="text encoder"):
        rng = random.Random(seed * 7_000_003 + step)
        drawn = [curriculum.draw(rng) for _ in range(config.batch_size)]
        ids = tokenizer([item.text for item in drawn], padding=True, return_tensors="pt").input_ids
        topics = torch.tensor([item.topic for item in drawn])
        own = torch.tensor([float(item.own) for item in drawn])
        for group in optimiser.param_groups:
            group["lr"] = cosine(step, config.steps, config.learning_rate, 100)
        with torch.autocast("cpu", torch.bfloat16):
            states = model(ids).last_hidden_state[:, :tokens]
        scores = heads(states.float().flatten(1))
        loss = F.cross_entropy(scores[:, :-1], topics) + F.binary_cross_entropy_with_logits(scores[:, -1], own)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        if (step + 1) % 50 == 0:
            right = (scores[:, :-1].argmax(1) == topics).float().mean().item()
            report(step + 1, config.steps, {"loss": loss.item(), "topics_right": right})
