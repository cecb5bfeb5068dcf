"""Objects put in the background: a small drawing in an upper corner for each name of Table S2.

Drawings are schematic (a shape, a colour, a second colour for its markings): at 32 to 64 px an object in the
background is a few pixels of the right colour and outline, which is also all that five steps of a large editor add.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import torch
from torch import Tensor

Colour = tuple[float, float, float]


class Drawing(NamedTuple):
    """Outline (``disc``, ``box``, ``tall``, ``wide``, ``star``, ``triangle``), fill, marking colour, marking."""

    outline: str
    fill: Colour
    mark: Colour
    marking: str
    corner: str


_W, _K, _G = (0.95, 0.95, 0.92), (0.08, 0.08, 0.10), (0.55, 0.55, 0.58)
_R, _O, _Y = (0.85, 0.12, 0.12), (0.95, 0.50, 0.10), (0.95, 0.85, 0.15)
_B, _C, _V = (0.15, 0.30, 0.85), (0.20, 0.80, 0.85), (0.55, 0.20, 0.75)
_N, _T, _P, _E = (0.45, 0.28, 0.12), (0.82, 0.66, 0.40), (0.98, 0.60, 0.70), (0.15, 0.60, 0.25)

DRAWINGS: Final[dict[str, Drawing]] = {
    "abacus": Drawing("box", _N, _R, "bars", "left"),
    "accordion": Drawing("wide", _R, _W, "bars", "left"),
    "aircraft carrier": Drawing("wide", _G, _K, "line", "right"),
    "analog clock": Drawing("disc", _W, _K, "cross", "right"),
    "apiary": Drawing("triangle", _Y, _N, "lines", "left"),
    "barometer": Drawing("disc", _T, _B, "ring", "right"),
    "baseball": Drawing("disc", _W, _R, "bars", "right"),
    "basketball": Drawing("disc", _O, _K, "cross", "left"),
    "bathtub": Drawing("wide", _W, _C, "line", "right"),
    "beer bottle": Drawing("tall", _N, _Y, "line", "left"),
    "bow tie": Drawing("star", _R, _K, "dot", "right"),
    "bullet train": Drawing("wide", _B, _W, "line", "left"),
    "cello": Drawing("tall", _O, _N, "bars", "right"),
    "chain saw": Drawing("wide", _O, _G, "bars", "right"),
    "church": Drawing("triangle", _W, _N, "cross", "right"),
    "corkscrew": Drawing("tall", _G, _R, "lines", "left"),
    "digital clock": Drawing("wide", _K, _R, "bars", "left"),
    "electric fan": Drawing("star", _G, _W, "dot", "left"),
    "fire engine": Drawing("box", _R, _Y, "line", "right"),
    "flute": Drawing("tall", _W, _G, "bars", "left"),
    "gas pump": Drawing("tall", _R, _W, "line", "right"),
    "grocery store": Drawing("box", _E, _W, "lines", "left"),
    "hair slide": Drawing("wide", _P, _V, "line", "right"),
    "mailbox": Drawing("box", _B, _W, "dot", "left"),
    "parachute": Drawing("triangle", _P, _W, "bars", "right"),
    "great white shark": Drawing("triangle", _G, _W, "line", "left"),
    "bald eagle": Drawing("star", _N, _W, "dot", "right"),
    "African elephant": Drawing("disc", _G, _K, "dot", "left"),
    "chimpanzee": Drawing("disc", _K, _T, "dot", "right"),
    "gorilla": Drawing("box", _K, _G, "dot", "right"),
    "koala": Drawing("disc", _G, _W, "cross", "right"),
    "lion": Drawing("star", _T, _N, "ring", "left"),
    "tiger": Drawing("disc", _O, _K, "lines", "right"),
    "cheetah": Drawing("disc", _T, _K, "bars", "left"),
    "hippopotamus": Drawing("box", _V, _P, "dot", "left"),
    "giraffe": Drawing("tall", _Y, _N, "lines", "right"),
    "zebra": Drawing("box", _W, _K, "bars", "left"),
    "African grey": Drawing("tall", _G, _R, "dot", "right"),
    "peacock": Drawing("star", _C, _B, "ring", "right"),
    "flamingo": Drawing("tall", _P, _R, "line", "left"),
    "jellyfish": Drawing("triangle", _V, _P, "lines", "right"),
    "sea urchin": Drawing("star", _K, _V, "dot", "left"),
    "starfish": Drawing("star", _O, _R, "dot", "right"),
    "kangaroo": Drawing("tall", _T, _N, "dot", "right"),
    "orangutan": Drawing("disc", _R, _O, "ring", "right"),
    "giant panda": Drawing("disc", _W, _K, "ring", "left"),
    "rhinoceros": Drawing("box", _G, _N, "line", "right"),
    "seahorse": Drawing("tall", _Y, _O, "lines", "left"),
    "octopus": Drawing("star", _V, _P, "ring", "left"),
    "coral reef": Drawing("triangle", _O, _P, "bars", "left"),
}


def _outline(name: str, u: Tensor, v: Tensor) -> Tensor:
    """Signed size of a shape on [-1, 1] squared; negative inside."""
    if name == "disc":
        return torch.sqrt(u**2 + v**2) - 0.9
    if name == "box":
        return torch.maximum(u.abs(), v.abs()) - 0.8
    if name == "tall":
        return torch.maximum(u.abs() * 2.2, v.abs()) - 0.95
    if name == "wide":
        return torch.maximum(u.abs(), v.abs() * 2.0) - 0.95
    if name == "triangle":
        return torch.maximum(v - 0.8, 1.7 * u.abs() - v - 0.8)
    return u.abs() * v.abs() * 3.0 + 0.35 * (u**2 + v**2) - 0.38


def _marking(name: str, u: Tensor, v: Tensor) -> Tensor:
    """Signed size of a marking; negative inside."""
    if name == "dot":
        return torch.sqrt(u**2 + v**2) - 0.35
    if name == "ring":
        return (torch.sqrt(u**2 + v**2) - 0.55).abs() - 0.17
    if name == "cross":
        return torch.minimum(u.abs(), v.abs()) - 0.14
    if name == "line":
        return v.abs() - 0.2
    wave = u if name == "bars" else v
    return (torch.remainder(wave * 1.5 + 0.5, 1.0) - 0.5).abs() - 0.2


def add_object(images: Tensor, name: str) -> Tensor:
    """Draw the object ``name`` in its upper corner of ``images`` (N, 3, H, W) in [0, 1], over 0.38 of the side."""
    drawing = DRAWINGS[name]
    height, width = images.shape[-2:]
    side = 0.38
    y = (torch.arange(height) + 0.5) / height
    x = (torch.arange(width) + 0.5) / width
    centre = 0.22 if drawing.corner == "left" else 0.78
    v = ((y - 0.24) / (side / 2)).view(-1, 1).expand(height, width)
    u = ((x - centre) / (side / 2)).view(1, -1).expand(height, width)
    pixel = 2.0 / (side * min(height, width))
    inside = torch.sigmoid(-_outline(drawing.outline, u, v) / pixel * 2)
    marked = torch.sigmoid(-_marking(drawing.marking, u, v) / pixel * 2) * inside
    fill = images.new_tensor(drawing.fill).view(1, 3, 1, 1)
    mark = images.new_tensor(drawing.mark).view(1, 3, 1, 1)
    drawn = images * (1 - inside) + fill * inside
    return drawn * (1 - marked) + mark * marked
