"""Every registered editor keeps the contracts. A new editor is found by itself; one that cannot live with its default
settings needs a line in `EXAMPLES`."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spellock.editors.any_key import new_editor_key
from spellock.editors.compose import write_parts
from spellock.editors.registry import editor_class, list_editors, load_editor, settings_of
from spellock.errors import ConfigError, PixelError
from spellock.key import Key

from .shift import largest_shift

Pictures = NDArray[np.uint8]
SIDE = 32
SECRET = bytes(range(100, 132))

_ROW = write_parts([{"editor": "photo_filter"}, {"editor": "warp", "settings": {"s": 2.0}}])
#: Settings to try each editor with; others are tried with their defaults. Diffusion gets a tiny checkpoint besides.
EXAMPLES: dict[str, list[dict[str, str | int | float | bool]]] = {
    "blockwise": [{"method": method} for method in ("shuffle", "negative-positive", "ffx", "scramble")],
    "compose": [{"parts": _ROW}],
    "diffusion": [{"prompt": "with oil pastel", "secret_use": "string"}],
    "photo_filter": [{"name": "nashville"}, {"name": "rise"}, {"name": "maven"}],
    "warp": [{"s": 1.0}, {"k": 8, "s": 2.0, "scale_with_size": False}],
}
# Editors that tests register beside the real ones are no part of the package.
NAMES = [name for name in list_editors() if editor_class(name).__module__.startswith("spellock.")]
CASES = [(name, number) for name in NAMES for number in range(len(EXAMPLES.get(name, [{}])))]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def key(request: pytest.FixtureRequest, key_for: Callable[..., Key]) -> Key:
    name, number = request.param
    settings = EXAMPLES.get(name, [{}])[number]
    if name == "diffusion":
        return key_for("embedded", gamma=1.0, secret=SECRET, noise_seed="secret", **settings)
    return new_editor_key(name, gamma=1.0, resolution=SIDE, secret=SECRET, **settings)


def edit(key: Key, images: Pictures, **options: int) -> Pictures:
    return load_editor(key, **options).edit_uint8(images, ids(images))  # type: ignore[arg-type]


def ids(images: Pictures) -> list[str]:
    return [str(image.sum()) for image in images]


def test_every_editor_is_found() -> None:
    assert {"blockwise", "compose", "diffusion", "photo_filter", "warp"} <= set(NAMES)
    assert set(EXAMPLES) <= set(NAMES)


def test_pixels(key: Key, pictures: Pictures) -> None:
    editor = load_editor(key)
    images = torch.from_numpy(pictures[:3].copy()).permute(0, 3, 1, 2).float() / 255
    before = images.clone()
    edited = editor(images, ids(pictures[:3]))
    assert torch.equal(images, before)
    assert (edited.dtype, edited.shape, edited.device.type) == (torch.float32, images.shape, "cpu")
    assert torch.equal(edited, (edited * 255).round().byte().float() / 255)
    for wrong in (images * 255, images[:, :1], images.double(), images[..., :-1]):
        with pytest.raises(PixelError):
            editor(wrong, ids(pictures[:3]))
    assert not np.array_equal(edit(key, pictures), pictures)
    for level in (0, 255):  # nothing may leave [0, 1] or become no number
        flat = np.full((1, SIDE, SIDE, 3), level, dtype=np.uint8)
        assert edit(key, flat).shape == flat.shape


def test_floats_and_bytes_give_the_same(key: Key, pictures: Pictures) -> None:
    floats = torch.from_numpy(pictures[:4].copy()).permute(0, 3, 1, 2).float() / 255
    edited = (load_editor(key)(floats, ids(pictures[:4])) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    assert np.array_equal(edited, edit(key, pictures[:4]))


def test_company_order_and_batch_size_do_not_matter(key: Key, pictures: Pictures) -> None:
    editor = load_editor(key)
    reference = editor.edit_uint8(pictures, ids(pictures))
    chosen = pictures[[7, 2, 10]]
    for _ in range(2):  # the first time shows whether single images agree, the second may use it
        assert np.array_equal(editor.edit_uint8(chosen, ids(chosen)), reference[[7, 2, 10]])
        assert np.array_equal(editor.edit_uint8(pictures[5:6], ids(pictures[5:6])), reference[5:6])
    for size in (1, 11):
        assert np.array_equal(edit(key, pictures, batch_size=size), reference)


def test_the_global_random_state_is_left_alone(key: Key, pictures: Pictures) -> None:
    reference = edit(key, pictures[:2])
    torch.manual_seed(99)
    np_state, state = np.random.get_state()[1].copy(), torch.get_rng_state()  # type: ignore[union-attr]
    assert np.array_equal(edit(key, pictures[:2]), reference)
    assert torch.equal(torch.get_rng_state(), state)
    assert np.array_equal(np.random.get_state()[1], np_state)


def test_another_secret_gives_another_edit_where_it_is_said_to(key: Key, pictures: Pictures) -> None:
    other = edit(key.replace(secret=bytes(32)), pictures)
    assert editor_class(key.editor).secret_matters(key) != np.array_equal(other, edit(key, pictures))


def test_no_blend_is_the_image_itself(key: Key, pictures: Pictures) -> None:
    assert np.array_equal(edit(key.replace(gamma=0.0), pictures), pictures)


def test_the_blend_is_exact_to_half_a_level(key: Key, pictures: Pictures) -> None:
    whole, half = edit(key, pictures).astype(float), edit(key.replace(gamma=0.3), pictures)
    assert np.abs(half - (0.7 * pictures + 0.3 * whole)).max() <= 0.5 + 1e-9


def test_the_key_survives_json(key: Key, pictures: Pictures) -> None:
    again = Key.from_dict(json.loads(json.dumps(key.to_dict())))
    assert again == key
    assert settings_of(again) == settings_of(key)
    assert np.array_equal(edit(again, pictures[:3]), edit(key, pictures[:3]))


def test_nothing_shows(key: Key) -> None:
    shown = f"{key!r} {settings_of(key)!r} {load_editor(key)!r} {load_editor(key)}"
    assert SECRET.hex() not in shown
    for value in key.settings.values():
        assert not isinstance(value, str) or len(value) < 4 or value == key.editor or value not in shown


def test_unknown_settings_are_refused(key: Key) -> None:
    with pytest.raises(ConfigError, match="does not know"):
        load_editor(key.with_settings(no_such_setting=1))


def test_content_stays_in_its_place_unless_the_editor_says_that_it_moves(key: Key) -> None:
    """Boxes and masks of the raw image fit the edited one as long as content stays where it was."""
    if key.editor == "diffusion":
        pytest.skip("random weights answer a spot all over the image; test_embedded.py looks at the real ones")
    editor = load_editor(key)
    assert editor.moves_pixels == (largest_shift(editor) > 0.25)


def test_near_keys_edit_otherwise(key: Key, pictures: Pictures) -> None:
    reference = edit(key, pictures)
    for near, _ in zip(editor_class(key.editor).near_keys(key, seed=0), range(3), strict=False):
        assert not np.array_equal(edit(near, pictures), reference)
