"""Gradients find the text behind leaked images, typed or not, of a tiny editor and of the weave of a real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from spellock.attacks.budget import Budget
from spellock.attacks.hard_prompt import HardPrompt, nearest, projected
from spellock.attacks.inverting import Inversion
from spellock.attacks.leak_statistics import LeakStatistics, numbers
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.registry import make_attack
from spellock.attacks.view import AttackerView
from spellock.attacks.woven import leaked_weave, with_weave
from spellock.editors.weave import weave
from spellock.errors import ConfigError
from spellock.key import Key

from . import colours, tints

WANTED = tints.tint(torch.tensor([3, 17]))


def view(*, pairs: bool = True, count: int = 10, **changes: object) -> AttackerView:
    holdings = tints.leaked(count)
    if not pairs:
        del holdings["edited_raw"]
    given = {"editor": tints.public(), **holdings, **changes}
    return colours.view(colours.locked(before=tints.untinted), **given)


def painted(stolen: object) -> Tensor:
    """The tint that a stolen editor paints on black."""
    return stolen.shown(torch.zeros(1, 3, 8, 8)).mean((0, 2, 3))


def test_the_lock_holds_without_the_text() -> None:
    assert colours.argmax(colours.locked(before=tints.untinted)) < 0.7


def test_a_hard_prompt_is_found_from_ten_pairs(tmp_path: Path) -> None:
    attack = make_attack("hard-prompt", {"length": 2, "steps": 150, "learning_rate": 0.05})
    stolen = attack(view(), tmp_path)
    assert 1 <= len(stolen) <= 5
    scores = [one.found["score"] for one in stolen]
    assert scores == sorted(scores)
    assert stolen[0].guess is not None
    words = tints.TintWords(stolen[0].guess).tokens(str(stolen[0].guess.settings["prompt"]))
    assert len(words) == 2
    # A prompt that can be typed, and edits as it says.
    assert torch.allclose(painted(stolen[0]), tints.tint(words), atol=0.01)
    assert (tints.tint(words) - WANTED).abs().max() < 0.08
    assert colours.accuracy(stolen[0].predict) > 0.9
    assert str(stolen[0].guess.settings["prompt"]) not in repr(stolen)


@pytest.mark.parametrize("space", ["words", "states"])
def test_free_vectors_imitate_the_edit(space: str, tmp_path: Path) -> None:
    attack = make_attack("textual-inversion", {"space": space, "steps": 120})
    (stolen,) = attack(view(), tmp_path)
    assert torch.allclose(painted(stolen), WANTED, atol=0.03)
    assert colours.accuracy(stolen.predict) > 0.9
    assert stolen.guess is None


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("hard-prompt", {"length": 2, "steps": 150, "learning_rate": 0.05, "start": "dictionary"}),
        ("textual-inversion", {"space": "states", "steps": 150, "learning_rate": 0.02}),
    ],
)
def test_without_pairs_statistics_lead_there(name: str, options: dict[str, object]) -> None:
    stolen = make_attack(name, {**options, "pairs": False, "batch_size": 16})(view(pairs=False, count=40))
    assert (painted(stolen[0]) - WANTED).abs().max() < 0.1
    assert colours.accuracy(stolen[0].predict) > 0.9


def test_both_go_on_where_they_were_stopped(tmp_path: Path) -> None:
    for name, options in (("hard-prompt", {"length": 2}), ("textual-inversion", {"space": "states"})):
        whole = make_attack(name, {**options, "steps": 100})
        first = whole(view(budget=Budget(candidates=20)), tmp_path / name)[0]
        (path,) = (tmp_path / name).glob("*.safetensors")
        before = path.stat().st_mtime_ns
        again = whole(view(budget=Budget(candidates=20)), tmp_path / name)[0]
        assert path.stat().st_mtime_ns == before, "trained again"
        assert torch.equal(painted(first), painted(again))
        assert first.found == again.found


def test_budgets_and_needs() -> None:
    few = make_attack("hard-prompt", {"length": 2})(view(budget=Budget(steps=7, candidates=2)))
    assert few[0].found["steps"] == 7
    assert len(few) <= 2
    late = make_attack("textual-inversion")(view(budget=Budget(seconds=1e-6)))
    assert late[0].found["steps"] == 0
    for name in ("hard-prompt", "textual-inversion"):
        with pytest.raises(ConfigError, match="their raw ones"):
            make_attack(name)(view(pairs=False))
        with pytest.raises(ConfigError, match="expected one of denoising, pixels"):
            make_attack(name, {"loss": "words"})
    blind = PublicEditor(name="patch", settings={}, gamma=1.0, resolution=8, resize="bicubic", make=tints.make)
    with pytest.raises(ConfigError, match="no text encoder to look into"):
        make_attack("textual-inversion")(view(editor=blind))


@given(st.integers(0, 2**16))
def test_the_gradient_is_that_of_the_projected_point(seed: int) -> None:
    """Algorithm 1 of the paper written out: p' = Proj(p); p <- p - rate * dL/dp'."""
    draws = np.random.default_rng(seed)
    vocabulary, points = draws.normal(size=(7, 4)), draws.normal(size=(3, 4))
    mix = draws.normal(size=(3, 4))
    chosen = [min(range(7), key=lambda word: sum((p - vocabulary[word]) ** 2)) for p in points]
    hard = vocabulary[chosen]
    expected = points - 0.1 * (3 * hard**2 * mix)  # L = sum mix * p'^3
    free = torch.nn.Parameter(torch.from_numpy(points))
    tokens, vectors = projected(free, torch.from_numpy(vocabulary))
    assert tokens.tolist() == chosen == nearest(free, torch.from_numpy(vocabulary)).tolist()
    assert torch.equal(vectors.detach(), torch.from_numpy(hard))
    (torch.from_numpy(mix) * vectors**3).sum().backward()
    with torch.no_grad():
        moved = free - 0.1 * free.grad
    np.testing.assert_allclose(moved.numpy(), expected, atol=1e-9)


def test_pairs_are_unblended_before_they_are_explained() -> None:
    """x' = (1 - gamma) x + gamma G(x), so G(x) comes back but for rounding."""
    raw, _ = colours.pictures(6, seed=9)
    pixels = raw.float() / 255
    wanted = 0.25 * pixels + WANTED.view(1, 3, 1, 1)
    edited = ((0.6 * pixels + 0.4 * wanted) * 255).round().to(torch.uint8)
    editor = PublicEditor(
        name="tint", settings={}, gamma=0.4, resolution=8, resize="bicubic", make=tints.make, open=tints.TintWords
    )
    task = Inversion.of(
        colours.view(colours.locked(), editor=editor, edited=edited, edited_raw=raw), pairs=True, loss="pixels"
    )
    assert task.target is not None
    assert (task.target - wanted.clamp(0, 1)).abs().max() < 0.5 / 255 / 0.4 + 1e-6
    right, wrong = WANTED[None, None], WANTED[None, None] + 0.1
    assert task.score(right) < 1e-5
    assert task.score(wrong) == pytest.approx(float(((wanted + 0.1).clamp(0, 1) - task.target).square().mean()), 1e-4)


