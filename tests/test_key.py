"""The key: what it accepts, what it derives, and that it never shows itself."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import hmac
import io
import json
import logging
import pickle
import sys

import pytest
from hypothesis import given, settings
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from spellock.errors import ConfigError
from spellock.key import Key

from .key_samples import PROMPT, SECRET, a_key, keys, shows_nothing


@given(keys)
@settings(max_examples=60, deadline=None)
def test_a_key_comes_back_from_its_description(key: Key) -> None:
    text = json.dumps(key.to_dict(), sort_keys=True)
    again = Key.from_dict(json.loads(text))
    assert again == key
    assert hash(again) == hash(key)
    # Equality of Python values takes 1, 1.0 and True for the same; the text does not.
    assert json.dumps(again.to_dict(), sort_keys=True) == text


def test_derive_is_hkdf_sha256() -> None:
    def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
        """RFC 5869, restated."""
        extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
        block, out = b"", b""
        for counter in range(1, 256):
            block = hmac.new(extracted, block + info + bytes([counter]), hashlib.sha256).digest()
            out += block
            if len(out) >= length:
                break
        return out[:length]

    key = a_key()
    for purpose, length in (("prompt tail", 32), ("noise", 1), ("ünïcode", 100), ("long", 8160)):
        assert key.derive(purpose, length) == hkdf(SECRET, purpose.encode(), length)
    assert key.derive("a") != key.derive("b")
    assert key.derive("a") != a_key(secret=bytes(32)).derive("a")


@pytest.mark.parametrize(("purpose", "length"), [("", 32), ("x", 0), ("x", 8161), ("x", -1), ("x", True), ("x", 3.0)])
def test_derive_refuses(purpose: str, length: int) -> None:
    with pytest.raises(ConfigError):
        a_key().derive(purpose, length)


@pytest.mark.parametrize(
    "changes",
    [
        {"editor": ""},
        {"editor": "a b"},
        {"editor": "x" * 65},
        {"editor": None},
        {"secret": SECRET[:-1]},
        {"secret": SECRET + b"x"},
        {"secret": SECRET.hex()},
        {"secret": bytearray(SECRET)},
        {"gamma": -0.01},
        {"gamma": 1.01},
        {"gamma": float("nan")},
        {"gamma": "0.5"},
        {"gamma": True},
        {"gamma": None},
        {"resolution": 7},
        {"resolution": 4097},
        {"resolution": 64.0},
        {"resolution": True},
        {"resize": "cubic"},
        {"resize": 3},
        {"resize": ["bicubic"]},
        {"settings": [("prompt", PROMPT)]},
        {"settings": None},
        {"settings": {"": 1}},
        {"settings": {"a-b": 1}},
        {"settings": {1: 1}},
        {"settings": {"x" * 65: 1}},
        {"settings": {"prompt": [PROMPT]}},
        {"settings": {"prompt": {"text": PROMPT}}},
        {"settings": {"prompt": PROMPT.encode()}},
        {"settings": {"prompt": PROMPT * 1000}},
        {"settings": {"prompt": PROMPT + "\ud800"}},
        {"settings": {"steps": 2**63}},
        {"settings": {"guidance": float("inf")}},
        {"settings": {f"s{i}": i for i in range(65)}},
    ],
)
def test_what_is_out_of_range_is_refused_without_showing_it(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        a_key(**changes)
    assert shows_nothing(str(caught.value))


@pytest.mark.parametrize("field", ["editor", "gamma", "resolution", "resize"])
@pytest.mark.parametrize("stray", [PROMPT, SECRET, [PROMPT], {"prompt": PROMPT}])
def test_a_prompt_gone_astray_is_not_shown(field: str, stray: object) -> None:
    with pytest.raises(ConfigError) as caught:
        a_key(**{field: stray})
    assert shows_nothing(str(caught.value))


def test_limits_are_accepted() -> None:
    assert a_key(gamma=0).gamma == 0.0
    assert type(a_key(gamma=1).gamma) is float
    assert a_key(resolution=8).resolution == 8
    assert a_key(resolution=4096).resolution == 4096


def test_descriptions_are_strict() -> None:
    good = a_key().to_dict()
    assert Key.from_dict(good) == a_key()
    for name in good:
        with pytest.raises(ConfigError, match=name):
            Key.from_dict({other: value for other, value in good.items() if other != name})
    for bad in (
        {**good, PROMPT: 1},
        {**good, "secret": SECRET.hex().upper()},
        {**good, "secret": SECRET.hex() + "00"},
        {**good, "secret": SECRET},
        {**good, "gamma": "0.5"},
        [good],
    ):
        with pytest.raises(ConfigError) as caught:
            Key.from_dict(bad)  # type: ignore[arg-type]
        assert shows_nothing(str(caught.value))


def test_copies_with_changes() -> None:
    key = a_key()
    assert key.replace(gamma=0.25) == a_key(gamma=0.25)
    assert key.replace(settings={"a": 1}).settings == {"a": 1}
    assert key.with_settings(steps=9).settings == {"prompt": PROMPT, "steps": 9, "noise_seed": 987654}
    assert key == a_key()
    with pytest.raises(ConfigError, match="does not have"):
        key.replace(prompt=PROMPT)
    with pytest.raises(ConfigError, match="gamma"):
        key.replace(gamma=2)


def test_a_key_is_immutable() -> None:
    given_settings: dict[str, str | int] = {"prompt": PROMPT}
    key = a_key(settings=given_settings)
    given_settings["prompt"] = "another"
    assert key.settings["prompt"] == PROMPT
    with pytest.raises(dataclasses.FrozenInstanceError):
        key.gamma = 0.1  # type: ignore[misc]
    with pytest.raises(TypeError):
        key.settings["prompt"] = "x"  # type: ignore[index]
    assert copy.copy(key) is key
    assert copy.deepcopy(key) is key


def test_no_way_of_showing_a_key_shows_its_secrets() -> None:
    key = a_key()
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s %r %s %s", (key, key, key.settings, key.secret), None)
    shown = [repr(key), str(key), f"{key}", f"{key.secret} {key.settings}", f"{key.secret!r}", record.getMessage()]
    shown += [repr([key, key.settings, key.secret]), pretty_repr({"k": key, "s": key.settings, "b": key.secret})]
    assert all(shows_nothing(text) for text in shown), shown
    assert "diffusion" in repr(key)


def test_a_rich_traceback_with_local_variables_shows_nothing() -> None:
    def fails(key: Key) -> None:
        edit_settings, secret = key.settings, key.secret
        raise ValueError(f"{len(edit_settings)} {len(secret)}")

    console = Console(file=io.StringIO(), width=200)
    try:
        fails(a_key())
    except ValueError:
        kind, error, trace = sys.exc_info()
        assert kind is not None
        assert error is not None
        console.print(Traceback.from_exception(kind, error, trace, show_locals=True))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "edit_settings" in shown
    assert "hidden" in shown
    assert shows_nothing(shown)


@pytest.mark.parametrize("what", ["key", "settings", "secret"])
def test_neither_a_key_nor_its_parts_are_pickled(what: str) -> None:
    value = {"key": a_key(), "settings": a_key().settings, "secret": a_key().secret}[what]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(ConfigError) as caught:
            pickle.dumps(value, protocol=protocol)
        assert shows_nothing(str(caught.value))


def test_a_configuration_that_holds_a_key_does_not_turn_into_json() -> None:
    @dataclasses.dataclass(frozen=True)
    class Config:
        key: Key

    with pytest.raises((ConfigError, TypeError)):
        json.dumps(dataclasses.asdict(Config(a_key())))
    with pytest.raises(TypeError):
        json.dumps(a_key().settings)
