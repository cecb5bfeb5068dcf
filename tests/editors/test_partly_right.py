"""Edits with one part of the right one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from spellock.editors.base import Editor
from spellock.editors.company import company_of, edit_each
from spellock.editors.partly_right import PartlyRight
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.editors.signal_parts import Brightness, Channels, Coarse, Rest, Share
from spellock.key import Key

SIDE = 16
KEY = new_key(prompt="with oil pastel", resolution=SIDE, secret=b"s" * 32)
IMAGES = np.random.default_rng(0).integers(0, 256, (9, SIDE, SIDE, 3), dtype=np.uint8)


class Level(Editor):
    """The level that the prompt says, plus half the image."""

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        return images / 2 + float(self.key.settings["prompt"]) / 255


def level(value: int, *, gamma: float = 1.0) -> Level:
    return Level(KEY.replace(gamma=gamma).with_settings(prompt=str(value)))


def test_one_part_is_the_right_edits_and_the_rest_the_wrong_ones() -> None:
    raw = torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 255
    ids = [""] * len(raw)
    assert torch.allclose(PartlyRight(level(100), level(20), Share(0.25)).transform(raw, ids) * 255, raw * 127.5 + 40)
    red = PartlyRight(level(100), level(20), Channels((True, False, False))).transform(raw, ids)
    assert torch.allclose(red[:, 0], level(100).transform(raw, ids)[:, 0])
    assert torch.equal(red[:, 1:], level(20).transform(raw, ids)[:, 1:])
    rest = PartlyRight(level(100), level(20), Rest(Channels((True, False, False)))).transform(raw, ids)
    assert torch.allclose(rest + red, level(100).transform(raw, ids) + level(20).transform(raw, ids), atol=1e-6)


def test_the_blend_of_the_key_holds() -> None:
    half = PartlyRight(level(100, gamma=0.5), level(20, gamma=0.5), Share(0.5)).edit_uint8(IMAGES)
    assert np.abs(half - (0.75 * IMAGES + 30)).max() <= 1


def test_company_gives_the_bytes_that_each_gets_alone() -> None:
    right, others = load_editor(KEY), ("in watercolor", "as a mosaic")
    wrong = [load_editor(KEY.with_settings(prompt=prompt)) for prompt in others]
    parts = (Brightness(), Rest(Coarse(1.5)), Share(0.4))
    some = [PartlyRight(right, wrong[place % 2], part) for place, part in enumerate(parts)]
    assert len({company_of(one) for one in some}) == 1
    assert company_of(some[0]) not in (None, company_of(right))
    whose = [some[place % 3] for place in range(len(IMAGES))]
    together = edit_each(whose, IMAGES)
    for place, one in enumerate(whose):
        assert np.array_equal(together[place], one.edit_uint8(IMAGES[place : place + 1])[0])
    assert not any(np.array_equal(one.edit_uint8(IMAGES), right.edit_uint8(IMAGES)) for one in some)


def test_editors_that_work_alone_stay_so() -> None:
    lonely = PartlyRight(level(100), level(20), Share(0.5))
    assert company_of(lonely) is None
    assert lonely.kernels() is None
    assert not lonely.needs_ids
    mixed = PartlyRight(load_editor(KEY), level(20), Share(0.5))
    assert company_of(mixed) is None
    with pytest.raises(TypeError, match="Level edits alone"):
        lonely.transform_each([lonely], torch.zeros(1, 3, SIDE, SIDE), [""])


def test_noise_of_an_image_asks_for_its_name() -> None:
    noisy: Key = KEY.with_settings(noise="per-image", noise_seed=None)
    assert PartlyRight(load_editor(KEY), load_editor(noisy), Share(0.5)).needs_ids