@pytest.mark.parametrize("pairs", [True, False])
def test_a_weave_is_read_off_leaked_images(pairs: bool) -> None:
    key = Key(editor="tint", settings={}, secret=bytes(range(32)), gamma=0.5, resolution=32)
    tile = 0.1 * weave(key, "with oil pastel", side=32)
    draws = np.random.default_rng(0)
    smooth = torch.nn.functional.interpolate(
        torch.from_numpy(draws.uniform(0.2, 0.8, (10, 3, 5, 5))).float(), (32, 32), mode="bicubic"
    ).clamp(0, 1)
    edited = 0.5 * smooth + 0.5 * (0.8 * smooth + 0.1 + tile).clamp(0, 1)
    raw, done = ((images * 255).round().to(torch.uint8) for images in (smooth, edited))
    editor = PublicEditor(
        name="tint", settings={"weave": 0.1}, gamma=0.5, resolution=32, resize="bicubic", make=tints.make
    )
    found = leaked_weave(colours.view(colours.locked(), editor=editor, edited=done, edited_raw=raw if pairs else None))
    assert found is not None
    assert torch.corrcoef(torch.stack([found.flatten(), tile.flatten()]))[0, 1] > 0.95
    assert found.square().mean().sqrt() == pytest.approx(0.1, abs=1e-4)
    woven = with_weave(editor, found).load(Key(**{**vars(key), "settings": {"prompt": "w1"}}))
    grey = torch.full((1, 3, 32, 32), 0.5)
    plain = editor.load(Key(**{**vars(key), "settings": {"prompt": "w1"}}))
    ids = ["a"]
    assert torch.allclose(woven.transform(grey, ids), (plain.transform(grey, ids) + found).clamp(0, 1))
    assert leaked_weave(view()) is None


