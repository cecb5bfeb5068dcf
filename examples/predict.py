"""Predict with a locked model and its key: `python examples/predict.py MODEL KEY IMAGE...`."""

from __future__ import annotations

import sys
from pathlib import Path

from spellock import UnlockedModel


def main(model: Path, key: Path, images: list[Path]) -> None:
    """Print the class and its probability for each image."""
    unlocked = UnlockedModel.from_pretrained(model, key=key)
    for image, prediction in zip(images, unlocked.predict(images), strict=True):
        print(f"{image}  {prediction.class_name}  {prediction.probability:.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
