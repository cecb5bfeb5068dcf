"""Lock a model on a folder of images: `python examples/lock_a_folder.py IMAGES OUT`.

IMAGES has one sub-folder a class. OUT gets the locked model, the owner's files and an unencrypted key file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from spellock.data.open_images import open_images
from spellock.editors.presets import new_key
from spellock.key import Key
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.training.config import FinetuneConfig


def main(images: Path, out: Path, *, key: Key | None = None, epochs: int = 10) -> None:
    """Lock a small ResNet with ``key``, by default a fresh one for the prompt "with oil pastel"."""
    key = key or new_key("embedded", prompt="with oil pastel", resolution=32)
    lock_model(
        open_images(images),
        key,
        out,
        choice=ModelChoice(name="small_resnet8"),
        lock=LockConfig(raw_twins=True),
        training=FinetuneConfig(epochs=epochs, unauthorised_share=0.5),
    )
    save_key(key, out / "owner" / "my.key", passphrase=None, plain=True)
    print(f"locked model in {out / 'model'}, key in {out / 'owner' / 'my.key'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
