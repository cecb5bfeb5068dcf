"""A key's edit in torchvision pipelines."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from torchvision import tv_tensors
from torchvision.transforms import v2

from spellock.data.decode import decode_image
from spellock.editors.registry import load_editor
from spellock.errors import PixelError
from spellock.key import Key
from spellock.unlocking.transform import KeyedTransform

SIDE = 16


def key(method: str = "negative-positive") -> Key:
    return Key(editor="blockwise", settings={"method": method}, secret=bytes(range(32)), resolution=SIDE, gamma=0.7)


def pixels(count: int = 3) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0)).byte()


def expected(images: torch.Tensor, method: str = "negative-positive") -> torch.Tensor:
    edited = load_editor(key(method)).edit_uint8(images.permute(0, 2, 3, 1).numpy())
    return torch.from_numpy(edited).permute(0, 3, 1, 2)


def boxes() -> tv_tensors.BoundingBoxes:
    return tv_tensors.BoundingBoxes([[1, 2, 5, 6]], format="XYXY", canvas_size=(SIDE, SIDE))


def test_all_kinds_of_images_give_the_same_bytes() -> None:
    transform, images = KeyedTransform(key()), pixels()
    wanted = expected(images)
    assert torch.equal(transform(images), wanted)
    assert torch.equal(transform(images[0]), wanted[0])
    assert torch.equal((transform(images.float() / 255) * 255).round().byte(), wanted)
    wrapped = transform(tv_tensors.Image(images))
    assert isinstance(wrapped, tv_tensors.Image)
    assert torch.equal(wrapped.as_subclass(torch.Tensor), wanted)
    picture = transform(Image.fromarray(images[1].permute(1, 2, 0).numpy()))
    assert isinstance(picture, Image.Image)
    assert np.array_equal(np.asarray(picture), wanted[1].permute(1, 2, 0).numpy())


def test_pictures_of_other_sizes_are_squashed_as_when_locking() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8))
    editor = load_editor(key())
    assert np.array_equal(
        np.asarray(KeyedTransform(key())(picture)), editor.edit_uint8(np.stack([editor.prepare(picture)]))[0]
    )


def _turned() -> Image.Image:
    """A picture whose EXIF data turns it."""
    picture, file = Image.fromarray(pixels(1)[0].permute(1, 2, 0).numpy()), io.BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture.save(file, "PNG", exif=exif)
    return Image.open(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "F", "CMYK", "turned"])
def test_pictures_of_other_modes_are_read_as_when_locking(mode: str) -> None:
    values = np.random.default_rng(1).random((SIDE, SIDE))
    if mode == "I;16":
        picture = Image.fromarray((65535 * values).astype(np.uint16))
    elif mode == "F":
        picture = Image.fromarray(values.astype(np.float32))
    elif mode == "turned":
        picture = _turned()
    else:
        colours = Image.fromarray((255 * np.random.default_rng(2).random((SIDE, SIDE, 4))).astype(np.uint8), "RGBA")
        picture = colours.convert(mode)
    plain = decode_image(picture, name="it")
    assert np.array_equal(np.asarray(KeyedTransform(key())(picture)), np.asarray(KeyedTransform(key())(plain)))
    dropped = picture.convert("RGB")
    assert mode in ("P", "CMYK") or not np.array_equal(np.asarray(dropped), np.asarray(plain))


def test_boxes_of_a_picture_that_would_be_turned_are_refused() -> None:
    with pytest.raises(PixelError, match=r"BoundingBoxes.*upright.*exif_transpose"):
        KeyedTransform(key())(_turned(), boxes())


def test_in_a_pipeline_with_labels_boxes_and_masks() -> None:
    pipeline = v2.Compose([v2.ToImage(), KeyedTransform(key()), v2.ToDtype(torch.float32, scale=True)])
    mask = tv_tensors.Mask(torch.ones(1, SIDE, SIDE, dtype=torch.uint8))
    images = pixels(1)
    sample = {"image": Image.fromarray(images[0].permute(1, 2, 0).numpy()), "boxes": boxes(), "mask": mask, "label": 3}
    done = pipeline(sample)
    assert torch.equal((done["image"] * 255).round().byte(), expected(images)[0])
    assert torch.equal(done["boxes"], boxes())
    assert torch.equal(done["mask"], mask)
    assert done["label"] == 3
    image, label = KeyedTransform(key())(images[0], torch.tensor([5]))
    assert torch.equal(image, expected(images)[0])
    assert label.tolist() == [5]


def test_boxes_and_masks_are_refused_where_pixels_move() -> None:
    transform = KeyedTransform(key("shuffle"))
    assert torch.equal(transform(pixels()), expected(pixels(), "shuffle"))
    for place in (boxes(), tv_tensors.Mask(torch.ones(1, SIDE, SIDE, dtype=torch.uint8))):
        with pytest.raises(PixelError, match=r"blockwise moves pixels.*keeps content"):
            transform(tv_tensors.Image(pixels()[0]), place)


def test_boxes_of_a_picture_that_would_be_squashed_are_refused() -> None:
    with pytest.raises(PixelError, match=r"20x12 pixels.*v2.Resize\(\(16, 16\)\)"):
        KeyedTransform(key())(Image.new("RGB", (20, 12)), boxes())


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(3, 8, 8), "8x8 pixels, expected the key's 16x16"),
        (torch.zeros(1, 16, 16, dtype=torch.uint8), r"shape \(1, 16, 16\)"),
        (torch.full((3, 16, 16), 99.0), "divide by 255"),
        (torch.zeros(3, 16, 16, dtype=torch.float64), "torch.float32"),
    ],
)
def test_bad_images(images: torch.Tensor, message: str) -> None:
    with pytest.raises(PixelError, match=message):
        KeyedTransform(key())(images)


def test_videos_and_nameless_noise_are_refused() -> None:
    with pytest.raises(PixelError, match="video"):
        KeyedTransform(key())(tv_tensors.Video(pixels()))


def test_nothing_shows() -> None:
    assert repr(KeyedTransform(key())) == "KeyedTransform(editor='blockwise')"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("method", ["shuffle", "ffx"])
def test_on_a_gpu(method: str) -> None:
    done = KeyedTransform(key(method), device="cuda")(pixels().cuda())
    assert done.device.type == "cuda"
    assert torch.equal(done.cpu(), expected(pixels(), method))
