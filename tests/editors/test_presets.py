"""New keys from presets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spellock.editors.any_key import new_editor_key
from spellock.editors.compose import write_parts
from spellock.editors.presets import PRESETS, new_key, with_prompt, with_secret, with_weights
from spellock.editors.prompt_text import full_prompt, secret_tail
from spellock.editors.registry import load_editor
from spellock.editors.sizes import Sizes
from spellock.errors import ConfigError, EditorError
from spellock.key import Key


@pytest.fixture
def weights(checkpoint: Callable[[str], Path]) -> str:
    return str(checkpoint("embedded"))


def test_modellock_has_the_papers_settings(weights: str) -> None:
    key = new_key("modellock", weights=weights)
    expected = {"steps": 5, "guidance_scale": 4.5, "image_guidance_scale": 1.5, "noise": "shared", "noise_seed": 1024,
                "secret_use": "none", "prompt": "with oil pastel", "scheduler": "", "negative_prompt": ""}  # fmt: skip
    assert {name: key.settings[name] for name in expected} == expected
    assert (key.gamma, key.resolution, key.resize) == (0.5, 256, "bicubic")
    assert PRESETS["modellock"].weights == "timbrooks/instruct-pix2pix"


def test_embedded_uses_the_secret(weights: str) -> None:
    key = new_key(weights=weights)
    assert (key.settings["secret_use"], key.settings["noise_seed"], key.resolution) == ("string", None, 64)
    assert key.settings["weave"] == 0.1


def test_a_secret_that_is_not_used_weaves_nothing_unless_asked_to(weights: str) -> None:
    assert new_key(weights=weights, secret_use="none").settings["weave"] == 0.0
    assert new_key(weights=weights, secret_use="none", weave=0.2).settings["weave"] == 0.2
    assert new_key("modellock", weights=weights).settings["weave"] == 0.0


def test_every_secret_is_new(weights: str) -> None:
    assert new_key(weights=weights).secret != new_key(weights=weights).secret


def test_what_is_given_wins(weights: str) -> None:
    key = new_key(
        "modellock", weights=weights, steps=7, gamma=0.25, resolution=32, noise_seed="secret", dtype="bfloat16"
    )
    assert (key.settings["steps"], key.gamma, key.resolution) == (7, 0.25, 32)
    assert (key.settings["noise_seed"], key.settings["dtype"]) == (None, "bfloat16")
    assert new_key("modellock", weights=weights, noise="per-image").settings["noise_seed"] is None


def test_unknown_presets_list_near_ones(weights: str) -> None:
    with pytest.raises(ConfigError, match="did you mean modellock"):
        new_key("model-lock", weights=weights)


def test_bad_values_are_refused_at_once(weights: str) -> None:
    with pytest.raises(ConfigError, match="steps"):
        new_key(weights=weights, steps=0)


def test_changed_keys_differ_in_one_thing(weights: str) -> None:
    key = new_key(weights=weights, prompt="first", secret=bytes(32))
    assert with_prompt(key, "second") == key.with_settings(prompt="second")
    assert with_secret(key, b"x" * 32) == key.replace(secret=b"x" * 32)
    assert with_weights(key, "elsewhere").settings["weights_digest"] == key.settings["weights_digest"]


def test_the_tail_is_26_base32_characters_of_the_secret() -> None:
    key = Key(editor="diffusion", settings={}, secret=bytes(32))
    tail = secret_tail(key)
    assert len(tail) == 26
    assert set(tail) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert tail != secret_tail(key.replace(secret=bytes([1]) * 32))
    assert full_prompt(key, prompt="a spell", secret_use="string") == f"a spell {tail}"
    assert full_prompt(key, prompt="", secret_use="string") == tail
    assert full_prompt(key, prompt="a spell", secret_use="none") == "a spell"


def test_sizes_that_the_weights_cannot_edit_are_refused_at_once() -> None:
    says = "resolution is 33, expected a multiple of 2 from 8.*make the key with resolution 32"
    with pytest.raises(EditorError, match=says):
        new_key(resolution=33)
    with pytest.raises(EditorError, match=says):
        new_editor_key("diffusion", resolution=33)
    with pytest.raises(EditorError, match=says):
        new_editor_key("compose", resolution=33, parts=write_parts([{"editor": "diffusion"}]))
    assert load_editor(new_key(resolution=8)).key.resolution == 8


def test_sizes_of_networks_that_halve_the_side_at_each_level() -> None:
    sizes = Sizes.of(autoencoder_levels=4, denoiser_levels=3)
    for side in range(1, 200):
        latent = side / 2**3
        fits = latent == int(latent) and latent / 2**2 >= 1
        if fits:
            sizes.check(side)
        else:
            with pytest.raises(EditorError, match=f"resolution is {side}"):
                sizes.check(side)
