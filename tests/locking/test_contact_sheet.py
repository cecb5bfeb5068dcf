"""Captions of the contact sheet: one a tile, or one for a whole row where it is the same."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from spellock.locking.contact_sheet import contact_sheet

TILE = np.zeros((16, 16, 3), np.uint8)
LONG = "with a very long prompt that no single tile is wide enough for"


def caption_bands(captions: list[str]) -> list[bool]:
    """Whether anything is written under each tile of one row."""
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet([("raw", [(TILE, one) for one in captions])]))))
    assert sheet.shape[2] == 3
    band = sheet[152:, 86:].min(axis=(0, 2)) < 200
    return [bool(band[column * 150 : column * 150 + 144].any()) for column in range(len(captions))]


def test_a_caption_a_tile() -> None:
    assert caption_bands(["cat", "", "tractor"]) == [True, False, True]
    assert caption_bands(["cat", "cat", "dog"]) == [True] * 3
    assert caption_bands([LONG, LONG, "cat"]) == [True] * 3


def test_a_caption_of_all_tiles_is_written_once_and_whole() -> None:
    assert caption_bands(["cat"] * 3) == [True, False, False], "as a long one is, or rows of one sheet would differ"
    assert caption_bands(["cat"]) == [True]
    assert caption_bands([LONG] * 4) == [True, True, True, False]
    assert caption_bands([LONG * 3] * 2) == [True, True]


def test_other_letters_and_the_same_bytes() -> None:
    rows = [("été", [(TILE, "漢字"), (np.zeros((300, 300, 3), np.uint8), "")])]
    assert contact_sheet(rows) == contact_sheet(rows)
