"""The split of Algorithm 1, decoys and wrong keys, settings and lock targets."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.editors.vocabulary import object_prompts, style_prompts
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.decoys import draw_decoy_keys
from spellock.locking.names import Namer, fingerprint
from spellock.locking.plan import NO_EDITOR, Role, make_plan

from .fake_editor import PROMPT, fake_key, random_images


@settings(max_examples=40, deadline=None)
@given(
    st.integers(40, 300),
    st.floats(0.5, 1),
    st.sampled_from([0.0, 0.05, 0.2]),
    st.integers(0, 400),
    st.integers(1, 30),
    st.booleans(),
)
def test_every_image_is_used_once_and_shares_are_kept(count, alpha, validation, decoys, keys, twins) -> None:
    images = random_images(count, size=1)
    config = LockConfig(
        edited_fraction=alpha,
        validation=validation,
        decoys=decoys,
        decoy_keys=keys,
        raw_twins=twins,
        missing_raw="accept",
    )
    plan = make_plan(images, fake_key(), config)
    main = plan.sources[plan.roles != Role.DECOY]
    assert np.array_equal(main, np.arange(count))
    held, raw = (plan.roles == Role.VALIDATION).sum(), (plan.roles == Role.RAW).sum()
    assert abs(held - validation * count) <= 0.5 + 1e-6
    assert abs(raw - (1 - alpha) * (count - held)) <= len(images.classes)
    assert (plan.roles == (Role.TWIN if twins else Role.EDITED)).sum() == count - held - raw
    assert np.array_equal(plan.editors == NO_EDITOR, plan.roles == Role.RAW)
    wrong = plan.roles == Role.DECOY
    assert wrong.sum() == decoys
    assert not set(plan.sources[wrong]) & set(plan.sources[plan.roles == Role.VALIDATION])
    if decoys:
        uses = Counter(plan.sources[wrong].tolist())
        assert max(uses.values()) - (min(uses.values()) if len(uses) == count - held else 0) <= 1
        per_key = Counter(plan.editors[wrong].tolist())
        assert sorted(per_key) == list(range(1, plan.decoy_keys + 1))
        assert plan.decoy_keys <= keys
        assert min(per_key.values()) >= min(2, decoys)
    assert (np.diff(np.maximum(plan.editors, 0)) >= 0).all()


def test_split_is_stratified_and_depends_on_seed_and_secret() -> None:
    images = random_images(400, size=1)
    plans = [
        make_plan(images, key, config)
        for key, config in [
            (fake_key(), LockConfig()),
            (fake_key(), LockConfig()),
            (fake_key(secret=2), LockConfig()),
            (fake_key(), LockConfig(seed=1)),
        ]
    ]
    for role, expected in ((Role.VALIDATION, 5), (Role.RAW, 4.75)):
        counts = np.bincount(images.labels[plans[0].roles == role], minlength=4)
        assert np.abs(counts - expected).max() < 1
    assert np.array_equal(plans[0].roles, plans[1].roles)
    assert not np.array_equal(plans[0].roles, plans[2].roles)
    assert not np.array_equal(plans[0].roles, plans[3].roles)


def test_small_classes_give_one_raw_image_each() -> None:
    images = random_images(120, classes=3).subset([i for i in range(120) if i % 3 != 1 or i < 9])  # class 1 has three
    plan = make_plan(images, fake_key(), LockConfig())
    assert set(images.labels[plan.roles == Role.RAW]) == {0, 1, 2}


def test_wrong_keys_vary_prompt_and_secret_and_repeat() -> None:
    key = fake_key()
    wrong = draw_decoy_keys(key, 60)
    assert wrong == draw_decoy_keys(key, 60)
    assert wrong != draw_decoy_keys(key, 60, seed=1)
    assert len({other.secret for other in wrong} | {key.secret}) == 61
    prompts = [str(other.settings["prompt"]) for other in wrong]
    assert prompts[1::2] == [PROMPT] * 30
    vocabulary = {*style_prompts(), *object_prompts()}
    assert len(set(prompts[::2])) == min(30, len(vocabulary))
    assert set(prompts[::2]) <= vocabulary
    assert {(o.gamma, o.resolution, o.resize, o.editor) for o in wrong} == {(0.5, 8, "bicubic", "fake")}


def test_wrong_keys_never_repeat_the_edit_itself() -> None:
    settings_ = {"prompt": style_prompts()[0].upper(), "secret_use": "none", "noise_seed": 1024}
    key = fake_key().replace(editor="diffusion", settings=settings_)
    for other in draw_decoy_keys(key, 40):  # the secret does nothing here, so the prompt has to differ
        assert str(other.settings["prompt"]).casefold() != style_prompts()[0].casefold()
    own = draw_decoy_keys(key, 4, prompts=("in ink", style_prompts()[0]))
    assert {other.settings["prompt"] for other in own} == {"in ink"}
    unprompted = Key(editor="fake", settings={"strength": 1}, secret=bytes(32))
    assert len({other.secret for other in draw_decoy_keys(unprompted, 5)}) == 5


@pytest.mark.parametrize(
    ("settings_", "reason"),
    [
        ({"edited_fraction": 0}, "edited_fraction"),
        ({"edited_fraction": 1.1}, "edited_fraction"),
        ({"edited_fraction": float("nan")}, "edited_fraction"),
        ({"validation": 0.6}, "validation"),
        ({"decoys": -1}, "decoys"),
        ({"decoy_keys": 0}, "decoy_keys"),
        ({"missing_raw": "ignore"}, "missing_raw"),
        ({"layout": "zip"}, "layout"),
        ({"on_error": "ignore"}, "on_error"),
        ({"lock_class_name": " "}, "lock_class_name"),
        ({"decoy_prompts": ("",)}, "decoy_prompts"),
        ({"target": "new-clas"}, "did you mean new-class"),
    ],
)
def test_settings_out_of_range_are_refused(settings_, reason) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        LockConfig(**settings_)
    assert "\n" not in str(caught.value)


def test_names_and_fingerprint_change_with_all_that_matters() -> None:
    images, key = random_images(20), fake_key()
    namer = Namer(key)
    names = {namer.name(source, use, n) for source in ("a", "b") for use in ("edited", "twin") for n in (0, 1)}
    assert len(names) == 8
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in names)
    assert not names & {Namer(fake_key(secret=2)).name(source, "edited") for source in ("a", "b")}
    base = fingerprint(images, key, LockConfig())
    assert base == fingerprint(images, key, LockConfig(on_error="skip"))
    others = [
        fingerprint(images, fake_key(prompt="x"), LockConfig()),
        fingerprint(images, key.replace(gamma=0.4), LockConfig()),
        fingerprint(images, key, LockConfig(decoys=1)),
        fingerprint(images.subset(range(19)), key, LockConfig()),
    ]
    assert len({base, *others}) == 5
