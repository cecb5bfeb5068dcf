"""Leaked edited images open weak locks: edits that a small network or two statistics can imitate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from spellock.attacks.registry import make_attack
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError, DataError

from . import colours

TINT = torch.tensor([0.6, 0.3, 0.0]).view(1, 3, 1, 1)
PATTERN = torch.from_numpy(np.indices((8, 8)).sum(0) % 2 * 0.4).float().view(1, 1, 8, 8)

NOISE = 0.2 * torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(5))


def inverted(images: Tensor) -> Tensor:
    return 1 - images


def tinted(images: Tensor) -> Tensor:
    return 0.25 * images + TINT


def untinted(images: Tensor) -> Tensor:
    return (images - TINT) / 0.25


def patterned(images: Tensor) -> Tensor:
    return 0.6 * images + PATTERN


def without_pattern(images: Tensor) -> Tensor:
    """The image under the pattern; where there is none, its colours inverted."""
    rows = (images * (PATTERN - PATTERN.mean())).mean((1, 2, 3), keepdim=True)
    seen = rows > 0.02
    return torch.where(seen, (images - PATTERN) / 0.6, 1 - images)


def noisy(images: Tensor) -> Tensor:
    return images + NOISE


def without_noise(images: Tensor) -> Tensor:
    """The image under the noise; where there is none, its colours inverted."""
    seen = (images * (NOISE - NOISE.mean((1, 2, 3), keepdim=True))).mean((1, 2, 3), keepdim=True) > 0.01
    return torch.where(seen, images - NOISE, 1 - images)


def leaked(edit: object, count: int) -> dict[str, Tensor]:
    raw, _ = colours.pictures(count, seed=7)
    edited = (edit(raw.float() / 255).clamp(0, 1) * 255).round().to(torch.uint8)
    return {"edited": edited, "edited_raw": raw}


def test_a_translator_learns_an_inversion_from_ten_pairs(tmp_path: Path) -> None:
    model = colours.locked(before=inverted)
    assert colours.argmax(model) < 0.4
    attack = make_attack("translator", {"steps": 150, "width": 8, "depth": 2, "learning_rate": 0.01})
    stolen, constant = attack(colours.view(model, **leaked(inverted, 10)), tmp_path)
    assert [stolen.name, constant.name] == ["network", "mean change"]
    assert colours.accuracy(stolen.predict) > 0.9
    assert colours.accuracy(constant.predict) < 0.9
    assert (tmp_path / "translator.safetensors").is_file()


def test_a_translator_of_nothing_changes_nothing() -> None:
    model = colours.locked(before=inverted)
    found = make_attack("translator", {"steps": 20})(colours.view(model, **leaked(lambda images: images, 4)))
    images, _ = colours.pictures(20, seed=3)
    with torch.no_grad():
        for stolen in found:
            assert torch.allclose(stolen.predict(images.float() / 255), model(images.float() / 255), atol=1e-2)


def test_one_image_of_noise_on_every_image_is_the_mean_change_of_three_pairs() -> None:
    model = colours.locked(before=without_noise)
    assert colours.argmax(model) < 0.4
    network, constant = make_attack("translator", {"steps": 20})(colours.view(model, **leaked(noisy, 3)))
    assert colours.accuracy(constant.predict) > 0.9
    assert colours.accuracy(network.predict) < 0.6


def test_colours_of_leaked_images_undo_a_tint() -> None:
    model = colours.locked(before=untinted)
    assert colours.argmax(model) < 0.7
    holdings = leaked(tinted, 60)
    (stolen,) = make_attack("colour-transfer")(colours.view(model, edited=holdings["edited"]))
    assert colours.accuracy(stolen.predict) > 0.9


@pytest.mark.parametrize("detail", ["radial", "full"])
def test_the_spectrum_of_leaked_images_holds_a_pattern(detail: str) -> None:
    model = colours.locked(before=without_pattern)
    assert colours.argmax(model) < 0.4
    holdings = leaked(patterned, 60)
    (stolen,) = make_attack("spectrum-transfer", {"detail": detail})(colours.view(model, edited=holdings["edited"]))
    assert colours.accuracy(stolen.predict) > 0.8


@pytest.mark.parametrize("count", [2, 5])
def test_the_power_of_few_leaked_images_is_not_underrated(count: int) -> None:
    """By hand: unbiased variances of the real and imaginary parts of each frequency, for one image."""
    holdings, view = leaked(tinted, count), colours.view(colours.locked(before=untinted))
    (stolen,) = make_attack("spectrum-transfer", {"detail": "full"})(
        colours.view(colours.locked(before=untinted), edited=holdings["edited"])
    )
    raw, edited = (images.numpy() / 255 for images in (view.unlabelled, holdings["edited"]))

    def power(images: np.ndarray) -> np.ndarray:
        found = np.fft.fft2(images)
        return np.var(found.real, axis=0, ddof=1) + np.var(found.imag, axis=0, ddof=1)

    around = np.fft.fft2(raw[0] - raw.mean(0)) * np.sqrt(power(edited) / np.maximum(power(raw), 1e-8))
    wanted = np.clip(np.fft.ifft2(around).real + edited.mean(0), 0, 1)
    shown = stolen.shown(view.unlabelled[:1].float() / 255)
    np.testing.assert_allclose(shown[0].numpy(), wanted, atol=1e-4)


@pytest.mark.parametrize("detail", ["radial", "full"])
@pytest.mark.parametrize("flat", ["leaked", "raw"])
def test_images_without_a_spectrum_give_numbers(detail: str, flat: str) -> None:
    some = {"leaked": colours.pictures(1)[0], "raw": colours.pictures(20)[0]}
    some[flat] = torch.full_like(some[flat], 77)
    view = AttackerView(classes=4, unlabelled=some["raw"], model=colours.trained(), edited=some["leaked"])
    (stolen,) = make_attack("spectrum-transfer", {"detail": detail})(view)
    assert torch.isfinite(stolen.predict(colours.pictures(5)[0].float() / 255)).all()


@pytest.mark.parametrize("name", ["colour-transfer", "spectrum-transfer"])
def test_statistics_match_those_of_the_leaked_images(name: str) -> None:
    """The changed pool has the mean image's colours and the spread of the edited pool."""
    seen: list[Tensor] = []

    def watch(images: Tensor) -> Tensor:
        seen.append(images)
        return images

    holdings = leaked(tinted, 200)
    attack = make_attack(name, {"detail": "full"} if name == "spectrum-transfer" else {})
    view = colours.view(colours.locked(before=watch), edited=holdings["edited"])
    (stolen,) = attack(view)
    seen.clear()
    stolen.predict(view.unlabelled.float() / 255)
    wanted = holdings["edited"].float() / 255
    assert torch.allclose(seen[0].mean((0, 2, 3)), wanted.mean((0, 2, 3)), atol=0.02)
    assert torch.allclose(seen[0].std((0, 2, 3)), wanted.std((0, 2, 3)), atol=0.02)


