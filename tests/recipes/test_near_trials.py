"""Keys near a trial's."""

from __future__ import annotations

from spellock.prompts.trial import Trial
from spellock.recipes.near_trials import near_keys
from spellock.recipes.search_trials import LISTED

from .key_search_toy import make_key


def test_near_keys_know_all_but_one_thing() -> None:
    trial = Trial(
        number=1, candidate=LISTED[0], secret=bytes(range(32)),
        settings={"gamma": 0.5, "guidance_scale": 1.0, "image_guidance_scale": 1.0, "steps": 5.0, "weave": 0.1},
    )  # fmt: skip
    key = make_key(trial)
    near = near_keys(trial, make_key, 5, seed=0)
    assert near == near_keys(trial, make_key, 5, seed=0)
    assert len(set(near)) == 5
    assert [one.settings == key.settings for one in near] == [False] * 3 + [True] * 2
    assert [one.secret == key.secret for one in near] == [True] * 3 + [False] * 2
    assert not near_keys(trial, make_key, 0, seed=0)
