"""`spellock editor train` and `lora`: secrets that are trained, a private editor or a LoRA for an editor."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spellock.errors import ConfigError, EditorError

_SECRET_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class EditorTrainArgs:
    """Train an editor on your own pictures.

    Without ``--public`` the editor is private: a secret salt, kept in its folder, makes the style of every string its
    own, so the folder is as secret as a key. Interrupted training is resumed by the same command.
    """

    data: Path
    """Folder of pictures, searched with all its sub-folders; no labels are needed."""
    out: Path
    """New folder for the editor, in the diffusers format."""
    public: bool = False
    """Train without a secret salt: an editor that may be given away."""
    start_from: str = "embedded"
    """Editor to continue from: "embedded", a folder, or "none" to start afresh, which takes several times as long."""
    resolution: int = 64
    """Side of the training crops in pixels, a multiple of 32."""
    crops: int = 6
    """Random crops taken from each picture that is much larger than the resolution."""
    autoencoder_steps: int | None = None
    """Training steps of the autoencoder; used with "--start-from none" only. None: the default length."""
    steps: int | None = None
    """Training steps of the denoiser. None: the default length."""
    batch_size: int | None = None
    """Pictures a step of the denoiser. None: the default."""
    seed: int = 0
    """Seed of initialisation, data order and noise."""


@dataclass(frozen=True, kw_only=True)
class EditorLoraArgs:
    """Train a LoRA that puts a secret style on top of every edit of an editor.

    The style is drawn from a fresh secret, which is forgotten when the LoRA is done: the file is then as secret as a
    key. Interrupted training is resumed by the same command.
    """

    data: Path
    """Folder of pictures, searched with all its sub-folders; no labels are needed."""
    out: Path
    """New file for the LoRA, which ends in .safetensors."""
    weights: str = "embedded"
    """Editor that it is for: "embedded", or a folder made by `spellock editor train`."""
    rank: int | None = None
    """Rank of the additions. None: the default."""
    steps: int | None = None
    """Training steps. None: the default length."""
    batch_size: int | None = None
    """Pictures a step, a multiple of 12. None: the default."""
    resolution: int = 64
    """Side of the training crops in pixels, a multiple of 32."""
    crops: int = 6
    """Random crops taken from each picture that is much larger than the resolution."""


def run(args: EditorTrainArgs) -> int:
    """Train the editor and say where it is."""
    from spellock.editor_training.autoencoder import AutoencoderConfig
    from spellock.editor_training.denoiser import DenoiserConfig
    from spellock.editor_training.train import EditorTrainingConfig, train_editor

    autoencoder = AutoencoderConfig(**_given(steps=args.autoencoder_steps))
    denoiser = DenoiserConfig(**_given(steps=args.steps, batch_size=args.batch_size))
    config = EditorTrainingConfig(
        resolution=args.resolution,
        crops=args.crops,
        seed=args.seed,
        private_salt="" if args.public else _drawn(args.out, "private_salt"),
        start_from=_start(args.start_from),
        autoencoder=autoencoder,
        denoiser=denoiser,
    )
    train_editor(config, args.data, args.out)
    print(f"editor written to {args.out}; use it with `spellock key new --weights {args.out}`", file=sys.stderr)
    return 0


def run_lora(args: EditorLoraArgs) -> int:
    """Train the LoRA and say where it is."""
    from spellock.editor_training.lora import LoraTrainingConfig, train_lora

    given = _given(**{name: getattr(args, name) for name in ("rank", "steps", "batch_size")})
    config = LoraTrainingConfig(
        secret=_drawn(args.out, "secret"),
        weights=args.weights,
        resolution=args.resolution,
        crops=args.crops,
        **given,
    )
    train_lora(config, args.data, args.out)
    said = f"LoRA written to {args.out}, as secret as a key; use it with `spellock key new --lora {args.out}`"
    print(said, file=sys.stderr)
    return 0


def _given(**numbers: int | None) -> dict[str, Any]:
    """Those of ``numbers`` that are given.

    Raises:
        ConfigError: one is below 1.
    """
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ConfigError(f"got {name} {number}, expected at least 1; leave it out for the default")
    return {name: number for name, number in numbers.items() if number is not None}


def _drawn(out: Path, name: str) -> str:
    """The secret of interrupted work, its setting ``name``, or a fresh one."""
    from spellock.editor_training.work import begun_with

    return begun_with(out, name) or secrets.token_hex(_SECRET_BYTES)


def _start(name: str) -> str:
    if name == "none":
        return ""
    if name != "embedded":
        return name
    folder = Path(__file__).resolve().parents[1] / "assets" / "embedded"
    if not folder.is_dir():
        raise EditorError('this installation carries no embedded editor; give a folder or "--start-from none"')
    return str(folder)
