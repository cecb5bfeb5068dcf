"""The paper's own size, for a machine with a GPU: Pets at 256 px, InstructPix2Pix, MAE ViT-B/16 or ResNet-50."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from spellock.data.open_images import open_images
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice
from spellock.training.config import FinetuneConfig
from support.trial import Trial

#: Side of edited images in the authors' code; their models then see the central 224 pixels.
SIDE = 256


@dataclass(frozen=True, kw_only=True)
class FullModel:
    """A model of the paper and its usual fine-tuning; the paper does not give its own."""

    name: str
    training: FinetuneConfig


MODELS = {
    # MAE's published recipe without mixup and CutMix; 5e-4 for each 256 images of a batch.
    "vit": FullModel(
        name="timm:vit_base_patch16_224.mae",
        training=FinetuneConfig(
            epochs=100, batch_size=128, optimizer="adamw", learning_rate=2.5e-4, weight_decay=0.05, warmup_epochs=5,
            layer_decay=0.65, augment="random-resized-crop-erase",
        ),
    ),
    "r50": FullModel(
        name="torchvision:resnet50",
        training=FinetuneConfig(
            epochs=100, batch_size=128, optimizer="sgd", learning_rate=0.02, weight_decay=1e-4, warmup_epochs=5,
            augment="random-resized-crop-erase",
        ),
    ),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--full`` and what goes with it."""
    parser.add_argument("--full", action="store_true", help="the paper's size; needs a GPU and the options below")
    parser.add_argument("--device", default="cpu", help="where editor and model run; cuda with --full")
    parser.add_argument("--model", choices=MODELS, default="vit", help="of --full")
    parser.add_argument("--weights", type=Path, help="of the model of --full; timm's or torchvision's own by default")
    parser.add_argument("--editor", default="timbrooks/instruct-pix2pix", help="folder or hub id, of --full")
    parser.add_argument("--images", default="timm/oxford-iiit-pet", help="folder or hub id with train and test")


def full_trial(args: argparse.Namespace) -> Trial:
    """Data, model and training of ``--full``."""
    model = MODELS[args.model]
    return Trial(
        train=open_images(args.images, split="train"),
        test=open_images(args.images, split="test"),
        choice=ModelChoice(name=model.name, weights=args.weights, pretrained=args.weights is None, input_size=224),
        training=model.training,
        lock=LockConfig(validation=0.0, layout="parquet"),
        work=args.work,
        device=args.device,
    )
