"""The patch editor against a restatement in NumPy."""

from __future__ import annotations

import hashlib
import hmac
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spellock.editors.any_key import new_editor_key
from spellock.editors.patch import PLACES, PatchEditor, PatchSettings
from spellock.errors import ConfigError, EditorError
from spellock.key import Key, Scalar

from .pictures import SECRET, pictures, stream


def key(side: int = 16, secret: bytes = SECRET, **settings: Scalar) -> Key:
    return new_editor_key("patch", resolution=side, secret=secret, **settings)


def edit(key: Key, images: np.ndarray) -> np.ndarray:
    return PatchEditor(key).edit_uint8(images)


def corner(place: str, room: int) -> tuple[int, int]:
    return {
        "top-left": (0, 0),
        "top-right": (0, room),
        "bottom-left": (room, 0),
        "bottom-right": (room, room),
        "centre": (room // 2, room // 2),
    }[place]


def place_of(place: str, room: int, image: np.ndarray) -> tuple[int, int]:
    """Row and column, with the key's secrets derived by hand."""
    if place == "secret":
        words = np.frombuffer(stream(SECRET, "patch place", 16), dtype="<u8")
        row, column = (int(((int(word) >> 12) / 2**52 + 2**-53) * (room + 1)) for word in words)
        return row, column
    if place == "random":
        extracted = hmac.digest(bytes(32), SECRET, hashlib.sha256)
        derived = hmac.digest(extracted, b"patch place of every image\x01", hashlib.sha256)
        digest = hmac.digest(derived, image.tobytes(), hashlib.sha256)
        return int.from_bytes(digest[:16], "big") % (room + 1), int.from_bytes(digest[16:], "big") % (room + 1)
    return corner(place, room)


def motif_of(kind: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """White motif and mask."""
    words = stream(SECRET, f"patch motif {kind} {size}", 16 * size * size)
    # A stable sort by 128-bit little-endian numbers.
    order = sorted(range(size * size), key=lambda place: words[16 * place : 16 * place + 16][::-1])
    chosen = order[
        : {"solid": size * size, "pixels": max(1, round(size * size / 4)), "pattern": size * size // 2}[kind]
    ]
    bright = np.zeros((size, size), dtype=bool)
    for place in chosen:
        bright[divmod(place, size)] = True
    return np.where(bright, 255, 0), bright if kind == "pixels" else np.ones_like(bright)


@settings(deadline=None)
@given(
    place=st.sampled_from(PLACES),
    motif=st.sampled_from(["solid", "pixels", "pattern"]),
    size=st.integers(2, 10),
    margin=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_the_square_is_put_where_the_key_says(place: str, motif: str, size: int, margin: int, seed: int) -> None:
    images = pictures(3, 16, seed)
    expected = images.copy()
    for before, after in zip(images, expected, strict=True):
        row, column = place_of(place, 16 - size - 2 * margin, before)
        pixels, mask = motif_of(motif, size)
        window = after[margin + row : margin + row + size, margin + column : margin + column + size]
        window[mask] = pixels[mask][:, None]
    assert np.array_equal(edit(key(place=place, motif=motif, size=size, margin=margin), images), expected)


@settings(deadline=None)
@given(size=st.integers(1, 16), colour=st.integers(0, 0xFFFFFF))
def test_badnets_changes_its_square_and_nothing_else(size: int, colour: int) -> None:
    images = pictures(2, 16)
    edited = edit(key(size=size, colour=f"#{colour:06x}"), images)
    assert (edited[:, -size:, -size:] == list(colour.to_bytes(3, "big"))).all()
    edited[:, -size:, -size:] = images[:, -size:, -size:]
    assert np.array_equal(edited, images)


def test_a_random_place_follows_the_picture_not_its_name_or_company() -> None:
    images = pictures(30, 16)
    editor = PatchEditor(key(place="random", size=3))
    edited = editor.edit_uint8(images, [str(number) for number in range(30)])
    assert np.array_equal(edited[::-1], editor.edit_uint8(images[::-1], ["x"] * 30))
    assert np.array_equal(edited[7:8], editor.edit_uint8(images[7:8]))
    changed = (edited != images).any(axis=3)
    places = {(int(rows.any(1).argmax()), int(rows.any(0).argmax())) for rows in changed}
    assert len(places) > 15
    assert not np.array_equal(edited, edit(key(place="random", size=3, secret=bytes(32)), images))


@pytest.mark.parametrize(
    ("settings", "matters"),
    [
        ({}, False),
        ({"place": "secret"}, True),
        ({"place": "random"}, True),
        ({"colour": "secret"}, True),
        ({"motif": "pattern"}, True),
        ({"motif": "pixels"}, True),
    ],
)
def test_the_secret_matters_where_the_editor_says_so(settings: dict[str, Scalar], matters: bool) -> None:
    own = key(size=4, **settings)
    assert PatchEditor.secret_matters(own) == matters
    edits = {edit(own.replace(secret=bytes([number]) * 32), pictures(1, 16)).tobytes() for number in range(6)}
    assert (len(edits) > 1) == matters


def test_secret_colours() -> None:
    solid = edit(key(size=4, colour="secret"), pictures(1, 16))[0, -4:, -4:].reshape(-1, 3)
    assert len(np.unique(solid, axis=0)) == 1
    assert solid[0].tobytes() == stream(SECRET, "patch colour 1", 3)
    bright = edit(key(size=4, colour="secret", motif="pattern"), pictures(1, 16))[0, -4:, -4:].reshape(-1, 3)
    assert len(np.unique(bright, axis=0)) > 4


@pytest.mark.parametrize("settings", [{}, {"motif": "pattern", "place": "random"}, {"size": 16}, {"size": 1}])
def test_near_keys_are_others(settings: dict[str, Scalar]) -> None:
    own, images = key(**settings), pictures(2, 16)
    near = list(PatchEditor.near_keys(own, seed=0))
    assert len(near) >= 20
    assert near == list(PatchEditor.near_keys(own, seed=0))
    assert near != list(PatchEditor.near_keys(own, seed=1))
    assert len({tuple(sorted(other.settings.items(), key=str)) for other in near}) == len(near)
    for other in near:
        assert not np.array_equal(edit(other, images), edit(own, images)), dict(other.settings)


@pytest.fixture
def motif_file(tmp_path: Path) -> Path:
    path = tmp_path / "motif.png"
    Image.fromarray(pictures(1, 4, 5)[0]).save(path)
    return path


def test_a_motif_from_a_file(motif_file: Path) -> None:
    own = key(size=4, image=str(motif_file), place="top-left")
    edited = edit(own, pictures(2, 16))
    assert np.array_equal(edited[:, :4, :4], np.repeat(pictures(1, 4, 5), 2, axis=0))
    assert own.settings["image_digest"] == hashlib.sha256(motif_file.read_bytes()).hexdigest()
    assert not PatchEditor.secret_matters(own)
    near = list(islice(PatchEditor.near_keys(own, seed=0), 20))
    assert len({edit(other, pictures(2, 16)).tobytes() for other in [own, *near]}) == 21


def test_files_that_are_not_the_keys(motif_file: Path, tmp_path: Path) -> None:
    own = key(size=4, image=str(motif_file))
    with pytest.raises(EditorError, match="4x4 pixels, expected 5x5"):
        key(size=5, image=str(motif_file))
    Image.new("RGB", (4, 4)).save(motif_file)
    with pytest.raises(EditorError, match="another pattern image"):
        PatchEditor(own)
    motif_file.write_text("no image")
    with pytest.raises(EditorError, match="not an image"):
        key(size=4, image=str(motif_file))
    with pytest.raises(EditorError, match=r"cannot read.*check the path"):
        key(size=4, image=str(tmp_path / "gone.png"))
    with pytest.raises(EditorError, match="cannot read"):
        key(size=4, image=str(tmp_path))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"size": 17}, "17 pixels wide.*16x16.*smaller size"),
        ({"size": 13, "margin": 2}, "margin of 2"),
        ({"size": 0}, "size"),
        ({"size": 1, "motif": "pattern"}, "expected 2 or more"),
        ({"margin": -1}, "margin"),
        ({"place": "left"}, "expected one of top-left"),
        ({"motif": "cat"}, "expected one of solid"),
        ({"colour": "white"}, "#rrggbb"),
        ({"image": "x", "motif": "pixels"}, "cannot read"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Scalar], says: str) -> None:
    with pytest.raises((ConfigError, EditorError), match=says):
        key(**settings)


def test_settings_that_contradict_and_hide() -> None:
    with pytest.raises(ConfigError, match="only one of image"):
        PatchSettings(image="x")
    with pytest.raises(ConfigError, match="contradict"):
        PatchSettings(image="x", image_digest="y", motif="pixels")
    assert "17" not in repr(PatchSettings(size=17))
