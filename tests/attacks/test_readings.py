"""Each reading opens the weak lock that it is for, and only with what it needs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from spellock.attacks import adapting
from spellock.attacks.budget import Budget, Query
from spellock.attacks.centred import standardise
from spellock.attacks.outputs import outputs_of, real_places
from spellock.attacks.registry import make_attack
from spellock.attacks.tent import Tent
from spellock.attacks.whitened import whitening
from spellock.errors import ConfigError, ModelError
from spellock.tasks.pixel_model import PixelModel

from . import colours


def other_first(logits: Tensor) -> Tensor:
    """A lock class before the real ones that takes everything."""
    return torch.cat([torch.full((len(logits), 1), 100.0), logits], dim=1)


def scaled(logits: Tensor) -> Tensor:
    return logits * torch.tensor([0.01, 3.0, 0.2, 9.0]) + torch.tensor([0.0, 500.0, -90.0, 40.0])


def mixed(logits: Tensor) -> Tensor:
    """All logits pulled along one direction, which a diagonal scaling cannot undo."""
    direction = torch.tensor([0.7, -0.5, 0.4, -0.3])
    return logits + 60 * (logits @ direction)[:, None] * direction


def stretched(logits: Tensor) -> Tensor:
    """Logits stretched by .05 to 60 along four directions that are not the classes'."""
    turn, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))
    return logits @ torch.from_numpy((turn * np.array([0.05, 1, 8, 60])) @ turn.T).float()


def next_class(logits: Tensor) -> Tensor:
    return logits.roll(1, dims=1)


def upside_down(logits: Tensor) -> Tensor:
    """Anything but the right answer."""
    return -logits + torch.tensor([0.0, 8.0, 3.0, 1.0])


@pytest.mark.parametrize(
    ("name", "lock", "outputs", "holdings"),
    [
        ("suppressed", other_first, 5, {}),
        ("centred", scaled, 4, {}),
        ("whitened", mixed, 4, {}),
        ("reversed", upside_down, 4, {}),
        ("permuted", next_class, 4, colours.with_labels(40)),
    ],
)
def test_a_reading_opens_the_lock_that_it_is_for(
    name: str, lock: object, outputs: int, holdings: dict[str, object]
) -> None:
    model = colours.locked(after=lock, outputs=outputs)
    assert colours.argmax(model) < 0.6
    (stolen,) = make_attack(name)(colours.view(model, **holdings))
    assert colours.accuracy(stolen.predict) > 0.9


class Elsewhere(PixelModel):
    """Takes images where its weights are and nowhere else, as a model on a GPU does."""

    def forward(self, images: Tensor) -> Tensor:
        if images.device != self.mean.device:
            raise RuntimeError(f"images are on {images.device}, weights on {self.mean.device}")
        return torch.zeros(len(images), 4)


def elsewhere() -> PixelModel:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * colours.SIDE**2, 4))
    return Elsewhere(network, input_size=colours.SIDE, mean=(0, 0, 0), std=(1, 1, 1)).eval().to("meta")


@pytest.mark.parametrize("name", ["suppressed", "centred", "tent"])
def test_images_are_brought_to_where_the_model_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tent, "choose", lambda self, model: [])
    monkeypatch.setattr(adapting, "fit_for", lambda *one, **other: 0)
    (stolen,) = make_attack(name)(colours.view(elsewhere()))
    assert stolen.predict(torch.rand(5, 3, colours.SIDE, colours.SIDE)).shape == (5, 4)


def test_whitening_does_more_than_centring() -> None:
    view = colours.view(colours.locked(after=stretched))
    whitened, centred = (make_attack(name)(view)[0] for name in ("whitened", "centred"))
    assert colours.accuracy(whitened.predict) > colours.accuracy(centred.predict) + 0.2


def test_statistics_of_raw_images_open_a_lock_that_lies_in_batchnorm() -> None:
    model = colours.trained()
    clean = colours.argmax(model)
    layer = model.network[1]
    layer.running_mean += torch.linspace(-40, 40, len(layer.running_mean))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert colours.argmax(model) < 0.6
    (kept,) = make_attack("suppressed")(colours.view(model))
    (raw,) = make_attack("suppressed", {"statistics": "raw"})(colours.view(model))
    assert colours.accuracy(kept.predict) < 0.6
    assert colours.accuracy(raw.predict) > clean - 0.05
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_the_lock_class_is_found_where_nothing_names_it() -> None:
    model = colours.locked(after=other_first, outputs=5)
    view = colours.view(None, query=Query(model))
    (stolen,) = make_attack("suppressed")(view)
    assert stolen.found["dropped outputs"] == "0"
    assert colours.accuracy(stolen.predict) > 0.9
    told = colours.view(model, lock_class=3)  # a folder that lies is believed
    assert real_places(5, told).tolist() == [0, 1, 2, 4]
    with pytest.raises(ModelError, match="3 outputs"):
        real_places(3, told)


def test_answers_are_counted_and_limited() -> None:
    query = Query(colours.locked(), limit=50)
    view = colours.view(None, query=query, budget=Budget(queries=50))
    (stolen,) = make_attack("suppressed")(view)
    assert query.spent == 50
    assert query.left == 0
    with pytest.raises(ConfigError, match="budget has 50"):
        colours.accuracy(stolen.predict)
    query.release()
    assert colours.accuracy(stolen.predict) > 0.9


def test_readings_refuse_what_the_thief_has_not() -> None:
    view = colours.view(None, query=Query(colours.locked()))
    with pytest.raises(ConfigError, match="the model's weights"):
        make_attack("centred", {"statistics": "raw"})(view)
    with pytest.raises(ConfigError, match="labels"):
        make_attack("permuted")(view)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_standardising_and_whitening_do_what_they_say(seed: int, width: int) -> None:
    draws = np.random.default_rng(seed)
    mix = draws.normal(size=(width, width)) + 3 * np.eye(width)
    reference = (draws.normal(size=(400, width)) @ mix + 5).astype(np.float32)
    standard = standardise(reference, reference)
    assert np.allclose(standard.mean(0), 0, atol=1e-4)
    assert np.allclose(standard.std(0), 1, atol=1e-4)
    mean, root = whitening(reference, 1e-9)
    white = (reference - mean) @ root
    assert np.allclose(white.T @ white / 400, np.eye(width), atol=1e-3)
    assert np.allclose(root, root.T)
    # the symmetric root is the inverse square root of the covariance
    assert np.allclose(root @ np.cov(reference.T, bias=True) @ root, np.eye(width), atol=1e-3)


def test_outputs_are_those_of_the_model() -> None:
    model = colours.trained()
    images, _ = colours.pictures(200, seed=5)
    with torch.no_grad():
        wanted = model(images.float() / 255).numpy()
    assert np.allclose(outputs_of(model, images), wanted, atol=1e-5)
    assert isinstance(model.network[1], nn.BatchNorm2d)
