"""Probes and fine-tuning get past a lock that destroyed the classifier and left the features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from spellock.attacks.budget import Budget
from spellock.attacks.customer import Customer
from spellock.attacks.features import ALL, OUTPUTS, stage_features, stages_of
from spellock.attacks.labelled import hold_out
from spellock.attacks.mlp import Mlp
from spellock.attacks.prototypes import Prototypes
from spellock.attacks.registry import make_attack
from spellock.attacks.ridge import STRENGTHS, fit_ridge
from spellock.errors import ConfigError
from spellock.tasks.models import create_model
from spellock.tasks.pixel_model import PixelModel, wrap

from . import colours

#: Options that make an attack quick here.
FEW = {"mlp": {"steps": 15, "hidden": 16, "learning_rate": 0.02}, "random-features": {"count": 64}}


def headless() -> PixelModel:
    """A trained network whose classifier says the same to everything."""
    model = colours.trained()
    nn.init.zeros_(model.network[5].weight)
    nn.init.zeros_(model.network[5].bias)
    return model


@pytest.mark.parametrize("name", ["ridge", "prototypes", "random-features", "mlp"])
def test_a_probe_reads_what_the_classifier_hides(name: str) -> None:
    model = headless()
    assert colours.argmax(model) < 0.4
    (stolen,) = make_attack(name, FEW.get(name))(colours.view(model, **colours.with_labels(40)))
    assert colours.accuracy(stolen.predict) > 0.9
    assert stolen.found["stage"] != OUTPUTS


@pytest.mark.parametrize("name", ["ridge", "prototypes", "random-features", "mlp"])
def test_a_probe_of_random_labels_reads_chance(name: str) -> None:
    images, labels = colours.pictures(80, seed=2)
    labels = np.random.default_rng(0).permutation(labels)
    (stolen,) = make_attack(name, FEW.get(name))(colours.view(headless(), labelled=images, labels=labels))
    assert colours.accuracy(stolen.predict) < 0.5


@pytest.mark.parametrize("options", [{}, {"head": "new"}, {"layers": "head"}, {"layers": "head", "head": "new"}])
def test_fine_tuning_opens_it(options: dict[str, str], tmp_path: Path) -> None:
    view = colours.view(headless(), **colours.with_labels(40))
    (stolen,) = make_attack("finetune", {"steps": 40, **options})(view, tmp_path)
    assert colours.accuracy(stolen.predict) > 0.85
    assert len(list(tmp_path.iterdir())) == 4  # three rates, and the last run
    again = make_attack("finetune", {"steps": 40, **options})(
        colours.view(headless(), **colours.with_labels(40)), tmp_path
    )
    assert colours.accuracy(again[0].predict) == colours.accuracy(stolen.predict)


def test_fine_tuning_keeps_to_its_layers() -> None:
    model = colours.trained()
    before = model.network[0].weight.clone()
    view = colours.view(model, budget=Budget(steps=3), **colours.with_labels(20))
    make_attack("finetune", {"layers": "head"})(view)
    assert torch.equal(model.network[0].weight, before)
    with pytest.raises(ConfigError, match="layers"):
        make_attack("finetune", {"layers": "some"})
    with pytest.raises(ConfigError, match="labels"):
        make_attack("finetune")(colours.view(model))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_ridge_leaves_one_out_exactly(seed: int) -> None:
    draws = np.random.default_rng(seed)
    features, labels = draws.normal(size=(14, 5)), draws.integers(3, size=14)
    fitted = fit_ridge(features.astype(np.float32), labels, 3)
    targets = np.eye(3)[labels]
    errors = []
    for strength in STRENGTHS:
        errors.append(0.0)
        rights = 0
        for out in range(14):
            # the same ridge without one image: its strength and centre stay those of all of them
            centred = features.astype(np.float32) - features.astype(np.float32).mean(axis=0, dtype=np.float64)
            rows = np.concatenate([centred, np.ones((14, 1))], axis=1)
            keep = np.arange(14) != out
            shrink = strength * 14 * np.diag([1.0] * 5 + [0.0])
            weights = np.linalg.solve(rows[keep].T @ rows[keep] + shrink, rows[keep].T @ targets[keep])
            guess = rows[out] @ weights
            errors[-1] += ((guess - targets[out]) ** 2).sum() / 42
            rights += guess.argmax() == labels[out]
        errors[-1] = (rights / 14, errors[-1])
    right, error = max(errors, key=lambda one: (one[0], -one[1]))
    assert fitted.right == pytest.approx(right)
    assert fitted.error == pytest.approx(error, rel=1e-4)


def test_prototypes_judge_an_image_without_itself() -> None:
    features = np.random.default_rng(0).normal(size=(12, 40)).astype(np.float32)
    labels = np.arange(12) % 4
    fitted = Prototypes().fit(features, labels, 4, seed=0, budget=Budget(), clock=Budget().clock())
    rights = 0
    for out in range(12):
        keep = np.arange(12) != out
        means = np.stack([features[keep & (labels == label)].mean(axis=0) for label in range(4)])
        scores = means @ features[out] / np.linalg.norm(means, axis=1)
        rights += scores.argmax() == labels[out]
    assert fitted.right == pytest.approx(rights / 12)


def test_stages_of_real_networks() -> None:
    resnet = create_model("resnet20", num_classes=10)
    assert stages_of(resnet) == ("layer1.2", "layer2.2", "layer3.2")
    images, _ = colours.pictures(5)
    found = stage_features(resnet, images, stages_of(resnet))
    assert {name: rows.shape[1] for name, rows in found.items()} == {
        "layer1.2": 16, "layer2.2": 32, "layer3.2": 64, ALL: 112, OUTPUTS: 10,
    }  # fmt: skip
    with torch.no_grad():
        assert np.allclose(found["layer3.2"], resnet.eval().features(images.float() / 255).numpy(), atol=1e-5)
    vit = create_model("timm:vit_tiny_patch16_224", num_classes=3, input_size=32)
    names = stages_of(vit)
    assert {"patch_embed", "norm"} < set(names)
    assert sum(name.startswith("blocks.") for name in names) == 3


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_held_out_labels_are_not_trained_on(labels: list[int]) -> None:
    train, check = hold_out(np.array(labels), seed=0)
    if len(set(labels)) == len(labels):
        assert train.tolist() == check.tolist() == list(range(len(labels)))
    else:
        assert not set(train) & set(check)
        assert {*train, *check} == set(range(len(labels)))
        assert {labels[place] for place in train} == set(labels)


@pytest.mark.parametrize("name", ["mlp", "finetune"])
def test_what_was_chosen_on_images_of_training_is_said(name: str) -> None:
    images, labels = colours.pictures(40)
    first = np.array([int(np.flatnonzero(labels == label)[0]) for label in range(4)])
    for places, says in ((first, {"chosen on": "the images it trained on"}), (np.arange(8), {})):
        view = colours.view(headless(), labelled=images[torch.from_numpy(places)], labels=labels[places])
        (stolen,) = make_attack(name, {"steps": 2})(view)
        assert {name: said for name, said in stolen.found.items() if name == "chosen on"} == says


def test_the_mlp_refuses_nonsense() -> None:
    with pytest.raises(ConfigError, match="hidden"):
        Mlp(hidden=0)


class Said:
    """An answer with names, as transformers give it."""

    def __init__(self, **values: torch.Tensor) -> None:
        self.__dict__.update(values)


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, stride=2)

    def forward(self, images: torch.Tensor) -> Said:
        return Said(hidden=self.second(self.first(images).relu()))


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.fc = Backbone(), nn.Linear(8, 4)

    def forward(self, images: torch.Tensor) -> Said:
        return Said(logits=self.fc(self.backbone(images).hidden.mean((2, 3))))


def test_stages_lie_inside_what_gives_no_tensor() -> None:
    model = colours.plain(Named())
    assert stages_of(model) == ("backbone.first", "backbone.second")
    (stolen,) = make_attack("ridge")(colours.view(model, **colours.with_labels(40)))
    assert colours.accuracy(stolen.predict) > 0.9


class _Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(3 * 8 * 8, colours.CLASSES)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(images.flatten(1))


@pytest.mark.parametrize("name", ["ridge", "few-call"])
def test_a_network_without_stages_has_nothing_to_probe(name: str) -> None:
    """`ConfigError`, which leaves out this attack and not all others with it."""
    customer = Customer(np.full((200, colours.CLASSES), 1 / colours.CLASSES, dtype=np.float32))
    images, labels = colours.pictures(20)
    view = colours.view(wrap(_Flat(), input_size=8), labelled=images, labels=labels, customer=customer)
    with pytest.raises(ConfigError, match="_Flat has no layer with features"):
        make_attack(name)(view)
