"""Settings of a fine-tuning run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spellock.errors import ConfigError
from spellock.training.augment import AUGMENTATIONS


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """How a model is fine-tuned; all runs with the same settings, data and device end in the same bytes.

    Attributes:
        epochs: passes over the authorised images (all images under plain drawing).
        batch_size: images a step, over all processes together.
        optimizer: adamw, or sgd with Nesterov momentum 0.9.
        learning_rate: peak, reached after the warm-up; follows a cosine down to 0.
        weight_decay: on weight matrices and kernels; norms and biases have none.
        warmup_epochs: length of the linear warm-up, a fraction allowed.
        layer_decay: each layer's learning rate is that of the layer above times this; 1 for all alike, in (0, 1].
        label_smoothing: in [0, 1); None leaves it to the task.
        augment: crop-flip, crop (where left and right matter: digits, signs), random-resized-crop-erase (usual after
            ImageNet, but it cuts away edits at the edge) or none.
        mixup: strength a of Beta(a, a), 0 for none; only images of one kind (authorised or not) are mixed.
        cutmix: the same for pasted rectangles.
        precision: fp32, bf16 (autocast), or auto: bf16 where the device is fast at it.
        grad_clip: largest norm of the gradient; None for no limit.
        unauthorised_share: share of each batch drawn from the unauthorised images (balanced drawing), in (0, 1); None
            draws all images alike, the paper's way.
        alone_share: part of each batch's unauthorised images, raw ones, that pass through the model without the rest of
            the batch, so that BatchNorm normalises them among themselves, as a thief does who recomputes its statistics
            on raw images; in [0, 1), 0 for none. Changes nothing for a model without BatchNorm.
        seed: of order, augmentation, mixing and dropout.
        workers: processes that read a data set; arrays in memory need none.
        checkpoint_every: epochs between checkpoints.
        validate_every: epochs between validations; the last epoch is always validated.
        tensorboard: also write TensorBoard files (extra ``tensorboard``).

    Raises:
        ConfigError: a value is out of range.
    """

    epochs: int = 10
    batch_size: int = 128
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_epochs: float = 0.5
    layer_decay: float = 1.0
    label_smoothing: float | None = None
    augment: Literal["crop-flip", "crop", "random-resized-crop-erase", "none"] = "crop-flip"
    mixup: float = 0.0
    cutmix: float = 0.0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    grad_clip: float | None = 1.0
    unauthorised_share: float | None = None
    alone_share: float = 0.0
    seed: int = 0
    workers: int = 0
    checkpoint_every: int = 1
    validate_every: int = 1
    tensorboard: bool = False

    def __post_init__(self) -> None:
        share, smoothing, clip = self.unauthorised_share, self.label_smoothing, self.grad_clip
        rules: tuple[tuple[str, bool, str], ...] = (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("batch_size", self.batch_size >= 2, "at least 2"),
            ("optimizer", self.optimizer in ("adamw", "sgd"), "adamw or sgd"),
            ("learning_rate", 0 < self.learning_rate < float("inf"), "a number above 0"),
            ("weight_decay", 0 <= self.weight_decay < float("inf"), "0 or more"),
            ("warmup_epochs", 0 <= self.warmup_epochs <= self.epochs, "between 0 and epochs"),
            ("layer_decay", 0 < self.layer_decay <= 1, "in (0, 1]"),
            ("label_smoothing", smoothing is None or 0 <= smoothing < 1, "in [0, 1)"),
            ("augment", self.augment in AUGMENTATIONS, f"one of {', '.join(AUGMENTATIONS)}"),
            ("mixup", 0 <= self.mixup < float("inf"), "0 or more"),
            ("cutmix", 0 <= self.cutmix < float("inf"), "0 or more"),
            ("precision", self.precision in ("auto", "fp32", "bf16"), "auto, fp32 or bf16"),
            ("grad_clip", clip is None or clip > 0, "above 0, or None"),
            ("unauthorised_share", share is None or 0 < share < 1, "in (0, 1), or None for plain drawing"),
            ("alone_share", 0 <= self.alone_share < 1, "in [0, 1), 0 for none"),
            ("workers", self.workers >= 0, "0 or more"),
            ("checkpoint_every", self.checkpoint_every >= 1, "at least 1"),
            ("validate_every", self.validate_every >= 1, "at least 1"),
        )
        for name, holds, expected in rules:
            if not holds:
                raise ConfigError(f"training: got {name}={getattr(self, name)!r}, expected {expected}")
