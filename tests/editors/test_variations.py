"""The same key with another prompt, noise seed or secret, wherever they lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from spellock.editors.compose import part_keys, write_parts
from spellock.editors.presets import new_key
from spellock.editors.prompt_text import TAIL_LENGTH
from spellock.editors.stand_ins import public_key
from spellock.editors.variations import (
    has_other_secrets,
    other_secrets,
    prompts_of,
    replace_noise_seed,
    replace_prompt,
)
from spellock.key import Key

SECRET = bytes(range(32))
SECRETS = [bytes([number]) * 32 for number in range(1, 7)]


def diffusion(prompt: str = "in ink", **settings: object) -> Key:
    return new_key("embedded", prompt=prompt, resolution=32, secret=SECRET, **settings)  # type: ignore[arg-type]


def part(key: Key) -> dict[str, object]:
    return {"editor": key.editor, "settings": dict(key.settings), "gamma": 0.5}


def composed(*parts: dict[str, object]) -> Key:
    return Key(editor="compose", settings={"parts": write_parts(parts)}, secret=SECRET, gamma=1.0, resolution=32)


NOISE: dict[str, object] = {"editor": "noise", "settings": {"amplitude": 0.2}}
FILTER: dict[str, object] = {"editor": "photo_filter", "settings": {"name": "nashville"}}


def test_prompts_are_found_and_replaced_in_a_plain_key() -> None:
    key = diffusion()
    assert prompts_of(key) == ("in ink",)
    assert replace_prompt(key, "in chalk") == key.with_settings(prompt="in chalk")
    assert prompts_of(Key(editor="noise", settings={"amplitude": 0.1}, secret=SECRET)) == ()


def test_prompts_of_parts_are_found_and_replaced_one_at_a_time() -> None:
    key = composed(NOISE, part(diffusion("first")), part(diffusion("second")))
    assert prompts_of(key) == ("first", "second")
    other = replace_prompt(key, "third", 1)
    assert prompts_of(other) == ("first", "third")
    assert other.secret == key.secret
    before, after = (json.loads(str(one.settings["parts"])) for one in (key, other))
    after[2]["settings"]["prompt"] = "second"
    assert [one["settings"] for one in after] == [one["settings"] for one in before]
    assert [one.get("gamma", 1.0) for one in after] == [one.get("gamma", 1.0) for one in before]
    with pytest.raises(IndexError):
        replace_prompt(key, "third", 2)


def test_only_fixed_noise_seeds_are_replaced() -> None:
    key = composed(part(diffusion(noise_seed=1024)), part(diffusion()), FILTER)
    seeds = [one.settings.get("noise_seed") for one in part_keys(replace_noise_seed(key, 7))]
    assert seeds == [7, None, None]
    assert replace_noise_seed(diffusion(), 7) == diffusion()


def test_other_secrets_are_the_same_key_with_them() -> None:
    key = diffusion()
    assert list(other_secrets(key, SECRETS)) == [key.replace(secret=secret) for secret in SECRETS]
    whole = composed(part(key), NOISE)
    assert [one.secret for one in other_secrets(whole, SECRETS)] == SECRETS
    for other in other_secrets(whole, SECRETS):
        assert [one.settings for one in part_keys(other)] == [one.settings for one in part_keys(whole)]


def test_there_are_none_where_nothing_secret_shapes_the_edit() -> None:
    plain = diffusion(secret_use="none", noise_seed=1024)
    for key in (plain, composed(part(plain), FILTER), composed({**NOISE, "gamma": 0.0}, FILTER)):
        assert not has_other_secrets(key)
        assert not list(other_secrets(key, SECRETS))
    assert has_other_secrets(composed(part(plain), NOISE))


@pytest.fixture
def lora(tmp_path: Path) -> str:
    save_file({"unet.x.lora_A.weight": torch.zeros(2, 2)}, tmp_path / "own.safetensors")
    return str(tmp_path / "own.safetensors")


def test_strangers_lack_the_lora(lora: str) -> None:
    key = diffusion(lora=lora, secret_use="none", noise_seed=1024)
    first, *rest = other_secrets(key, SECRETS)
    assert {first.settings["lora"], *(one.settings["lora"] for one in rest)} == {None}
    assert first == key.with_settings(lora=None, lora_digest=None).replace(secret=SECRETS[0])
    assert {one.settings["secret_use"] for one in rest} == {"string"}
    assert [one.secret for one in rest] == SECRETS[1:]
    assert {one.settings["prompt"] for one in rest} == {"in ink"}


def test_a_string_beside_a_lora_is_wrong_by_itself_too(lora: str) -> None:
    key = diffusion(lora=lora)
    kept = [one.settings["lora"] for one in other_secrets(key, SECRETS)]
    assert kept == [None, lora] * 3
    assert next(islice(other_secrets(key, SECRETS), 1, None)) == key.replace(secret=SECRETS[1])


def test_a_part_with_a_lora_lacks_it_while_the_others_have_another_secret(lora: str) -> None:
    key = composed(part(diffusion(lora=lora, secret_use="none", noise_seed=1024)), NOISE)
    for other, secret in zip(other_secrets(key, iter(SECRETS)), SECRETS, strict=True):
        assert other.secret == secret
        first, second = part_keys(other)
        assert first.settings["lora"] is None
        assert second.secret == key.replace(secret=secret).derive("compose part 2: noise")


def test_a_long_prompt_leaves_room_for_the_string(lora: str) -> None:
    key = diffusion("x" * (150 - TAIL_LENGTH), lora=lora, secret_use="none")
    assert {one.settings["prompt"] for one in list(other_secrets(key, SECRETS))[1:]} == {""}


def test_strangers_have_the_public_editor_instead_of_a_private_one(checkpoint: Callable[[str], Path]) -> None:
    folder = checkpoint("embedded")
    key = diffusion(weights=str(folder))
    assert public_key(key) is None
    config = folder / "text_encoder" / "config.json"
    before = config.read_text()
    try:
        config.write_text(json.dumps(json.loads(before) | {"salt": "5a" * 32}))
        public = public_key(key)
        assert public is not None
        assert public.settings["weights"] == "embedded"
        assert public.settings["weights_digest"] == new_key(resolution=32).settings["weights_digest"]
        assert next(other_secrets(key, SECRETS)) == public.replace(secret=SECRETS[0])
    finally:
        config.write_text(before)


def test_a_private_editor_on_the_hub_has_a_stand_in_too(
    checkpoint: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its configuration is read where the hub's client keeps it; a folder named as the owner would not be asked."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--someone--private-editor"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    settings = repository / "snapshots" / ("0" * 40) / "text_encoder" / "config.json"
    settings.parent.mkdir(parents=True)
    public = json.loads((checkpoint("embedded") / "text_encoder" / "config.json").read_text())
    settings.write_text(json.dumps(public | {"salt": "5a" * 32}))
    key = diffusion().with_settings(weights="someone/private-editor")
    found = public_key(key)
    assert found is not None
    assert found.settings["weights"] == "embedded"
    assert next(other_secrets(key, SECRETS)) == found.replace(secret=SECRETS[0])
    settings.write_text(json.dumps(public))
    assert public_key(key) is None


def test_public_keys_have_no_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert public_key(diffusion()) is None
    elsewhere = diffusion().with_settings(weights="someone/some-editor")
    assert public_key(elsewhere) is None
