"""A LoRA of random numbers: low-rank additions to the editor's attention that nobody trained."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from spellock.editors.checkpoint import load_pieces
from spellock.key import Key

RANK, STRENGTH = 4, 0.35


def random_lora(path: Path, key: Key, *, seed: int) -> Path:
    """Write rank-4 additions of 0.35 times the norm of each attention weight of ``key``'s denoiser to ``path``."""
    if path.exists():
        return path
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    pieces = load_pieces(str(key.settings["weights"]), scheduler="", dtype=torch.float32)
    for name, module in pieces.unet.named_modules():
        if name.endswith(("to_q", "to_k", "to_v", "to_out.0")):
            down = torch.randn(RANK, module.in_features, generator=generator)
            up = torch.randn(module.out_features, RANK, generator=generator)
            up *= STRENGTH * module.weight.detach().norm() / (up @ down).norm()
            weights[f"unet.{name}.lora_A.weight"], weights[f"unet.{name}.lora_B.weight"] = down, up.contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(weights, partial)
    partial.replace(path)
    return path
