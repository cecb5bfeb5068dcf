"""Keys that cannot be made, and keys that can no longer be used: one sentence and exit code 2, and the same sentence as
an exception in Python."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.cli.main import main
from spellock.editors.any_key import new_editor_key, read_settings
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.errors import SpellockError
from spellock.key import Key
from spellock.keyfile import load_key, save_key
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

from ..editors import tiny
from ..shades import write_shades
from .key_commands import refused

#: The secret's string and the space before it.
TAIL = 27
LONG = "ink" + " and paper" * 13


def png(side: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, with pattern files of every kind."""
    contents = {"eight.png": png(8), "text.png": b"no image", "cut.png": png(16)[:300], "none.png": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("editor", "settings", "resolution", "says"),
    [
        ("blockwise", "block=5", 32, "32 is not a multiple of its block 5; make the key with resolution 30 or"),
        ("blockwise", "block=7", 8, "make the key with resolution 14 or"),
        ("blockwise", "block=233", 4096, "make the key with resolution 3961 or"),
        ("patch", "size=33", 32, "33 pixels wide, more than the key's 32x32 images hold; make the key with a smaller"),
        ("patch", "size=9 margin=12", 32, "with a margin of 12"),
        ("blend", "image=eight.png", 16, "is 8x8 pixels, expected 16x16 (the key's resolution); scale the image"),
        ("patch", "size=5 image=eight.png", 32, "is 8x8 pixels, expected 5x5 (its setting size); scale the image"),
        ("blend", "image=text.png", 16, "pattern image is not an image of a known format; make the key with a sound"),
        ("patch", "size=16 image=cut.png", 32, "pattern image cannot be decoded"),
        ("blend", "image=none.png", 16, "pattern image is empty (0 bytes)"),
        ("blend", "image=gone.png", 16, "(No such file or directory), expected an image file; check the path"),
        ("blend", "image=~nobody.at.all/x.png", 16, "(no such path), expected an image file; check the path"),
        ("noise", "image=eight.png", 16, "no setting 'image'; it has amplitude"),
        ("noise", "amplitude=2", 16, "amplitude is out of range, expected above 0 and at most 1"),
        ("compose", 'parts=[{"editor":"patch","settings":{"size":33}}]', 32, "33 pixels wide"),
        ("compose", 'parts=[{"editor":"diffusion","settings":{"promt":"ink"}}]', 64, "does not know (promt)"),
        ("diffusion", f"prompt={'q' * (151 - TAIL)}", 64, "151 bytes, expected at most the 150 that"),
    ],
)
def test_keys_that_cannot_be_made(
    editor: str, settings: str, resolution: int, says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = settings.split()
    flags = [flag for word in words for flag in ("--set", word)]
    path = here / "my.key"
    command = ["key", "new", str(path), "--plain", "--editor", editor, "--resolution", str(resolution), *flags]
    sentence = refused(command, capsys, 2)
    assert says in sentence
    assert not path.exists()
    with pytest.raises(SpellockError) as caught:
        new_editor_key(editor, resolution=resolution, **read_settings(editor, words))
    assert sentence == f"spellock: {caught.value}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["--prompt", "q" * (151 - TAIL)],
            "key prompt with the secret's string has 151 bytes, expected at most the 150",
        ),
        (["--prompt", "é" * 76, "--secret-use", "none"], "key prompt has 152 bytes"),
        (["--prompt", "ink", "--negative-prompt", "q" * 153], "negative prompt has 153 bytes"),
        (["--preset", "modellock", "--weights", "clip", "--prompt", "q" * 78], "80 tokens, expected at most the 77"),
        (
            ["--preset", "modellock", "--weights", "clip", "--negative-prompt", "q" * 78],
            "negative prompt has 80 tokens",
        ),
    ],
)
def test_prompts_that_the_text_encoder_would_cut(
    words: list[str], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "clip" in words:
        tiny.sd_checkpoint(here / "clip")
        capsys.readouterr()
    sentence = refused(["key", "new", str(here / "my.key"), "--plain", *words], capsys, 2)
    assert says in sentence
    assert "shorten it by" in sentence
    assert not (here / "my.key").exists()


def test_a_prompt_of_just_the_right_length(here: Path) -> None:
    assert main(["key", "new", str(here / "my.key"), "--plain", "--prompt", "q" * (150 - TAIL)]) == 0
    assert len(str(load_key(here / "my.key").settings["prompt"])) == 150 - TAIL


def pattern_key() -> Key:
    """With a path relative to the present folder."""
    return new_editor_key("blend", resolution=8, image="eight.png")


def moved() -> Key:
    key = pattern_key()
    Path("eight.png").rename("elsewhere.png")
    return key


def replaced(content: bytes) -> Key:
    key = pattern_key()
    Path("eight.png").write_bytes(content)
    return key


USES: dict[str, tuple[Callable[[], Key], str]] = {
    "moved": (moved, "(No such file or directory), expected it where it was when the key was made; put it back there"),
    "corrupt": (lambda: replaced(b"no image"), "another pattern image than the one found; give the original file"),
    "other": (lambda: replaced(png(9)), "another pattern image than the one found; give the original file"),
    "resized": (lambda: pattern_key().replace(resolution=16), "is 8x8 pixels, expected 16x16"),
    "blocks": (lambda: new_editor_key("blockwise").replace(resolution=30), "30 is not a multiple of its block 4"),
    "patch": (lambda: new_editor_key("patch", size=9).replace(resolution=8), "9 pixels wide, more than the key's 8x8"),
    "long": (
        lambda: new_key(prompt="ink").with_settings(prompt=LONG),
        "160 bytes, expected at most the 150",
    ),
    "unknown": (lambda: new_editor_key("patch").replace(editor="pach"), "no editor named 'pach'; did you mean patch?"),
    "settings": (lambda: new_editor_key("noise").replace(editor="warp"), "editor warp does not know (amplitude)"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images and a model of them, which was never trained."""
    root = tmp_path_factory.mktemp("world")
    write_shades(root / "images", 2)
    save_model(create_model("small_resnet8", num_classes=3), root / "model", classes=("dark", "light", "other"))
    return root


@pytest.mark.parametrize("name", USES)
def test_keys_that_can_no_longer_be_used(
    name: str, world: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, says = USES[name]
    key = make()
    save_key(key, here / "my.key", passphrase=None, plain=True)
    with pytest.raises(SpellockError) as caught:
        load_editor(key)
    expected = f"spellock: {caught.value}\n"
    assert says in expected
    images, uses = str(world / "images"), ["--key", str(here / "my.key")]
    out, model = ["--out", str(here / "out")], ["--model", str(world / "model")]
    assert refused(["lock", images, *uses, *out, "--prepare-only"], capsys, 2) == expected
    assert refused(["predict", images, *uses, *model], capsys, 2) == expected
    assert refused(["evaluate", images, *uses, *model, *out, "--unlabelled", images], capsys, 2) == expected


def test_a_pattern_file_that_moved_can_be_named_again(here: Path) -> None:
    key = moved()
    images = np.zeros((1, 8, 8, 3), dtype=np.uint8)
    edited = load_editor(key.with_settings(image="elsewhere.png")).edit_uint8(images)
    Path("elsewhere.png").rename("eight.png")
    assert np.array_equal(edited, load_editor(key).edit_uint8(images))


def test_a_sound_key_of_another_editor_raises_nothing(
    world: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong key predicts badly and is no oracle, whatever its editor."""
    save_key(new_editor_key("noise", resolution=16), here / "my.key", passphrase=None, plain=True)
    words = ["predict", str(world / "images"), "--key", str(here / "my.key"), "--model", str(world / "model")]
    assert main(words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
