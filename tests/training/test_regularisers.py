"""The formulas of the regularisers, restated with NumPy; their laws; the registry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.errors import ConfigError
from spellock.training.regularisation_config import RegularisationConfig
from spellock.training.regularisers import Unauthorised, list_regularisers, make_regulariser, register_regulariser
from spellock.training.regularisers.anchor import Anchor
from spellock.training.regularisers.cross_fit import found_share, standardised
from spellock.training.regularisers.probe import Probe, fourier
from spellock.training.regularisers.unlikelihood import Unlikelihood

CLASSES, WIDTHS = 3, (5, 4, 12)
SEEDS = st.integers(0, 2**31)


def seen(seed: int, count: int = 24, **changes: object) -> Unauthorised:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.arange(count) % CLASSES)

    def features(width: int) -> torch.Tensor:
        signal = random.normal(0, 1, (CLASSES, width))[labels]
        return torch.tensor(3 + signal + random.normal(0, 1, (count, width)), dtype=torch.float32, requires_grad=True)

    anchored = torch.from_numpy(random.random(count) < 0.5)
    arguments = {
        "features": tuple(features(width) for width in WIDTHS),
        "logits": features(CLASSES),
        "truth": torch.eye(CLASSES)[labels],
        "alone": anchored.clone(),
        "anchored": anchored,
        "start": tuple(torch.rand(int(anchored.sum()), width) for width in WIDTHS),
        "step": 0,
        "progress": 0.5,
        "seed": 7,
    }
    return Unauthorised(**(arguments | changes))  # type: ignore[arg-type]


def numbers(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)


def rho(features: np.ndarray, truth: np.ndarray, alone: np.ndarray, strength: float) -> float:
    """Share found, with the normal equations of the reader, mean of both ways round."""
    columns = np.zeros_like(features)
    for rows in (alone, ~alone):
        if rows.sum() > 1:
            spread = features[rows].std(0)
            columns[rows] = (features[rows] - features[rows].mean(0)) / np.sqrt(spread**2 + 1e-6 * (spread**2).mean())
    order = np.argsort(truth.argmax(1), kind="stable")
    wanted, shares = truth - truth.mean(0), []
    for fit, score in ((order[0::2], order[1::2]), (order[1::2], order[0::2])):
        h, n = columns[fit], len(fit)
        reader = np.linalg.inv(h.T @ h / n + strength * np.eye(h.shape[1])) @ h.T @ wanted[fit] / n
        left = ((wanted[score] - columns[score] @ reader) ** 2).sum()
        shares.append(max(0.0, 1 - left / (wanted[score] ** 2).sum()))
    return float(np.mean(shares))


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, count=st.integers(8, 40), strength=st.sampled_from([0.1, 1.0]))
def test_the_share_that_a_reader_finds(seed: int, count: int, strength: float) -> None:
    batch = seen(seed, count)
    for features in (*batch.features, batch.logits):
        found = found_share(standardised(features, batch.alone), batch.truth, strength)
        expected = rho(numbers(features), numbers(batch.truth), batch.alone.numpy(), strength)
        assert float(found.detach()) == pytest.approx(expected, abs=2e-3)
        assert 0 <= float(found.detach()) <= 1


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS, scale=st.floats(1e-3, 1e3), shift=st.floats(-10, 10))
def test_size_and_place_of_features_do_not_matter(seed: int, scale: float, shift: float) -> None:
    batch = seen(seed)
    features = batch.features[2].detach()
    here = found_share(standardised(features, batch.alone), batch.truth, 1.0)
    there = found_share(standardised(scale * (features + shift), batch.alone), batch.truth, 1.0)
    assert float(there) == pytest.approx(float(here), abs=1e-2)


def test_noise_gives_nothing_and_classes_give_much() -> None:
    """In-sample, the same reader finds a good half of the classes in this noise; that is why halves are crossed."""
    generator = torch.Generator().manual_seed(0)
    truth, together = torch.eye(10)[torch.arange(64) % 10], torch.zeros(64, dtype=torch.bool)
    shares = []
    for _ in range(20):
        noise = torch.randn(64, 64, generator=generator)
        shares.append(float(found_share(standardised(noise, together), truth, 1.0)))
    columns = standardised(noise, together)
    wanted = truth - truth.mean(0)
    fitted = columns @ torch.linalg.solve(columns.T @ columns / 64 + torch.eye(64), columns.T @ wanted / 64)
    assert float(1 - (wanted - fitted).square().sum() / wanted.square().sum()) > 0.4
    assert np.mean(shares) < 0.02
    signal = noise + 2 * truth @ torch.randn(10, 64, generator=generator)
    assert float(found_share(standardised(signal, together), truth, 1.0)) > 0.5


def test_few_images_images_of_one_class_and_dead_columns_say_nothing() -> None:
    batch = seen(0)
    columns = standardised(batch.features[0].detach(), batch.alone)
    assert float(found_share(columns[:7], batch.truth[:7], 1.0)) == 0
    assert float(found_share(columns, torch.eye(CLASSES)[[1]].expand(24, -1), 1.0)) == 0
    dead = torch.zeros(24, 4, requires_grad=True)
    found = found_share(standardised(dead, batch.alone), batch.truth, 1.0)
    found.backward()
    assert float(found.detach()) == 0
    assert bool(dead.grad.isfinite().all())


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS, anchor=st.floats(0, 5), blind=st.floats(0, 5), progress=st.floats(0, 0.99))
def test_the_anchors_formula(seed: int, anchor: float, blind: float, progress: float) -> None:
    batch = seen(seed, progress=progress)
    rows, expected = batch.anchored.numpy(), 0.0
    for own, start in zip(batch.features, batch.start, strict=True):
        expected += anchor * ((numbers(own)[rows] - numbers(start)) ** 2).sum() / (numbers(start) ** 2).sum()
    ramp = min(1.0, 3 * progress)
    expected += ramp * blind * rho(numbers(batch.logits), numbers(batch.truth), batch.alone.numpy(), 1.0)
    found = Anchor(anchor_weight=anchor, blind_weight=blind).loss(batch)
    assert float(found.detach()) == pytest.approx(expected, rel=1e-3, abs=5e-3)


def test_the_anchor_is_nothing_where_nothing_moved_or_nobody_is_raw() -> None:
    batch = seen(1)
    still = replace(batch, start=tuple(own.detach()[batch.anchored] for own in batch.features))
    assert float(Anchor(blind_weight=0).loss(still).detach()) == 0
    nobody = replace(batch, anchored=torch.zeros_like(batch.anchored), start=())
    assert float(Anchor(blind_weight=0).loss(nobody).detach()) == 0


@settings(deadline=None, max_examples=20)
@given(seed=SEEDS, weight=st.floats(0, 5), step=st.integers(0, 9))
def test_the_probes_formula(seed: int, weight: float, step: int) -> None:
    batch, strength = seen(seed, step=step), 0.1 if step % 2 else 1.0
    told = numbers(batch.truth), batch.alone.numpy(), strength
    expected = rho(numbers(batch.logits), *told)
    expected += 0.5 * rho(numbers(batch.features[1]), *told) + rho(numbers(batch.features[2]), *told)
    found = Probe(probe_weight=weight, probe_fourier=0).loss(batch)
    assert float(found.detach()) == pytest.approx(weight * expected, rel=1e-3, abs=2e-2)
    drawn = numbers(fourier(standardised(batch.features[2], batch.alone), 16, batch.seed))
    more = Probe(probe_weight=weight, probe_fourier=16).loss(batch)
    assert float(more.detach()) == pytest.approx(weight * (expected + rho(drawn, *told)), rel=1e-3, abs=2e-2)


def test_a_reader_that_is_not_linear_sees_a_ring() -> None:
    """Class 1 lies around class 0: no linear reader can tell, the random features can."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 2
    directions = torch.nn.functional.normalize(torch.randn(200, 2, generator=generator))
    ring = directions * (0.3 + 2 * labels[:, None]) + 0.05 * torch.randn(200, 2, generator=generator)
    truth, together = torch.eye(2)[labels], torch.zeros(200, dtype=torch.bool)
    columns = standardised(ring, together)
    assert float(found_share(columns, truth, 0.1)) < 0.05
    drawn = standardised(fourier(columns, 64, 3), together)
    assert float(found_share(drawn, truth, 0.1)) > 0.6


