"""Weight keys on disk: back bit for bit, or one clear sentence."""

from __future__ import annotations

import hashlib
import json
import stat
import zlib
from pathlib import Path

import pytest
import torch

from spellock.errors import ConfigError, KeyFileError, SpellockError, StorageError
from spellock.key import Key
from spellock.keyfile import load_key
from spellock.keyfile_cipher import ScryptCost
from spellock.weightlocks import weight_keyfile
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.parts import part_of
from spellock.weightlocks.places import whole_place
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import TensorInfo
from spellock.weightlocks.weight_header import MAGIC, is_weight_key
from spellock.weightlocks.weight_key import WeightKey
from spellock.weightlocks.weight_keyfile import load_weight_key, save_weight_key
from spellock.weightlocks.weight_payload import key_of, payload_of

from .networks import SECRET, small_net
from .older import older

CHEAP = ScryptCost(n=2, r=8, p=1)
IMAGE_KEY = Key(editor="blend", settings={"ratio": 0.2}, secret=bytes(32))


@pytest.fixture(scope="module")
def key() -> WeightKey:
    config = WeightLockConfig(select=SelectConfig(fraction=0.2), customer="Änn")
    return lock_module(small_net().to(torch.bfloat16), config, secret=SECRET, image_key=IMAGE_KEY)


@pytest.fixture(scope="module")
def older_key(key: WeightKey) -> WeightKey:
    return older(key, small_net().to(torch.bfloat16))


def same(first: WeightKey, second: WeightKey) -> bool:
    return payload_of(first) == payload_of(second)


def test_comes_back(tmp_path: Path, key: WeightKey) -> None:
    path = tmp_path / "w.key"
    save_weight_key(key, path, passphrase="open sesame", cost=CHEAP)
    found = load_weight_key(path, passphrase="open sesame")
    assert same(found, key)
    assert found.outside == key.outside
    assert found.image_key == IMAGE_KEY
    assert found.customer == "Änn"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_weight_key(path)
    assert SECRET.hex().encode() not in path.read_bytes()
    assert b"conv1" not in path.read_bytes()


def test_it_is_no_key_of_images_whatever_its_size(tmp_path: Path, key: WeightKey) -> None:
    save_weight_key(key, tmp_path / "w.key", passphrase=None, plain=True)
    with pytest.raises(KeyFileError, match="is a weight key, expected a file made with `spellock key new`"):
        load_key(tmp_path / "w.key")


def test_a_key_that_could_not_be_read_again_is_not_written(tmp_path: Path, key: WeightKey) -> None:
    name = next(name for name, place in key.places.items() if place.whole)
    info = TensorInfo(dtype=torch.int16, shape=key.places[name].info.shape)
    values = dict(key.values) | {name: key.values[name].to(torch.int16)}
    odd = key.replace(places=dict(key.places) | {name: whole_place(name, info)}, values=values)
    with pytest.raises(ConfigError, match=r"torch\.int16, expected one of float64"):
        save_weight_key(odd, tmp_path / "w.key", passphrase=None, plain=True)
    assert not (tmp_path / "w.key").exists()


def test_dense_places_of_older_files_are_read() -> None:
    select = SelectConfig(granularity="scalar", fraction=0.5)
    dense = older(lock_module(small_net(), WeightLockConfig(select=select), secret=SECRET), small_net())
    first = payload_of(dense, layout=1)
    assert len(first) > len(payload_of(dense, layout=2)) > len(payload_of(dense))
    assert same(key_of(first, name="w.key"), dense)


def test_older_files_hold_digests_as_text(older_key: WeightKey) -> None:
    key = older_key
    text = payload_of(key, layout=2)
    described = json.loads(text[8 : 8 + int.from_bytes(text[:8], "little")])
    assert described["digests"] == dict(key.digests)
    assert described["outside"] == dict(key.outside)
    found = key_of(text, name="w.key")
    assert same(found, key)
    assert found.outside == key.outside
    part = part_of(key, 0.5)
    for layout in (1, 2, 3):
        again = key_of(payload_of(part, layout=layout), name="w.key")
        assert again.is_part
        assert same(again, part)


def test_a_small_tensor_takes_little_more_than_its_values_and_a_digest() -> None:
    net = torch.nn.Sequential(*(torch.nn.BatchNorm2d(4) for _ in range(200)))
    net.add_module("conv", torch.nn.Conv2d(4, 4, 3))
    net.add_module("fc", torch.nn.Linear(4, 4))
    key = lock_module(net, WeightLockConfig(select=SelectConfig(fraction=0.5)), secret=SECRET)
    assert len(key.places) > 800
    size = len(payload_of(key))
    assert size < key.value_bytes + 40 * len(key.digests) + 1000
    assert len(payload_of(older(key, net), layout=2)) > 4 * size


def test_descriptions_that_unpack_to_no_key(key: WeightKey) -> None:
    payload = payload_of(key)
    length = int.from_bytes(payload[:8], "little")
    text, rest = zlib.decompress(payload[8 : 8 + length]), payload[8 + length :]

    def packed(text: bytes, rest: bytes = rest, *, beside: bytes = b"") -> bytes:
        data = zlib.compress(text) + beside
        return len(data).to_bytes(8, "little") + data + rest

    assert same(key_of(packed(text), name="it"), key)  # however zlib packed it
    described = json.loads(text)
    others = json.dumps(described | {"others": ["conv1.weight"]}, sort_keys=True).encode()
    bomb = b"{" + b" " * 2**27
    for wrong in (
        packed(text, beside=b"x"), packed(text, rest[:-32]), packed(text, rest + bytes(32)), packed(others),
        packed(text.replace(b'"part": false', b'"part": true')), packed(text + b" "), packed(bomb),
        packed(text)[: -len(rest) - 4] + rest,
    ):  # fmt: skip
        with pytest.raises(KeyFileError, match="no weight key that this version can use"):
            key_of(wrong, name="it")


