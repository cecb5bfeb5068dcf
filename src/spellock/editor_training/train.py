"""Train an editor: a folder of pictures in, a small InstructPix2Pix checkpoint in the diffusers format out."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from diffusers import (
    AutoencoderTiny,
    StableDiffusionInstructPix2PixPipeline,
    UNet2DConditionModel,
)
from transformers import ByT5Tokenizer

from spellock.artefacts import new_folder, read_json, write_json
from spellock.editor_training.autoencoder import AutoencoderConfig, build_autoencoder, train_autoencoder
from spellock.editor_training.checkpoint import load_checkpoint, save_checkpoint
from spellock.editor_training.denoiser import (
    DenoiserConfig,
    Triples,
    build_denoiser,
    build_scheduler,
    train_denoiser,
)
from spellock.editor_training.instructions import Curriculum
from spellock.editor_training.photographs import Photographs
from spellock.editor_training.text import TextConfig, train_text_encoder
from spellock.editor_training.work import begin_work, log_to
from spellock.editors.byte_text import ByteTextConfig, ByteTextEncoder
from spellock.errors import ConfigError, EditorError


@dataclass(frozen=True, kw_only=True)
class EditorTrainingConfig:
    """How an editor is trained.

    Attributes:
        resolution: side of the training crops in pixels; half of it is trained too.
        crops: random crops taken from each picture that is much larger than ``resolution``.
        seed: seed of initialisation, data order and noise.
        private_salt: 64 hexadecimal digits that make the styles this editor's own; empty for a public editor.
        start_from: folder of an editor to continue from, which saves most of the time; empty to start afresh.
        autoencoder: sizes and length of the first part; skipped when continuing from an editor, as is ``text``.
        text: length of the text encoder's own training.
        denoiser: sizes and length of the joint training.
    """

    resolution: int = 64
    crops: int = 6
    seed: int = 0
    private_salt: str = field(default="", repr=False)
    start_from: str = ""
    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    text: TextConfig = field(default_factory=TextConfig)
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)

    def __post_init__(self) -> None:
        if self.resolution < 32 or self.resolution % 32:
            raise ConfigError(f"got resolution {self.resolution}, expected a multiple of 32; try 64")
        if self.crops < 1:
            raise ConfigError(f"got crops {self.crops}, expected at least 1")
        salt = self.private_salt
        if salt and (len(salt) != 64 or set(salt) - set("0123456789abcdef")):
            raise ConfigError(
                "private_salt must be 64 lower-case hexadecimal digits; leave it empty for a public editor"
            )


def train_editor(config: EditorTrainingConfig, data: Path, out: Path) -> None:
    """Train on the pictures below ``data`` and write the editor to the new folder ``out``.

    Interrupted work is kept in ``out`` with ``.work`` appended and resumed by the same call.

    Raises:
        ConfigError: the work was begun with other settings.
        DataError: ``data`` holds no readable pictures.
        EditorError: ``out`` exists, or ``start_from`` is no editor.
        StorageError: ``out`` cannot be written.
    """
    if out.exists():
        raise EditorError(f"{out} exists already; choose another folder or remove it first")
    work = begin_work(out, asdict(config))
    photographs = Photographs(folder=data, resolution=config.resolution, crops=config.crops, seed=config.seed)
    vae, unet, text_encoder = _models(config)
    curriculum = Curriculum(salt=bytes.fromhex(config.private_salt))
    if not config.start_from:
        log = log_to(work / "autoencoder.jsonl")
        train_autoencoder(
            vae, photographs, config.autoencoder, checkpoint=work / "autoencoder.ckpt", seed=config.seed, report=log
        )
        _read_words(text_encoder, curriculum, config, work)
    triples = Triples(photographs=photographs, autoencoder=vae, config=config.denoiser, curriculum=curriculum)
    log = log_to(work / "denoiser.jsonl")
    train_denoiser(
        unet, text_encoder, triples, config.denoiser, checkpoint=work / "denoiser.ckpt", seed=config.seed, report=log
    )
    with new_folder(out, mode=0o700 if config.private_salt else 0o755) as folder:
        save_editor(folder, vae=vae, unet=unet, text_encoder=text_encoder)
        public = asdict(config) | {"private_salt": "", "start_from": Path(config.start_from).name}
        write_json(folder / "training.json", public | {"crops_in_total": len(photographs.images)})
        for name in ("autoencoder.jsonl", "text.jsonl", "denoiser.jsonl"):
            if (work / name).exists():
                shutil.copy(work / name, folder / name)
    shutil.rmtree(work)


def _read_words(model: ByteTextEncoder, curriculum: Curriculum, config: EditorTrainingConfig, work: Path) -> None:
    """Train the text encoder, or take it from work that was interrupted later."""
    done = work / "text.ckpt"
    if (state := load_checkpoint(done)) is not None:
        model.load_state_dict(state)
        return
    train_text_encoder(model, curriculum, config.text, seed=config.seed, report=log_to(work / "text.jsonl"))
    save_checkpoint(done, model.state_dict())


def save_editor(
    folder: Path, *, vae: AutoencoderTiny, unet: UNet2DConditionModel, text_encoder: ByteTextEncoder
) -> None:
    """Write the pieces as a diffusers pipeline folder; there is no safety checker.

    Autoencoder and denoiser are stored in half precision. The text encoder is not: transformers would load it in half
    precision too, and it is small.
    """
    pipeline = StableDiffusionInstructPix2PixPipeline(
        vae=vae.half(),
        text_encoder=text_encoder.float(),
        tokenizer=ByT5Tokenizer(model_max_length=text_encoder.config.max_bytes, extra_ids=0),
        unet=unet.half(),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    for path in folder.glob("*/config.json"):
        # Where a part was loaded from is nobody's business, and must not change the editor's digest.
        write_json(path, {name: value for name, value in read_json(path).items() if name != "_name_or_path"})


def _models(config: EditorTrainingConfig) -> tuple[AutoencoderTiny, UNet2DConditionModel, ByteTextEncoder]:
    if config.start_from:
        folder = Path(config.start_from)
        if not (folder / "model_index.json").exists():
            raise EditorError(f"{folder} is not an editor folder (no model_index.json); check --start-from")
        text_encoder = ByteTextEncoder.from_pretrained(folder / "text_encoder").float()
        text_encoder.config.salt = config.private_salt
        vae = AutoencoderTiny.from_pretrained(folder / "vae", use_safetensors=True).float()
        unet = UNet2DConditionModel.from_pretrained(folder / "unet", use_safetensors=True).float()
        return vae, unet, text_encoder
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        vae = build_autoencoder(config.autoencoder)
        text_encoder = ByteTextEncoder(ByteTextConfig(salt=config.private_salt))
        unet = build_denoiser(
            config.denoiser,
            latent_channels=config.autoencoder.latent_channels,
            text_width=text_encoder.config.hidden_size,
        )
    return vae, unet, text_encoder