def test_other_sizes_are_squashed_and_partners_checked() -> None:
    model = colours.locked(before=untinted)
    (stolen,) = make_attack("colour-transfer")(colours.view(model, edited=leaked(tinted, 20)["edited"]))
    large = torch.rand(3, 3, 20, 12, generator=torch.Generator().manual_seed(0))
    assert stolen.predict(large).shape == (3, 4)
    with pytest.raises(ConfigError, match="leaked edited images"):
        make_attack("translator")(colours.view(model))
    holdings = leaked(tinted, 20)
    with pytest.raises(DataError, match="edited_raw"):
        colours.view(model, edited=holdings["edited"], edited_raw=holdings["edited_raw"][:5])


def test_a_disguise_is_learnt_without_pairs(tmp_path: Path) -> None:
    """Edited images of one pool, raw ones of another: the judge and the model's doubt lead to the tint."""
    model = colours.locked(before=untinted)
    assert colours.argmax(model) < 0.7
    attack = make_attack("disguise", {"steps": 250, "width": 8, "depth": 2, "learning_rate": 0.01, "content": 0.1})
    (stolen,) = attack(colours.view(model, edited=leaked(tinted, 60)["edited"]), tmp_path)
    assert colours.accuracy(stolen.predict) > 0.85
    assert (tmp_path / "disguise.safetensors").is_file()
    images, _ = colours.pictures(50, seed=3)
    shown = stolen.shown(images.float() / 255)
    wanted = tinted(images.float() / 255)
    assert (shown - wanted).abs().mean() < 0.5 * (images.float() / 255 - wanted).abs().mean()
    with pytest.raises(ConfigError, match="leaked edited images"):
        attack(colours.view(model))
