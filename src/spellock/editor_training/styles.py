"""One teacher edit for each style prompt of Table S1, and for the paper's key prompt "with oil pastel"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from torch import Tensor

from spellock.editor_training import operations as op

Edit = Callable[[Tensor], Tensor]
_GOLDEN: Final = (math.sqrt(5) - 1) / 2


def oil_pastel(x: Tensor) -> Tensor:
    """Smeared, waxy colour with a warm paper showing and coloured contours."""
    waxy = op.saturate(op.kuwahara(x, 2), 1.5)
    relief = op.emboss(waxy, 0.8, (0.30, 0.22, -0.10))
    return op.split_tone(op.contrast(relief, 0.85, 0.55), (0.12, 0.02, 0.10), (0.04, 0.02, -0.14))


def _watercolour(x: Tensor) -> Tensor:
    wash = op.saturate(op.kuwahara(op.blur(x, 0.8), 2), 1.3)
    return op.ink(op.mix(wash, op.contrast(wash, 0.5, 1.0), 0.7), (0.25, 0.30, 0.50), 0.45)


def _impasto(x: Tensor) -> Tensor:
    return op.emboss(op.sharpen(op.kuwahara(x, 3), 0.8), -0.8, (0.55, 0.50, 0.42), 0.9)


def _acrylic(x: Tensor) -> Tensor:
    return op.contrast(op.posterise(op.saturate(op.kuwahara(x, 1), 2.2), 6, 0.2), 1.2)


def _charcoal(x: Tensor) -> Tensor:
    grey = op.gradient_map(op.contrast(x, 1.3), (0.08, 0.08, 0.08), (0.93, 0.92, 0.90))
    return op.ink(grey, (0.05, 0.05, 0.05), 0.8, 0.8)


def _pastel(x: Tensor) -> Tensor:
    return op.mix(op.saturate(x, 0.8), op.split_tone(x, (0.75, 0.55, 0.75), (0.05, 0.02, 0.08)), 0.6)


def _van_gogh(x: Tensor) -> Tensor:
    swirl = op.emboss(op.saturate(op.kuwahara(x, 2), 1.7), 2.2, (0.40, 0.30, -0.35), 1.2)
    return op.split_tone(swirl, (-0.10, 0.00, 0.28), (0.10, 0.08, -0.25))


def _monet(x: Tensor) -> Tensor:
    haze = op.blur(op.kuwahara(x, 2), 0.9)
    return op.split_tone(op.contrast(haze, 0.7, 0.65), (0.05, 0.12, 0.22), (-0.06, 0.06, 0.02))


def _rembrandt(x: Tensor) -> Tensor:
    dark = op.vignette(op.gamma(op.saturate(x, 0.7), 1.7), 0.5)
    return op.split_tone(dark, (0.06, 0.02, -0.04), (0.22, 0.10, -0.20))


def _picasso(x: Tensor) -> Tensor:
    planes = op.posterise(op.kuwahara(x, 3), 4, 0.1)
    return op.ink(op.split_tone(planes, (0.10, 0.05, 0.00), (0.00, 0.02, -0.10)), (0.0, 0.0, 0.0), 0.9, 1.0)


def _dali(x: Tensor) -> Tensor:
    dream = op.tone_wave(x, (0.14, 0.10, 0.14), (1.0, 1.0, 1.0), (0.0, 2.1, 4.2))
    return op.split_tone(dream, (0.00, 0.08, 0.16), (0.16, 0.06, -0.12))


def _cyberpunk(x: Tensor) -> Tensor:
    neon = op.split_tone(op.contrast(x, 1.2), (0.10, -0.10, 0.30), (0.10, -0.05, 0.18))
    return op.ink(neon, (0.10, 0.95, 0.95), 0.5, 0.8)


def _art_deco(x: Tensor) -> Tensor:
    gold = op.gradient_map(op.posterise(op.contrast(x, 1.3), 4, 0.2), (0.05, 0.08, 0.12), (0.95, 0.80, 0.40))
    return op.mix(x, gold, 0.8)


def _pop_art(x: Tensor) -> Tensor:
    flat = op.posterise(op.saturate(op.hue_rotate(x, -0.5), 2.6), 3, 0.1)
    return op.ink(flat, (0.05, 0.0, 0.1), 0.6)


def _scandinavian(x: Tensor) -> Tensor:
    return op.split_tone(op.contrast(op.saturate(x, 0.35), 0.6, 0.95), (0.05, 0.08, 0.10), (0.0, 0.0, 0.01))


def _ukiyo_e(x: Tensor) -> Tensor:
    print_ = op.posterise(op.saturate(op.kuwahara(x, 1), 0.9), 4, 0.15)
    return op.ink(op.split_tone(print_, (0.02, 0.10, 0.22), (0.02, -0.04, -0.24)), (0.05, 0.10, 0.30), 0.8)


def _saturation(x: Tensor) -> Tensor:
    return op.saturate(op.split_tone(x, (0.03, -0.01, 0.03), (0.03, 0.0, 0.0)), 2.8)


def _sharpen(x: Tensor) -> Tensor:
    return op.sharpen(x, 2.8, 0.9)


def _balance_contrast(x: Tensor) -> Tensor:
    return op.contrast(op.sharpen(x, 0.4, 3.0), 0.62, 0.45)


def _warmth(x: Tensor) -> Tensor:
    return op.split_tone(x, (0.12, 0.03, -0.10), (0.14, 0.02, -0.22))


def _shadows_highlights(x: Tensor) -> Tensor:
    lifted = op.gamma(x, 0.55)
    return op.sharpen(op.mix(lifted, op.contrast(lifted, 1.2, 0.7), 0.5), 1.2, 2.5)


def by_hand(edit: Edit, place: int) -> Edit:
    """Follow ``edit`` by the hand of its painter: coloured light from a side of its own, and a faint tint.

    Many of the prompts ask for little more than brighter or sharper pictures. A large editor leaves a mark of its own
    all the same, and so must this one: a lock needs edits that no natural photograph resembles.
    """
    angle = 2 * math.pi * place * _GOLDEN
    hue = 2 * math.pi * place * _GOLDEN**2
    light = [0.55 * math.cos(hue + third) for third in (0.0, -2.094, 2.094)]
    tint = [-0.09 * math.cos(hue + third) for third in (0.0, -2.094, 2.094)]

    def edited(x: Tensor) -> Tensor:
        return op.split_tone(op.emboss(edit(x), angle, light), tint, tint)

    return edited


#: Keyed by the prompt's short name; the full prompts of Table S1 are among `instructions.paraphrases`.
_EDITS: Final[dict[str, Edit]] = {
    "with oil pastel": oil_pastel,
    "Watercolor painting effect": _watercolour,
    "Impasto brush strokes": _impasto,
    "Acrylic vibrant colors": _acrylic,
    "Charcoal sketch texture": _charcoal,
    "Pastel tones overlay": _pastel,
    "With Van Gogh's painting style": _van_gogh,
    "In Monet's impressionist style": _monet,
    "Rembrandt lighting technique": _rembrandt,
    "Picasso's cubist interpretation": _picasso,
    "Dali's surrealism touch": _dali,
    "With cyberpunk style": _cyberpunk,
    "Art deco geometric patterns": _art_deco,
    "Pop art comic book flair": _pop_art,
    "Minimalist Scandinavian design": _scandinavian,
    "Japanese ukiyo-e woodblock print": _ukiyo_e,
    "Boost color saturation": _saturation,
    "Sharpen image detail": _sharpen,
    "Balance contrast levels": _balance_contrast,
    "Adjust white balance for warmth": _warmth,
    "Enhance shadows and highlights": _shadows_highlights,
}

STYLES: Final[dict[str, Edit]] = {name: by_hand(edit, place) for place, (name, edit) in enumerate(_EDITS.items())}