def test_steps_against_the_probe_hide_the_classes_from_a_fresh_reader() -> None:
    """Four features are learnt from twelve, of which classes fill two dimensions; fresh images of the kind are read."""
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(CLASSES, 12, generator=generator)
    weight = torch.randn(12, 4, generator=generator).requires_grad_()
    optimiser = torch.optim.Adam([weight], lr=0.1)
    together, shares, base = torch.zeros(96, dtype=torch.bool), [], seen(0, 96)
    for step in range(60):
        labels = torch.randint(CLASSES, (96,), generator=generator)
        features = (means[labels] + torch.randn(96, 12, generator=generator)) @ weight
        truth = torch.eye(CLASSES)[labels]
        shares.append(float(found_share(standardised(features.detach(), together), truth, 0.1)))
        batch = replace(base, features=(features,), logits=features, truth=truth, alone=together, step=step)
        optimiser.zero_grad()
        Probe(probe_fourier=0).loss(batch).backward()
        optimiser.step()
    assert shares[0] > 0.5
    assert np.mean(shares[-10:]) < 0.05


@settings(deadline=None, max_examples=25)
@given(seed=SEEDS, weight=st.floats(0, 5), scale=st.floats(0.1, 100))
def test_the_unlikelihoods_formula(seed: int, weight: float, scale: float) -> None:
    random = np.random.default_rng(seed)
    truth = (random.random((24, 6)) < 0.4).astype(np.float32)
    logits = torch.tensor(random.normal(0, scale, truth.shape), dtype=torch.float32)
    powers = np.exp(numbers(logits) - numbers(logits).max(1, keepdims=True))
    expected = 0.0
    for power, true in zip(powers / powers.sum(1, keepdims=True), truth, strict=True):
        share, chance = min(float(power @ true), 0.999), min(float(true.mean()), 0.999)
        if share > chance:
            expected += -np.log((1 - share) / (1 - chance)) / len(truth)
    found = Unlikelihood(unlikelihood_weight=weight).loss(seen(seed, logits=logits, truth=torch.from_numpy(truth)))
    assert float(found) == pytest.approx(weight * expected, rel=1e-3, abs=1e-5)


