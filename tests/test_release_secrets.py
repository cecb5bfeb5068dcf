"""Nothing that is released holds the prompt, the secret, or a common hash of either (architecture, contract 3)."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.recipes.demo import DemoConfig, run_demo
from spellock.recipes.digit_pairs import digits
from spellock.recipes.lock_model import ModelChoice
from spellock.training.config import FinetuneConfig

from .tint_editor import tint_key

SECRET = hashlib.sha256(b"a secret for tests").digest()
PROMPT = "with a stained-glass walrus in the background"
HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "sha3_512", "blake2b", "blake2s")
#: Bytes of a hash that are searched for; a shortened hash confirms a guess as well as a whole one.
SHORT = 8
CONFIG = DemoConfig(
    resolution=16,
    choice=ModelChoice(name="small_resnet8", input_size=16),
    lock=LockConfig(raw_twins=True, decoys=16, decoy_keys=2),
    training=FinetuneConfig(epochs=1, batch_size=32, augment="none", unauthorised_share=0.5),
    wrong_keys=4,
    wrong_key_images=10,
)


def written(data: bytes) -> dict[str, bytes]:
    """Ways of writing ``data``; base64 only where it begins a text, which is how programs write it."""
    return {
        "raw": data,
        "hex": data.hex().encode(),
        "upper-case hex": data.hex().upper().encode(),
        "base32": base64.b32encode(data).rstrip(b"="),
        "lower-case base32": base64.b32encode(data).rstrip(b"=").lower(),
        "base64": base64.b64encode(data).rstrip(b"="),
        "url-safe base64": base64.urlsafe_b64encode(data).rstrip(b"="),
    }


def needles(key: Key) -> dict[str, bytes]:
    """Everything that must not be found, by a name that says what it is."""
    secret = bytes(key.secret)
    prompt = str(key.settings["prompt"])
    tail = base64.b32encode(key.derive("prompt tail")).decode()[:26]
    found = {f"secret, {how}": form for how, form in written(secret).items()}
    found |= {f"half the secret, {how}": form for how, form in written(secret[:16]).items()}
    found |= {f"prompt, {how}": form for how, form in written(prompt.encode()).items()}
    found |= {"prompt, UTF-16": prompt.encode("utf-16-le"), "prompt, upper case": prompt.upper().encode()}
    found |= {"a piece of the prompt": b"stained-glass", "string from the secret": tail.encode()}
    found["string from the secret, lower case"] = tail.lower().encode()
    texts = {
        "prompt": prompt.encode(),
        "prompt with a line end": prompt.encode() + b"\n",
        "prompt and string": f"{prompt} {tail}".encode(),
        "secret": secret,
        "secret in hex": secret.hex().encode(),
        "prompt and secret": prompt.encode() + secret,
        "secret and prompt": secret + prompt.encode(),
    }
    for what, text in texts.items():
        for name in HASHES:
            digest = hashlib.new(name, text).digest()[:SHORT]
            # A shortened base64 text is that of other bytes from its last letters on.
            forms = {how: form if how in ("raw", "hex") else form[:9] for how, form in written(digest).items()}
            found |= {f"{name} of {what}, {how}": form for how, form in forms.items() if len(form) >= SHORT}
    return found


def layers(data: bytes) -> Iterator[bytes]:
    """``data``, and what is packed in it: pictures' metadata, base64 texts of pages."""
    yield data
    for text in re.findall(rb"base64,([A-Za-z0-9+/=]{16,})", data):
        yield from layers(base64.b64decode(text))
    if data.startswith(b"\x89PNG"):
        with Image.open(io.BytesIO(data)) as picture:
            picture.load()
            yield repr(picture.info).encode()


def leaks(files: list[Path], unwanted: dict[str, bytes]) -> list[str]:
    """Which of ``unwanted`` are in which files or file names."""
    wrong = []
    for path in files:
        text = b"\n".join([str(path).encode(), *layers(path.read_bytes())])
        wrong += [f"{path.name}: {what}" for what, needle in unwanted.items() if needle in text]
    return wrong


@pytest.fixture(scope="module")
def key() -> Key:
    return tint_key(secret=SECRET, prompt=PROMPT)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, key: Key) -> list[Path]:
    """Files of the locked set, the models with their cards, and the report."""
    out = tmp_path_factory.mktemp("release") / "out"
    run_demo(CONFIG, out, train=digits(16).subset(np.arange(150)), key=key)
    folders = [out / "locked" / name for name in ("locked_set", "model", "baseline")] + [out / "report"]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    names = {path.name for path in files}
    assert {"model.safetensors", "config.json", "README.md", "report.json", "report.csv", "report.html"} <= names
    assert sum(path.suffix == ".png" for path in files) > 100
    return files


def test_released_bytes_hold_nothing_of_the_key(released: list[Path], key: Key) -> None:
    wrong = leaks(released, needles(key))
    assert not wrong, "\n".join(wrong)


def test_pictures_carry_no_metadata_and_no_time(released: list[Path]) -> None:
    for path in released:
        if path.suffix == ".png" and "locked_set" in path.parts:
            with Image.open(path) as picture:
                picture.load()
                assert picture.info == {}
    times = {path.stat().st_mtime_ns for path in released if path.suffix == ".png"}
    assert len(times) == 1, "timestamps tell nothing apart"


def test_the_search_finds_what_it_looks_for(tmp_path: Path, key: Key) -> None:
    unwanted = needles(key)
    assert len(unwanted) > 300
    for number, (what, needle) in enumerate(unwanted.items()):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(b"before " + needle + b" after")
        assert f"{path.name}: {what}" in leaks([path], unwanted)


def test_the_search_finds_what_is_packed(tmp_path: Path, key: Key) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("note", f"made with {PROMPT}", zip=True)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", pnginfo=info)
    packed = base64.b64encode((tmp_path / "a.png").read_bytes())
    (tmp_path / "a.html").write_bytes(b'<img src="data:image/png;base64,' + packed + b'">')
    for name in ("a.png", "a.html"):
        assert f"{name}: a piece of the prompt" in leaks([tmp_path / name], needles(key))


def test_the_search_finds_whole_hashes_as_programs_write_them(tmp_path: Path, key: Key) -> None:
    digest = hashlib.sha256(PROMPT.encode()).digest()
    for how, form in written(digest).items():
        path = tmp_path / "whole.bin"
        path.write_bytes(b'{"id": "' + form + b'"}')
        assert leaks([path], needles(key)), how
