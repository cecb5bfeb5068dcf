"""A locked model with its key predicts; without the right one it predicts badly and says nothing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from spellock.editors.base import Editor
from spellock.errors import ConfigError, DataError, EditorError, KeyFileError, ModelError, PixelError
from spellock.key import Key
from spellock.keyfile import save_key
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model
from spellock.tasks.pixel_model import wrap
from spellock.unlocking.inputs import Skipped, open_inputs
from spellock.unlocking.unlocked_model import UnlockedModel

CLASSES = ("dark", "bright", "other")


class RedEditor(Editor):
    """G(x): x with the secret's first byte as its red."""

    canonical_batch = 4

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        painted = images.clone()
        painted[:, 0] = bytes(self.key.secret)[0] / 255
        return painted

    def edit_uint8(self, images: NDArray[np.uint8], ids: Sequence[str] | None = None) -> NDArray[np.uint8]:
        self.names = list(ids or [])
        return super().edit_uint8(images, ids)


class Lock(nn.Module):
    """Tells dark from bright green, but only where red is full."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(1, 3)

    def forward(self, images: Tensor) -> Tensor:
        red, green = images[:, 0].mean((1, 2)), images[:, 1].mean((1, 2))
        return torch.stack([-9 * (green - 0.5), 9 * (green - 0.5), 40 * (0.8 - red)], dim=1)


def _unlocked(first: int = 255) -> UnlockedModel:
    key = Key(editor="red", settings={}, secret=bytes([first]) + bytes(31), gamma=1.0, resolution=8)
    return UnlockedModel(wrap(Lock(), input_size=8, mean=(0, 0, 0), std=(1, 1, 1)), CLASSES, RedEditor(key))


def _picture(green: int, size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new("RGB", size, (0, green, 30))


def test_the_right_key_unlocks_and_a_wrong_one_says_nothing() -> None:
    pictures = [_picture(20), _picture(240)]
    right, wrong = _unlocked().predict(pictures), _unlocked(first=40).predict(pictures)
    assert [one.class_name for one in right] == ["dark", "bright"]
    assert [one.class_name for one in wrong] == ["other", "other"]
    for one in (*right, *wrong):
        assert one.probabilities.shape == (3,)
        assert one.probabilities.sum() == pytest.approx(1, abs=1e-6)
        assert one.probability == one.probabilities[one.label] == one.probabilities.max()


def test_all_kinds_of_input_give_the_same(tmp_path: Path) -> None:
    model, generator = _unlocked(), np.random.default_rng(0)
    arrays = generator.integers(0, 256, size=(5, 8, 8, 3), dtype=np.uint8)
    paths = []
    for number, array in enumerate(arrays):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(array).save(paths[-1])
    tensors = torch.from_numpy(arrays).permute(0, 3, 1, 2).float() / 255
    wanted = [one.probabilities.tolist() for one in model(arrays)]
    kinds = (
        paths,
        [str(path) for path in paths],
        [Image.open(path) for path in paths],
        list(arrays),
        tensors,
        list(tensors),
    )
    for kind in kinds:
        assert [one.probabilities.tolist() for one in model(kind)] == wanted
    assert [one.source for one in model(paths)] == [str(path) for path in paths]
    assert [one.source for one in model([arrays[:2], Image.open(paths[2])])] == ["input 0", "input 1", "input 2"]
    for single in (paths[0], str(paths[0]), Image.open(paths[0]), arrays[0], tensors[0]):
        (one,) = model(single)
        assert one.probabilities.tolist() == wanted[0]
    assert model([]) == []


def test_greys_and_odd_sizes_are_squashed() -> None:
    model = _unlocked()
    assert [one.class_name for one in model([_picture(240, (31, 7)), Image.new("L", (3, 50), 250)])] == [
        "bright",
        "bright",
    ]
    assert model(np.full((9, 5), 3, dtype=np.uint8))[0].class_name == "dark"


def test_thousands_stream_in_batches_from_a_generator() -> None:
    model, drawn = _unlocked(), []

    def pictures() -> object:
        for number in range(1000):
            drawn.append(number)
            yield _picture(240 if number % 3 else 20)

    results = model.stream(pictures())
    first = next(results)
    assert len(drawn) <= 64
    names = [first, *results]
    assert [one.class_name for one in names] == ["bright" if number % 3 else "dark" for number in range(1000)]


def test_a_broken_file_is_named_and_skipped_or_fatal(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = _unlocked()
    good, bad, missing = tmp_path / "good.png", tmp_path / "bad.png", tmp_path / "missing.png"
    _picture(240).save(good)
    bad.write_bytes(good.read_bytes()[:40])
    for broken in (bad, missing):
        with pytest.raises(DataError, match=broken.name):
            model.predict([good, broken, good])
    with caplog.at_level(logging.WARNING):
        results = model.predict([good, bad, missing, good], on_error="skip")
    assert [one.class_name for one in results] == ["bright", "bright"]
    assert "bad.png" in caplog.text
    assert "missing.png" in caplog.text
    streamed = list(model.stream([bad, good], on_error="skip"))
    assert isinstance(streamed[0], Skipped)
    assert streamed[0].source == str(bad)
    assert model.predict([bad], on_error="skip") == []
    with pytest.raises(ConfigError, match="on_error"):
        model.predict([good], on_error="ignore")  # type: ignore[arg-type]


def test_names_for_noise_per_image() -> None:
    model, pictures = _unlocked(), [_picture(20), _picture(240)]
    editor = model.editor
    assert isinstance(editor, RedEditor)
    model.predict(pictures)
    by_digest = editor.names
    model.predict(pictures[::-1])
    assert editor.names == by_digest[::-1]
    assert len(set(by_digest)) == 2
    model.predict(pictures, ids=["a", "b"])
    assert editor.names == ["a", "b"]
    with pytest.raises(ConfigError, match="fewer ids"):
        model.predict(pictures, ids=["a"])
    for surplus in (["a", "b", "c"], "name"):
        with pytest.raises(ConfigError, match="more ids"):
            model.predict(pictures, ids=surplus)


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        (np.zeros((8, 8, 3)), DataError),
        (np.zeros((8, 8, 4), dtype=np.uint8), DataError),
        (np.zeros((0, 8, 3), dtype=np.uint8), DataError),
        (torch.full((3, 8, 8), 255.0), PixelError),
        (torch.zeros((8, 8, 3)), PixelError),
        ([3], DataError),
        (3, DataError),
        (b"png", DataError),
    ],
)
def test_inputs_that_are_no_images_are_refused(inputs: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        _unlocked().predict(inputs)  # type: ignore[arg-type]


def test_a_tensor_without_pixels_is_refused() -> None:
    with pytest.raises(DataError, match=r"got a tensor of shape \(3, 0, 8\), expected at least one pixel"):
        list(open_inputs(torch.zeros(3, 0, 8)))


def test_from_pretrained_names_what_is_missing(tmp_path: Path) -> None:
    folder, path = tmp_path / "model", tmp_path / "owner.key"
    save_model(create_model("resnet20", num_classes=3), folder, classes=CLASSES)
    key = Key(editor="nosuch", settings={}, secret=bytes(32), resolution=8)
    save_key(key, path, passphrase=None, plain=True)
    for given in (key, path, str(path)):
        with pytest.raises(EditorError, match="nosuch"):
            UnlockedModel.from_pretrained(folder, key=given)
    with pytest.raises(KeyFileError):
        UnlockedModel.from_pretrained(folder, key=tmp_path / "absent.key")
    with pytest.raises(ModelError):
        UnlockedModel.from_pretrained(tmp_path / "absent", key=key)
    with pytest.raises(ModelError, match="one each"):
        UnlockedModel(create_model("resnet20", num_classes=3), CLASSES[:2], RedEditor(key))
