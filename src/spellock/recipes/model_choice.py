"""Which model is fine-tuned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from spellock.tasks.models import create_model
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """Which model is fine-tuned; see `spellock.tasks.models.create_model`."""

    name: str
    weights: Path | None = None
    pretrained: bool = False
    input_size: int | None = None

    def from_folder(self, folder: Path) -> ModelChoice:
        """The same model as it was trained and saved in ``folder``."""
        return replace(self, name=str(folder.absolute()), weights=None, pretrained=False)

    def create(self, num_classes: int, *, seed: int) -> PixelModel:
        """The model with fresh logits for ``num_classes`` where its weights have another number."""
        return create_model(
            self.name,
            num_classes=num_classes,
            weights=self.weights,
            pretrained=self.pretrained,
            input_size=self.input_size,
            seed=seed,
        )