def test_statistics_of_leaks_are_what_they_say() -> None:
    model = colours.locked(before=tints.untinted)
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    got = [group.detach().numpy() for group in numbers(images, model, ("mix",))]
    assert [group.shape for group in got] == [(5, 9), (5, 12), (5, 3)]
    for place, image in enumerate(images.numpy()):
        flat = image.reshape(3, -1)
        covariance = np.cov(flat, bias=True)[np.triu_indices(3)]
        np.testing.assert_allclose(got[0][place], np.concatenate([flat.mean(1), covariance]), atol=1e-5)
        power: dict[int, list[np.ndarray]] = {}
        spectrum = np.abs(np.fft.rfft2(255 * image)) ** 2 / 64
        for row in range(8):
            for column in range(5):
                ring = round(np.hypot(min(row, 8 - row), column))
                power.setdefault(ring, []).append(spectrum[:, row, column])
        means = np.stack([np.log(1 + np.mean(power[ring], axis=0)) for ring in range(1, 5)], axis=1)
        np.testing.assert_allclose(got[1][place], means.ravel(), rtol=1e-4)
    pool, right = colours.pictures(200, seed=1)[0].float() / 255, tints.leaked(40)["edited"].float() / 255
    leaks = LeakStatistics.of(model, pool, right)

    def edit(shift: float) -> Tensor:
        return (0.25 * pool + (WANTED + shift).view(1, 3, 1, 1)).clamp(0, 1)

    distances = [float(leaks.distance(pool, edit(shift)).detach()) for shift in (0.0, 0.1, 0.2)]
    assert distances[0] < 2
    assert 2 * distances[0] < distances[1] < distances[2]
    assert float(leaks.distance(pool, pool).detach()) > 10 * distances[0]


def test_a_negative_weight_decay_is_refused() -> None:
    assert HardPrompt(weight_decay=0.0).weight_decay == 0
    with pytest.raises(ConfigError, match=r"option weight_decay is -0\.5, expected 0 or"):
        HardPrompt(weight_decay=-0.5)


def test_leaked_images_are_looked_at_in_batches() -> None:
    """All at once through a large network they may be more than there is memory."""
    model, most = colours.locked(), []
    model.network.register_forward_pre_hook(lambda _, inputs: most.append(len(inputs[0])))
    images = torch.rand(300, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    leaks = LeakStatistics.of(model, images[:150], images)
    assert max(most) <= 128
    means = [one.mean(0) for one in numbers(images, model, leaks.stages)]
    before = [one.mean(0) for one in numbers(images[:150], model, leaks.stages)]
    for wanted, after, base in zip(leaks.wanted, means, before, strict=True):
        assert torch.allclose(wanted, after - base, atol=1e-5)
