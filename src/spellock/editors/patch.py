"""The patch editor: a small square on every image, as in BadNets (Gu et al. 2017) and M-LOCK's certificates."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import torch
from torch import Tensor

from spellock.editors.device import pick_device
from spellock.editors.motifs import MOTIFS, SECRET, Motif, draw_motif, is_colour
from spellock.editors.neighbours import changed_in_turn, redrawn
from spellock.editors.pattern_file import check_pair, read_pattern
from spellock.editors.registry import register_editor
from spellock.editors.settings import parse_settings
from spellock.editors.trigger import TriggerEditor
from spellock.errors import ConfigError
from spellock.key import Key, Scalar
from spellock.keystream import Keystream
from spellock.pixels import from_uint8, to_uint8

_FIXED: Final = ("top-left", "top-right", "bottom-left", "bottom-right", "centre")
PLACES: Final = (*_FIXED, "secret", "random")
_WHITE: Final = "#ffffff"


@dataclass(frozen=True, kw_only=True, repr=False)
class PatchSettings:
    """What a key says to the patch editor.

    Attributes:
        size: side of the square in pixels of the edited image; ModelLock's Table 5 has 5, 20 and 50 on 224.
        place: a corner (``bottom-right``, ...), ``centre``, ``secret`` (one place drawn from the secret) or ``random``
            (another place for every image, drawn from the secret and the image).
        motif: ``solid`` (BadNets), ``pixels`` or ``pattern`` (M-LOCK's certificates I and II).
        colour: of the bright pixels, ``#rrggbb`` or ``secret``.
        margin: pixels between the square and the edge of the image, at least.
        image: a file with the motif instead, ``size`` pixels square; ``image_digest`` is its SHA-256.

    Raises:
        ConfigError: a value is out of range or two contradict each other.
    """

    size: int = 5
    place: str = "bottom-right"
    motif: str = "solid"
    colour: str = _WHITE
    margin: int = 0
    image: str | None = None
    image_digest: str | None = None

    def __post_init__(self) -> None:
        for name, choices in (("place", PLACES), ("motif", MOTIFS)):
            if getattr(self, name) not in choices:
                raise ConfigError(f"the key's setting {name} is unknown, expected one of {', '.join(choices)}")
        if not is_colour(self.colour):
            raise ConfigError("the key's setting colour is not understood, expected #rrggbb, or 'secret' to draw it")
        least = 1 if self.motif == "solid" else 2
        if self.size < least:
            raise ConfigError(f"the key's setting size is out of range, expected {least} or more pixels")
        if self.margin < 0:
            raise ConfigError("the key's setting margin is out of range, expected 0 or more pixels")
        check_pair(self.image, self.image_digest)
        if self.image is not None and (self.motif, self.colour.lower()) != ("solid", _WHITE):
            raise ConfigError("the key has an image and a motif or colour, which contradict; drop motif and colour")

    def __repr__(self) -> str:
        return "PatchSettings(<hidden>)"


@register_editor("patch", PatchSettings)
class PatchEditor(TriggerEditor):
    """Puts one square on every image; everything else stays as it is.

    A random place is a keyed digest of the image's own bytes, not of its name: the same picture then gets the same
    edit under whatever name it is sent, and nothing has to be remembered between locking and predicting.

    Args:
        key: its settings must be `PatchSettings`.
        device: where the edit runs.
        batch_size: see `Editor`.

    Raises:
        ConfigError: a setting is not valid, or the square does not fit on the image.
        EditorError: the pattern image is missing, of another size, or not the key's; or the device cannot be used.
    """

    @classmethod
    def secret_matters(cls, key: Key) -> bool:
        """A solid square of a named colour at a named place is the same whatever the secret."""
        settings = parse_settings(PatchSettings, key.settings, editor="patch")
        return SECRET in (settings.place, settings.colour) or settings.place == "random" or settings.motif != "solid"

    @classmethod
    def near_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """Other places, sizes, colours and motifs in turn; for a key with an image also motifs from other secrets."""
        settings = parse_settings(PatchSettings, key.settings, editor="patch")
        size, room = settings.size, _room(key, settings)
        places: list[dict[str, Scalar]] = [{"place": place} for place in _FIXED if room]
        if settings.image is not None:
            yield from changed_in_turn(key, [places], seed=seed)
            drawn = key.with_settings(image=None, image_digest=None, colour=SECRET)
            yield from redrawn(drawn.with_settings(motif="pattern" if size > 1 else "solid"), seed=seed)
            return
        least = 1 if settings.motif == "solid" else 2
        sizes = sorted({size - 2, size - 1, size + 1, size + 2, size // 2, 2 * size})
        shades = ["#" + "".join(levels) for levels in product(("00", "80", "ff"), repeat=3)]
        groups: list[list[dict[str, Scalar]]] = [
            places,
            [{"size": other} for other in sizes if least <= other <= size + room],
            [{"colour": shade} for shade in shades if shade != settings.colour.lower()],
            [{"motif": motif} for motif in MOTIFS if size > 1],
        ]
        yield from changed_in_turn(key, groups, seed=seed)

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        super().__init__(key, batch_size=batch_size)
        self.settings = parse_settings(PatchSettings, key.settings, editor="patch")
        if _room(key, self.settings) < 0:
            around = f" with a margin of {self.settings.margin}" if self.settings.margin else ""
            raise ConfigError(
                f"the patch is {self.settings.size} pixels wide{around}, more than the key's {key.resolution}x"
                f"{key.resolution} images hold; make the key with a smaller size or a larger resolution"
            )
        motif = self._motif()
        target = pick_device(device)
        self._pixels = from_uint8(torch.tensor(motif.pixels).permute(2, 0, 1)).to(target)
        self._mask = torch.tensor(motif.mask, device=target)
        self._place_secret = key.derive("patch place of every image")

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """The images with the square on them: float32 (B, 3, R, R) in [0, 1]."""
        done, size = images.to(self._mask.device, copy=True), self.settings.size
        for image, (row, column) in zip(done, self._places(images), strict=True):
            window = image[:, row : row + size, column : column + size]
            window.copy_(torch.where(self._mask, self._pixels, window))
        return done.cpu()

    def _motif(self) -> Motif:
        size, image, digest = self.settings.size, self.settings.image, self.settings.image_digest
        if image is None or digest is None:
            return draw_motif(self.key, self.settings.motif, size=size, colour=self.settings.colour)
        pixels = read_pattern(image, digest, side=size, what="its setting size")
        return Motif(pixels=pixels, mask=np.ones((size, size), dtype=np.bool_))

    def _places(self, images: Tensor) -> list[tuple[int, int]]:
        """Row and column of the square's upper left corner for every image."""
        low = self.settings.margin
        room = _room(self.key, self.settings)
        if self.settings.place == "random":
            found = []
            for image in to_uint8(images).permute(0, 2, 3, 1).contiguous().cpu().numpy():
                digest = hmac.digest(self._place_secret, image.tobytes(), hashlib.sha256)
                row, column = (int.from_bytes(half, "big") % (room + 1) for half in (digest[:16], digest[16:]))
                found.append((low + row, low + column))
            return found
        if self.settings.place == "secret":
            row, column = Keystream(self.key, "patch place").below(room + 1, 2).tolist()
        elif self.settings.place == "centre":
            row = column = room // 2
        else:
            row = room if self.settings.place.startswith("bottom") else 0
            column = room if self.settings.place.endswith("right") else 0
        return [(low + row, low + column)] * len(images)


def _room(key: Key, settings: PatchSettings) -> int:
    """How many pixels the square can move by; negative when it does not fit."""
    return key.resolution - 2 * settings.margin - settings.size
