"""The ways for a secret to enter the edit that `secret_ways.py` compares, and the keys of each."""

from __future__ import annotations

import hashlib
import io
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from PIL import Image
from safetensors.torch import save
from torch import nn

from spellock.artefacts import read_json, write_bytes, write_json
from spellock.editor_training.denoiser import DenoiserConfig
from spellock.editor_training.lora import LoraTrainingConfig, train_lora
from spellock.editor_training.train import EditorTrainingConfig, train_editor
from spellock.editor_training.work import work_folder
from spellock.editors.any_key import new_editor_key
from spellock.editors.checkpoint import load_pieces
from spellock.editors.compose import write_parts
from spellock.editors.presets import PRESETS, new_key
from spellock.editors.weights_folder import EMBEDDED, find_weights
from spellock.key import Key

PROMPT, SIDE, PICTURES = "with oil pastel", 32, 2000
WEAVE = PRESETS["embedded"].weave
#: Random low-rank weights: their rank, and their size as a share of each weight's own.
RANK, SHARE = 4, 0.35
#: Keyed transforms behind the prompt; their settings are guesses, made before anything was measured.
TRANSFORMS: dict[str, dict[str, Any]] = {
    "noise": {"editor": "noise", "settings": {"amplitude": 0.1}, "gamma": 1.0},
    "blockwise": {"editor": "blockwise", "settings": {"method": "shuffle", "block": 4}, "gamma": 0.25},
    "warp": {"editor": "warp", "settings": {"k": 8, "s": 2.0}, "gamma": 1.0},
}


def secret_of(number: int) -> bytes:
    """The owner's secret (0), or another one."""
    return hashlib.sha256(f"benchmark secret_ways {number}".encode()).digest()


