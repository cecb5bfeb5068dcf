"""The locks of the leaderboard: a key and a way to lock for each. To add one, add a line to `LOCKS`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from spellock.editors.any_key import new_editor_key
from spellock.editors.presets import new_key
from spellock.key import Key, Scalar
from support.random_lora import random_lora

PROMPT: Final = "with oil pastel"
SECRET: Final = hashlib.sha256(b"benchmark leaderboard").digest()
MakeKey = Callable[[int, Path], Key]


@dataclass(frozen=True, kw_only=True)
class BoardLock:
    """One line of the board.

    Attributes:
        make_key: the key for images of a side, with a folder for what it needs; None for a lock of weights.
        preset: of locking and training, see `spellock.recipes.presets`.
        from_baseline: whether the baseline is what is locked, and taught by, as FMLock wants it.
        what: in words.
    """

    make_key: MakeKey | None
    preset: str = "modellock"
    from_baseline: bool = False
    what: str = ""


def _diffusion(**settings: Scalar) -> MakeKey:
    return lambda side, work: new_key("embedded", prompt=PROMPT, resolution=side, secret=SECRET, **settings)  # type: ignore[arg-type]


def _with_lora(**settings: Scalar) -> MakeKey:
    def make(side: int, work: Path) -> Key:
        plain = _diffusion(**settings)(side, work)
        return _diffusion(**settings, lora=str(random_lora(work / "random_lora.safetensors", plain, seed=0)))(
            side, work
        )

    return make


def _trigger(editor: str, **settings: Scalar) -> MakeKey:
    return lambda side, work: new_editor_key(editor, resolution=side, secret=SECRET, **settings)  # type: ignore[arg-type]


_NO_SECRET: Final[Mapping[str, Scalar]] = MappingProxyType({"secret_use": "none", "noise_seed": 1024})
LOCKS: Final[Mapping[str, BoardLock]] = {
    "modellock": BoardLock(make_key=_diffusion(**_NO_SECRET), what="the paper's way: a prompt, no secret"),
    "modellock-secret": BoardLock(make_key=_diffusion(), what="the same, and a secret"),
    "modellock-lora": BoardLock(make_key=_with_lora(**_NO_SECRET), what="the same with a random LoRA, no secret"),
    "hardened": BoardLock(make_key=_diffusion(), preset="hardened", what="the default preset"),
    "hardened-no-secret": BoardLock(make_key=_diffusion(**_NO_SECRET), preset="hardened", what="without a secret"),
    "hardened-lora": BoardLock(make_key=_with_lora(), preset="hardened", what="with a random LoRA besides"),
    "patch": BoardLock(make_key=_trigger("patch"), what="BadNets, 5 pixels"),
    "blend": BoardLock(make_key=_trigger("blend"), what="Blend, alpha 0.2"),
    "noise": BoardLock(make_key=_trigger("noise"), what="one Gaussian image"),
    "fmlock": BoardLock(
        make_key=_trigger("noise"), preset="fmlock", from_baseline=True, what="FMLock's two loss terms, the same image",
    ),
    "warp": BoardLock(make_key=_trigger("warp"), what="WaNet"),
    "photo-filter": BoardLock(make_key=_trigger("photo_filter"), what="Nashville"),
    "blockwise": BoardLock(make_key=_trigger("blockwise"), what="shuffled blocks of 4 pixels"),
    "weights": BoardLock(make_key=None, what="a weight lock of the baseline, default selection"),
}  # fmt: skip