def test_plain_files(tmp_path: Path, key: WeightKey) -> None:
    path = tmp_path / "w.key"
    save_weight_key(key, path, passphrase=None, plain=True)
    assert same(load_weight_key(path), key)
    with pytest.raises(KeyFileError, match="not encrypted although"):
        load_weight_key(path, passphrase="open sesame")


def test_many_pieces(tmp_path: Path, key: WeightKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight_keyfile, "_PIECE", 1000)
    path = tmp_path / "w.key"
    save_weight_key(key, path, passphrase="open sesame", cost=CHEAP)
    assert same(load_weight_key(path, passphrase="open sesame"), key)
    data = path.read_bytes()
    start = len(MAGIC) + 4 + int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4], "little")
    body = data[start:-32]
    # The first two pieces exchanged, and the last one dropped, each with a checksum that is right.
    for wrong in (body[1016:2032] + body[:1016] + body[2032:], body[: len(body) // 1016 * 1016]):
        path.write_bytes(data[:start] + wrong + hashlib.sha256(data[:start] + wrong).digest())
        with pytest.raises(KeyFileError, match="was altered although its passphrase is right"):
            load_weight_key(path, passphrase="open sesame")


def test_no_byte_can_be_altered(tmp_path: Path, key: WeightKey) -> None:
    path = tmp_path / "w.key"
    save_weight_key(key, path, passphrase="open sesame", cost=CHEAP)
    data = path.read_bytes()
    header = len(MAGIC) + 4 + int.from_bytes(data[len(MAGIC) : len(MAGIC) + 4], "little")
    for place in [*range(header + 40), *range(header + 40, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(KeyFileError):
            load_weight_key(path, passphrase="open sesame")


def test_no_end_can_be_cut(tmp_path: Path, key: WeightKey) -> None:
    path = tmp_path / "w.key"
    save_weight_key(key, path, passphrase=None, plain=True)
    data = path.read_bytes()
    for length in [0, 5, len(MAGIC), len(MAGIC) + 3, 60, 300, len(data) - 33, len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(KeyFileError):
            load_weight_key(path)


def test_wrong_and_missing_passphrases(tmp_path: Path, key: WeightKey) -> None:
    path = tmp_path / "w.key"
    save_weight_key(key, path, passphrase="open sesame", cost=CHEAP)
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        load_weight_key(path, passphrase="open barley")
    with pytest.raises(KeyFileError, match="is encrypted"):
        load_weight_key(path)
    with pytest.raises(ConfigError, match="got no passphrase"):
        save_weight_key(key, tmp_path / "v.key", passphrase=None)
    with pytest.raises(ConfigError, match="without encryption"):
        save_weight_key(key, tmp_path / "v.key", passphrase="open sesame", plain=True)
    with pytest.raises(StorageError, match="exists already"):
        save_weight_key(key, path, passphrase="open sesame", cost=CHEAP)


def test_newer_versions_and_other_files(tmp_path: Path) -> None:
    path = tmp_path / "w.key"
    header = json.dumps({"version": 2}).encode()
    path.write_bytes(MAGIC + len(header).to_bytes(4, "little") + header + bytes(40))
    with pytest.raises(KeyFileError, match="newer spellock"):
        load_weight_key(path)
    path.write_bytes(b"{}")
    with pytest.raises(KeyFileError, match="not a weight key's file"):
        load_weight_key(path)
    assert not is_weight_key(path)
    assert not is_weight_key(tmp_path / "none")
    with pytest.raises(KeyFileError, match="cannot read"):
        load_weight_key(tmp_path / "none")
    with pytest.raises(KeyFileError, match="no regular file"):
        load_weight_key(tmp_path)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b'"version": 1', b'"version": 0'), (b'"fill": "gaussian"', b'"fill": ["aussian]'),
     (b"bfloat16", b"floaty16"), (b"[8, 3, 3, 3]", b"[8, 3, 3, 7]"), (b"[8, 3, 3, 3]", b"[8,-3,-3, 3]"),
     (b'"secret": "00', b'"secret": "xx'), (b'"editor": "blend"', b'"editor": "bl nd"')],
)  # fmt: skip
@pytest.mark.parametrize("layout", [2, 3, 4])
def test_payloads_that_no_key_gives(
    key: WeightKey, older_key: WeightKey, before: bytes, after: bytes, layout: int
) -> None:
    payload = payload_of(key if layout == 4 else older_key, layout=layout)
    length = int.from_bytes(payload[:8], "little")
    text, rest = payload[8 : 8 + length], payload[8 + length :]
    text = zlib.decompress(text) if layout >= 3 else text
    assert before in text
    assert len(before) == len(after)
    text = text.replace(before, after)
    text = zlib.compress(text) if layout >= 3 else text
    with pytest.raises(KeyFileError, match="no weight key that this version can use") as caught:
        key_of(len(text).to_bytes(8, "little") + text + rest, name="it")
    assert isinstance(caught.value, SpellockError)
    assert caught.value.__cause__ is None


def test_an_older_payload_without_a_field(older_key: WeightKey) -> None:
    payload = payload_of(older_key, layout=2)
    with pytest.raises(KeyFileError, match="no weight key that this version can use"):
        key_of(payload.replace(b'"outside"', b'"outsid_"'), name="it")