@dataclass(frozen=True, kw_only=True)
class Keymaker:
    """Makes keys, and trains what they need once: everything lies below ``folder``.

    Attributes:
        folder: for pictures, LoRAs and private editors.
        data: the data folder; pictures are CIFAR-10's extra training images, which nothing else here is trained on.
        lora_steps, editor_steps: lengths of their trainings, at 32 px.
    """

    folder: Path
    data: Path
    lora_steps: int
    editor_steps: int

    def trained_lora(self, number: int) -> Path:
        """A LoRA that was trained for the secret ``number``."""

        def train(out: Path) -> None:
            config = LoraTrainingConfig(
                secret=secret_of(number).hex(), steps=self.lora_steps, resolution=SIDE, small_share=0.0
            )
            train_lora(config, self.pictures(), out)

        return self._timed(self.folder / f"lora_{number}.safetensors", train)

    def private_editor(self, number: int) -> Path:
        """A private editor whose salt is the secret ``number``, continued from the embedded one."""

        def train(out: Path) -> None:
            config = EditorTrainingConfig(
                resolution=SIDE,
                private_salt=secret_of(number).hex(),
                start_from=str(find_weights(EMBEDDED)),
                denoiser=DenoiserConfig(steps=self.editor_steps, small_share=0.0),
            )
            train_editor(config, self.pictures(), out)

        return self._timed(self.folder / f"editor_{number}", train)

    def random_lora(self, number: int) -> Path:
        """Random low-rank weights from the secret ``number``, on all attention and residual weights."""
        path = self.folder / f"random_lora_{number}.safetensors"
        if path.exists():
            return path
        generator = torch.Generator().manual_seed(int.from_bytes(secret_of(number)[:7], "big"))
        tensors = {}
        for name, module in load_pieces(EMBEDDED, dtype=torch.float32).unet.named_modules():
            if isinstance(module, nn.Linear | nn.Conv2d) and ("attentions" in name or "resnets" in name):
                outputs, *inputs = module.weight.shape
                down = torch.randn(RANK, *inputs, generator=generator)
                up = torch.randn(outputs, RANK, generator=generator)
                size = (up @ down.flatten(1)).norm()
                up *= SHARE * module.weight.norm() / size
                tensors[f"unet.{name}.lora_A.weight"] = down
                tensors[f"unet.{name}.lora_B.weight"] = up.view(outputs, RANK, *(1 for _ in inputs[1:])).contiguous()
        write_bytes(path, save(tensors), mode=0o600)
        return path

    def seconds(self, key: Key) -> float:
        """Processor seconds that training for ``key`` took; 0 where nothing was trained."""
        for name in ("lora", "weights"):
            notes = Path(f"{key.settings.get(name)}.seconds.json")
            if notes.exists():
                return float(read_json(notes)["seconds"])
        return 0.0

    def pictures(self) -> Path:
        """The folder of pictures, written once."""
        out = self.folder / "pictures"
        if not out.exists():
            table = pq.read_table(self.data / "cifar10" / "train_extra.parquet").slice(0, PICTURES)
            begun = self.folder / "pictures.begun"
            begun.mkdir(parents=True, exist_ok=True)
            for number, row in enumerate(table["image"].to_pylist()):
                Image.open(io.BytesIO(row["bytes"])).save(begun / f"{number:04d}.png")
            begun.rename(out)
        return out

    def _timed(self, out: Path, train: Callable[[Path], None]) -> Path:
        if not out.exists():
            self.pictures()
            # An interrupted training starts again, since its time would not be known.
            shutil.rmtree(work_folder(out), ignore_errors=True)
            started = time.process_time()
            train(out)
            write_json(Path(f"{out}.seconds.json"), {"seconds": time.process_time() - started})
        return out


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way for the secret to enter the edit.

    Attributes:
        secret: what is secret besides the prompt, in words for the table.
        make: the key of secret number n.
        others: how many other secrets are tried; few where each has to be trained, 0 where there is no secret.
    """

    secret: str
    make: Callable[[Keymaker, int], Key]
    others: int = 20


def _plain(keys: Keymaker, number: int, **settings: Any) -> Key:
    """A prompt for the embedded editor; without ``settings`` nothing secret beside it shapes the edit."""
    chosen = {"secret_use": "none", "noise_seed": 1024, "weave": 0.0, **settings}
    return new_key("embedded", prompt=PROMPT, resolution=SIDE, secret=secret_of(number), **chosen)


def _composed(transform: str, keys: Keymaker, number: int) -> Key:
    first = _plain(keys, number)
    parts = [{"editor": first.editor, "settings": dict(first.settings), "gamma": 0.5}, TRANSFORMS[transform]]
    return new_editor_key("compose", gamma=1.0, resolution=SIDE, secret=secret_of(number), parts=write_parts(parts))


def _lora(keys: Keymaker, number: int) -> Key:
    return _plain(keys, number, lora=str(keys.trained_lora(number)))


def _random_lora(keys: Keymaker, number: int) -> Key:
    return _plain(keys, number, lora=str(keys.random_lora(number)))


def _editor(keys: Keymaker, number: int) -> Key:
    return _plain(keys, number, weights=str(keys.private_editor(number)))


#: The two that are known to fail are last.
WAYS: dict[str, Way] = {
    "prompt alone": Way(secret="nothing", make=_plain, others=0),
    "prompt and string": Way(secret="a string behind the prompt", make=partial(_plain, secret_use="string")),
    "prompt and weave": Way(secret="a tile", make=partial(_plain, weave=WEAVE)),
    "prompt, string and weave": Way(
        secret="a string behind the prompt, and a tile", make=partial(_plain, secret_use="string", weave=WEAVE)
    ),
    "prompt and trained LoRA": Way(secret="a LoRA", make=_lora, others=3),
    "prompt and private editor": Way(secret="the editor", make=_editor, others=2),
    **{
        f"prompt and {name}": Way(secret="the transform's secret", make=partial(_composed, name)) for name in TRANSFORMS
    },
    "prompt and noise seed": Way(secret="the sampler's noise", make=partial(_plain, noise_seed="secret")),
    "prompt and random LoRA": Way(secret="random LoRA weights", make=_random_lora, others=5),
}