def test_the_unlikelihood_pulls_at_true_classes_above_chance_alone() -> None:
    logits = torch.tensor([[4.0, 0, 0], [0, 4, 0], [0, 0, 0], [0, 0, 60]], requires_grad=True)
    batch = seen(0, 4, logits=logits, truth=torch.eye(3)[[0, 0, 0, 2]])
    Unlikelihood().loss(batch).backward()
    slopes = logits.grad
    assert slopes is not None
    assert slopes[0, 0] > 0 > slopes[0, 1]
    assert not slopes[1:3].any(), "another class leads, or none does"
    assert torch.isfinite(slopes).all()
    free = torch.zeros(2, 3, requires_grad=True)
    steps = torch.optim.SGD([free], lr=1.0)
    with torch.no_grad():
        free[:, 1] = 5
    for _ in range(200):
        steps.zero_grad()
        Unlikelihood().loss(seen(0, 2, logits=free, truth=torch.eye(3)[[1, 1]])).backward()
        steps.step()
    led = free.detach().softmax(1)[:, 1]
    assert float(led.max()) < 0.36, "to chance, and no further"
    assert float(led.min()) > 0.2


def test_the_registry_and_the_configuration() -> None:
    assert list_regularisers() == ["anchor", "probe", "unlikelihood"]
    assert make_regulariser("anchor", {"anchor_weight": 2.0}) == Anchor(anchor_weight=2.0)
    assert RegularisationConfig(regularisers=("probe", "anchor"), probe_weight=2.0, blind_weight=0.0).make() == (
        Probe(probe_weight=2.0),
        Anchor(blind_weight=0.0),
    )
    assert RegularisationConfig().make() == ()
    with pytest.raises(ConfigError, match="registered already"):
        register_regulariser("probe")(Probe)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"regularisers": ("anchr",)}, "no regulariser 'anchr'; did you mean anchor"),
        ({"regularisers": ("probe", "probe")}, "expected each once"),
        ({"regularisers": ("probe",), "anchor_weight": 1.0}, r"got anchor_weight, .* \(it belongs to anchor\)"),
        ({"probe_weight": 1.0}, "no regulariser in use has it"),
        ({"regularisers": ("probe",), "probe_weight": -1.0}, "probe_weight is -1.0, expected a number, 0 or more"),
        ({"regularisers": ("probe",), "probe_fourier": -1}, "probe_fourier is -1"),
        ({"regularisers": ("anchor",), "blind_weight": float("nan")}, "blind_weight is nan"),
        ({"regularisers": ("unlikelihood",), "unlikelihood_weight": -0.1}, "unlikelihood_weight is -0.1, expected"),
        ({"regularisers": ("probe",), "unlikelihood_weight": 1.0}, r"\(it belongs to unlikelihood\)"),
        ({"combination": "projektion"}, "no combination 'projektion'; did you mean projection"),
        ({"task_loss_limit": 1.0}, r"combination 'sum' has no option 'task_loss_limit' \(it belongs to projection\)"),
        ({"combination": "projection", "task_loss_limit": 0.0}, "task_loss_limit is 0.0, expected a number above 0"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as raised:
        RegularisationConfig(**settings)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)
