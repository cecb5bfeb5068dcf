"""The report card of a weight lock: UP with the key's weights back, and thieves who need no edited images."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from PIL import Image

from spellock.data.memory import numpy_images
from spellock.data.open_images import open_images
from spellock.errors import ConfigError
from spellock.evaluation.card_html import card_html
from spellock.evaluation.card_plans import CardPlan, Course
from spellock.evaluation.measure_weight_card import measure_weight_card
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.selection import SelectConfig

from ..attacks import colours
from ..key_samples import a_key

NAMES = ("red", "green", "blue", "yellow")


def test_a_key_that_wants_edited_images_too_is_refused() -> None:
    keyed = colours.trained()
    config = WeightLockConfig(select=SelectConfig(fraction=0.5, head="5"))
    key = lock_module(keyed.network, config, secret=bytes(32), image_key=a_key())
    images, labels = colours.pictures(8, seed=9)
    test = numpy_images(images.permute(0, 2, 3, 1).numpy().copy(), labels, NAMES)
    plan = CardPlan(courses=(), labels=(8,), leaked=(2,), asked=(5,), unlabelled=30)
    with pytest.raises(ConfigError, match="wants edited images as well, and this card is of raw ones"):
        measure_weight_card(keyed, NAMES, key, test, plan, plan_name="toy")


def test_a_card_of_a_weight_lock(tmp_path: Path) -> None:
    owned = colours.trained()
    keyed, public = copy.deepcopy(owned), copy.deepcopy(owned)
    key = lock_module(
        keyed.network, WeightLockConfig(select=SelectConfig(fraction=0.5, head="5"), fill="gaussian"), secret=bytes(32)
    )
    images, labels = colours.pictures(160, seed=9)
    test = numpy_images(images.permute(0, 2, 3, 1).numpy().copy(), labels, NAMES)
    plan = CardPlan(
        courses=(
            Course(attack="suppressed"), Course(attack="public-fill", options={"": {"share": 1.0}}),
            Course(attack="translator"), Course(attack="knockoff"), Course(attack="parameter-search"),
        ),
        labels=(8,), leaked=(2,), asked=(5,), unlabelled=30,
    )  # fmt: skip
    shuffled = copy.deepcopy(owned)  # the same answers under another order of its classes
    with torch.no_grad():
        for tensor in (shuffled.network[5].weight, shuffled.network[5].bias):
            tensor[:] = tensor.flip(0).clone()
    before = {name: tensor.clone() for name, tensor in keyed.state_dict().items()}
    card = measure_weight_card(
        keyed.eval(), NAMES, key, test, plan, plan_name="toy", baseline=shuffled, baseline_classes=NAMES[::-1],
        public=public, work=tmp_path,
    )  # fmt: skip
    assert all(torch.equal(tensor, before[name]) for name, tensor in keyed.state_dict().items())  # locked again
    assert card.figures["up"].value == card.figures["baseline"].value > 0.9
    assert card.figures["lp"].value < 0.8
    rows = {row.attack: row for row in card.attacks.rows if not row.variant}
    assert rows["public-fill"].accuracy.value > card.figures["lp"].value
    assert rows["public-fill"].public.value > 0.9  # the public model itself
    assert "none can leak" in rows["translator"].skipped
    assert "no unlocked model" in rows["knockoff"].skipped
    assert "takes a prompt" in rows["parameter-search"].skipped
    assert card.locked["lock"] == "weights"
    assert 0 < card.locked["parameters in the key, percent"] <= 100
    assert "keyed" in card_html(card)


def test_photographs_may_have_several_sizes(tmp_path: Path) -> None:
    keyed = colours.trained()
    key = lock_module(keyed.network, WeightLockConfig(select=SelectConfig(fraction=0.5, head="5")), secret=bytes(32))
    images, labels = colours.pictures(40, seed=9)
    for place, pixels in enumerate(images.permute(0, 2, 3, 1).numpy()):
        folder = tmp_path / "photos" / NAMES[labels[place]]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).resize((8 + place % 3, 8)).save(folder / f"{place}.png")
    plan = CardPlan(courses=(Course(attack="suppressed"),), labels=(8,), leaked=(2,), asked=(5,), unlabelled=10)
    card = measure_weight_card(keyed.eval(), NAMES, key, open_images(str(tmp_path / "photos")), plan, plan_name="toy")
    assert card.figures["up"].value > 0.8
    assert card.figures["hardened_lp"].images == 40
