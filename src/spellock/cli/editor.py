"""`spellock editor train`: a private editor, the strongest secret that an owner can have."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from spellock.errors import EditorError

_SALT_BYTES = 32


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


def run(args: EditorTrainArgs) -> int:
    """Train the editor and say where it is."""
    from spellock.editor_training.autoencoder import AutoencoderConfig
    from spellock.editor_training.denoiser import DenoiserConfig
    from spellock.editor_training.train import EditorTrainingConfig, train_editor

    autoencoder = AutoencoderConfig()
    autoencoder = replace(autoencoder, steps=args.autoencoder_steps or autoencoder.steps)
    denoiser = DenoiserConfig()
    denoiser = replace(denoiser, steps=args.steps or denoiser.steps, batch_size=args.batch_size or denoiser.batch_size)
    config = EditorTrainingConfig(
        resolution=args.resolution,
        crops=args.crops,
        seed=args.seed,
        private_salt="" if args.public else _salt(args.out),
        start_from=_start(args.start_from),
        autoencoder=autoencoder,
        denoiser=denoiser,
    )
    train_editor(config, args.data, args.out)
    print(f"editor written to {args.out}; use it with `spellock key new --weights {args.out}`", file=sys.stderr)
    return 0


def _salt(out: Path) -> str:
    """The salt of interrupted work, or a fresh one."""
    begun = out.with_name(out.name + ".work") / "config.json"
    try:
        return str(json.loads(begun.read_text())["private_salt"])
    except (OSError, ValueError, KeyError):
        return secrets.token_hex(_SALT_BYTES)


def _start(name: str) -> str:
    if name == "none":
        return ""
    if name != "embedded":
        return name
    folder = Path(__file__).resolve().parents[1] / "assets" / "embedded"
    if not folder.is_dir():
        raise EditorError('this installation carries no embedded editor; give a folder or "--start-from none"')
    return str(folder)
