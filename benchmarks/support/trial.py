"""One lock of the paper, tried: lock, fine-tune the paper's way, and read UP and LP."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.evaluation.evaluate import evaluate
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.recipes.held_out import raw_images
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks.checkpoint import load_model
from spellock.tasks.classification import Classification
from spellock.tasks.pixel_model import PixelModel
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import finetune

#: Resize to 256 and take the central 224, as the paper's models do at test time.
CENTRE = 224 / 256
FIGURES = ("up", "lp", "lp_suppressed", "lp_centred", "hardened_lp")


class CentreCropped(PixelModel):
    """A model that looks at the central part of an image only, as test pipelines of ImageNet models do."""

    def __init__(self, model: PixelModel, share: float = CENTRE) -> None:
        mean, std = model.mean_std
        super().__init__(
            model.network, input_size=model.input_size, mean=mean, std=std, interpolation=model.interpolation
        )
        self.share = share
        self.to(model.mean.device).eval()

    def normalise(self, images: Tensor) -> Tensor:
        keep = [round(side * self.share) for side in images.shape[-2:]]
        top, left = ((side - kept) // 2 for side, kept in zip(images.shape[-2:], keep, strict=True))
        return super().normalise(images[..., top : top + keep[0], left : left + keep[1]])


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Data, model and training of a comparison.

    The paper's way of locking: alpha .95, one new class, plain drawing, no raw twins, the last epoch's weights.
    """

    train: ImageSet
    test: ImageSet
    choice: ModelChoice
    training: FinetuneConfig
    lock: LockConfig
    work: Path
    device: str = "cpu"

    def with_training(self, **changes: object) -> Trial:
        """The same with other settings of the training."""
        return replace(self, training=replace(self.training, **changes))  # type: ignore[arg-type]

    def locked(self, key: Key, editor: Editor, *, seed: int) -> PixelModel:
        """A model locked with ``key``; what is written on the way is removed."""
        out = self.work / "cell"
        shutil.rmtree(out, ignore_errors=True)
        training = replace(self.training, seed=seed, validate_every=self.training.epochs)
        lock_model(
            self.train, key, out, choice=self.choice, lock=replace(self.lock, seed=seed), training=training,
            device=self.device, editor=editor,
        )  # fmt: skip
        model = load_model(out / "model").model.to(torch.device(self.device))
        shutil.rmtree(out)
        return model

    def unlocked(self, key: Key, *, seed: int) -> PixelModel:
        """The same fine-tuning on all images raw, as the baseline; ``key`` gives only the images' size."""
        out = self.work / "cell"
        shutil.rmtree(out, ignore_errors=True)
        pixels, labels = raw_images(self.train, set(self.train.ids), key)
        classes = len(self.train.classes)
        model = self.choice.create(classes, seed=seed)
        task, training = Classification(num_classes=classes), replace(self.training, seed=seed)
        finetune(model, pixels, labels, task, training, out, device=self.device)
        shutil.rmtree(out)
        return model

    def figures(self, model: PixelModel, key: Key, editor: Editor) -> dict[str, float]:
        """UP, LP and the keyless figures that need no wrong keys, in percent; of a model without lock, all the same."""
        names = [*self.train.classes, "other"][: model.num_classes]
        locked = len(names) > len(self.train.classes)
        report = evaluate(
            model, names, key, self.test, lock_class="other" if locked else None, wrong_keys=0, examples=0,
            device=self.device, make_editor=lambda _: editor,
        )  # fmt: skip
        return {name: 100 * report[name] for name in FIGURES}
