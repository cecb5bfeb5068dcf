"""The photo filters as data: CSSgram's constants (Una Kravets) in the 8-bit form of the package pilgram 2.0."""

from __future__ import annotations

from typing import Final

from spellock.editors.filter_layers import Gradient, Layer, Linear, Radial, Split, Step, Tone

_XPRO2_MASK: Final = Radial(length=0.4, scale=1.1)
_XPRO2_SOURCE: Final = Split(
    mask=_XPRO2_MASK,
    inside=Layer(mode="normal", source=(230, 231, 224)),
    outside=Layer(mode="normal", source=(43, 42, 161), opacity=0.6),
)
_MAYFAIR_CENTRE: Final = (0.4, 0.4)

FILTERS: Final[dict[str, tuple[Step, ...]]] = {
    "1977": (
        Layer(mode="screen", source=(243, 106, 188), alpha=0.3),
        Tone("contrast", 1.1), Tone("brightness", 1.1), Tone("saturate", 1.3),
    ),
    "aden": (
        Split(mask=Linear(start=0.8), inside=Layer(mode="darken", source=(66, 10, 14))),
        Tone("hue_rotate", -20), Tone("contrast", 0.9), Tone("saturate", 0.85), Tone("brightness", 1.2),
    ),
    "brannan": (
        Layer(mode="lighten", source=(161, 44, 199), alpha=0.31),
        Tone("sepia", 0.5), Tone("contrast", 1.4),
    ),
    "brooklyn": (
        Split(
            mask=Radial(length=0.7),
            inside=Layer(mode="overlay", source=(168, 223, 193), alpha=0.4),
            outside=Layer(mode="overlay", source=(196, 183, 200)),
        ),
        Tone("contrast", 0.9), Tone("brightness", 1.1),
    ),
    "clarendon": (
        Layer(mode="overlay", source=(127, 187, 227), alpha=0.2),
        Tone("contrast", 1.2), Tone("saturate", 1.35),
    ),
    "earlybird": (
        Layer(
            mode="overlay",
            source=Gradient(colours=((208, 186, 142), (54, 3, 9), (29, 2, 16)), positions=(0.2, 0.85, 1.0)),
        ),
        Tone("contrast", 0.9), Tone("sepia", 0.2),
    ),
    "gingham": (
        Layer(mode="soft_light", source=(230, 230, 250)),
        Tone("brightness", 1.05), Tone("hue_rotate", -10),
    ),
    "hudson": (
        Layer(
            mode="multiply", source=Gradient(colours=((166, 177, 255), (52, 33, 52)), positions=(0.5, 1.0)), opacity=0.5
        ),
        Tone("brightness", 1.2), Tone("contrast", 0.9), Tone("saturate", 1.1),
    ),
    "inkwell": (
        Tone("sepia", 0.3), Tone("contrast", 1.1), Tone("brightness", 1.1), Tone("grayscale", 1.0),
    ),
    "kelvin": (
        Layer(mode="color_dodge", source=(56, 44, 52)),
        Layer(mode="overlay", source=(183, 125, 33)),
    ),
    "lark": (
        Layer(mode="color_dodge", source=(34, 37, 63)),
        Layer(mode="darken", source=(242, 242, 242), alpha=0.8),
        Tone("contrast", 0.9),
    ),
    "lofi": (
        Split(mask=Radial(length=0.7, scale=1.5), outside=Layer(mode="multiply", source=(34, 34, 34))),
        Tone("saturate", 1.1), Tone("contrast", 1.5),
    ),
    "maven": (
        Layer(mode="hue", source=(3, 230, 26), alpha=0.2),
        Tone("sepia", 0.25), Tone("brightness", 0.95), Tone("contrast", 0.95), Tone("saturate", 1.5),
    ),
    "mayfair": (
        Split(
            mask=Radial(length=0.3, scale=0.6, centre=_MAYFAIR_CENTRE),
            inside=Split(
                mask=Radial(scale=0.3, centre=_MAYFAIR_CENTRE),
                inside=Layer(mode="overlay", source=(255, 255, 255), alpha=0.8),
                outside=Layer(mode="overlay", source=(255, 200, 200), alpha=0.6),
            ),
            outside=Layer(mode="overlay", source=(17, 17, 17)),
            opacity=0.4,
        ),
        Tone("contrast", 1.1), Tone("saturate", 1.1),
    ),
    "moon": (
        Layer(mode="soft_light", source=(160, 160, 160)),
        Layer(mode="lighten", source=(56, 56, 56)),
        Tone("grayscale", 1.0), Tone("contrast", 1.1), Tone("brightness", 1.1),
    ),
    "nashville": (
        Layer(mode="darken", source=(247, 176, 153), alpha=0.56),
        Layer(mode="lighten", source=(0, 70, 150), alpha=0.4),
        Tone("sepia", 0.2), Tone("contrast", 1.2), Tone("brightness", 1.05), Tone("saturate", 1.2),
    ),
    "perpetua": (
        Layer(
            mode="soft_light",
            source=Gradient(colours=((0, 91, 154), (230, 193, 61)), linear=Linear(horizontal=False)),
            opacity=0.5,
        ),
    ),
    "reyes": (
        Layer(mode="soft_light", source=(239, 205, 173), opacity=0.5),
        Tone("sepia", 0.22), Tone("brightness", 1.1), Tone("contrast", 0.85), Tone("saturate", 0.75),
    ),
    "rise": (
        Split(
            mask=Radial(length=0.55),
            inside=Layer(mode="multiply", source=(236, 205, 169), alpha=0.15),
            outside=Layer(mode="multiply", source=(50, 30, 7), alpha=0.4),
        ),
        Split(
            mask=Radial(scale=0.9), inside=Layer(mode="overlay", source=(232, 197, 152), alpha=0.8), opacity=0.6
        ),
        Tone("brightness", 1.05), Tone("sepia", 0.2), Tone("contrast", 0.9), Tone("saturate", 0.9),
    ),
    "slumber": (
        Layer(mode="lighten", source=(69, 41, 12), alpha=0.4),
        Layer(mode="soft_light", source=(125, 105, 24), alpha=0.5),
        Tone("saturate", 0.66), Tone("brightness", 1.05),
    ),
    "stinson": (
        Layer(mode="soft_light", source=(240, 149, 128), alpha=0.2),
        Tone("contrast", 0.75), Tone("saturate", 0.85), Tone("brightness", 1.15),
    ),
    "toaster": (
        Layer(mode="screen", source=Gradient(colours=((128, 78, 15), (59, 0, 59)))),
        Tone("contrast", 1.5), Tone("brightness", 0.9),
    ),
    "valencia": (
        Layer(mode="exclusion", source=(58, 3, 57), opacity=0.5),
        Tone("contrast", 1.08), Tone("brightness", 1.08), Tone("sepia", 0.08),
    ),
    "walden": (
        Layer(mode="screen", source=(0, 68, 204), opacity=0.3),
        Tone("brightness", 1.1), Tone("hue_rotate", -10), Tone("sepia", 0.3), Tone("saturate", 1.6),
    ),
    "willow": (
        Layer(mode="overlay", source=Gradient(colours=((212, 169, 175), (0, 0, 0)), positions=(0.55, 1.5))),
        Layer(mode="color", source=(216, 205, 203)),
        Tone("grayscale", 0.5), Tone("contrast", 0.95), Tone("brightness", 0.9),
    ),
    "xpro2": (
        Split(
            mask=_XPRO2_MASK,
            inside=Layer(mode="color_burn", source=_XPRO2_SOURCE),
            outside=Layer(mode="color_burn", source=_XPRO2_SOURCE, opacity=0.6),
        ),
        Tone("sepia", 0.3),
    ),
}  # fmt: skip
