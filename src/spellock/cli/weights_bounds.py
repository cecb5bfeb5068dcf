"""`spellock weights bounds`: how far taking the key out can move the outputs, proved, beside what is measured."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import tyro

from spellock.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class WeightsBoundsArgs:
    """Print a proven upper bound of what a weight key changes, layer by layer, next to the measured change.

    Compared are the unlocked model and the keyed one; with --against the unlocked model and another of the same
    network, for example one that was fine-tuned everywhere: how much an update inside the key can lose. An upper bound
    proves nothing about how bad a locked model is; the text says what it does prove.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    """Folder of the keyed model."""
    images: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES")]
    """Folder of images to measure on."""
    key: Path
    """Weight key file."""
    against: Path | None = None
    """Folder of another model of the same network and classes, in the place of the keyed one."""
    limit: int = 16
    """Images at most, the first by name."""
    t: float = 3.0
    """The bound that chance gives a matrix fails with probability 2 exp(-t^2) at most."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    json: bool = False
    """Print one JSON object."""


def run(args: WeightsBoundsArgs) -> int:
    """Bound, measure and print; returns 0.

    Raises:
        SpellockError: key and model do not belong together, an image cannot be read, or the network has a layer
            without a bound.
    """
    import copy
    from dataclasses import asdict

    from spellock.data.image_files import image_files, pixels_of
    from spellock.pixels import from_uint8
    from spellock.tasks.checkpoint import load_model
    from spellock.weightlocks.bounds.change import bound_change
    from spellock.weightlocks.bounds.table import as_text
    from spellock.weightlocks.unlocking import unlock_module
    from spellock.weightlocks.weight_keyfile import open_weight_key

    if args.limit < 1:
        raise ConfigError(f"got --limit {args.limit}, expected 1 image or more")
    keyed = load_model(args.model).model
    other = keyed if args.against is None else load_model(args.against).model
    paths = list(image_files(args.images).values())[: args.limit]
    pixels = from_uint8(pixels_of(paths, squashed_to=(keyed.input_size, keyed.input_size)))
    whole = copy.deepcopy(keyed.network)
    unlock_module(whole, open_weight_key(args.key, passphrase_file=args.passphrase_file))
    found = bound_change(whole, other.network.state_dict(), keyed.normalise(pixels), t=args.t)
    print(json_format.dumps(plain_json(asdict(found)), allow_nan=False) if args.json else as_text(found).rstrip())
    return 0


def plain_json(value: Any) -> Any:
    """JSON has no infinity: bounds beyond the largest number become null."""
    if isinstance(value, dict):
        return {name: plain_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value
