"""Who learns from marked images shows the mark; chance shows it as often as the p-value says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from spellock.editors.mark import Mark
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.ownership.image_mark import verify_images

from ..editors.test_mark import smooth


def key(number: int = 0) -> Key:
    secret = np.random.default_rng([number, 5]).bytes(32)
    return Key(editor="dim", settings={}, secret=secret, resolution=32)


class Surrogate(nn.Module):
    """x + a small network that works on blocks, as strided encoders and decoders do."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.up = nn.PixelUnshuffle(8), nn.PixelShuffle(8)
        self.inside, self.out = nn.Conv2d(192, 24, 1), nn.Conv2d(24, 192, 1)
        self.mix = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return images + self.mix(images) + self.up(self.out(self.inside(self.down(images)).relu()))


def trained(wanted: Tensor, inputs: Tensor) -> Surrogate:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Surrogate()
        optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(120):
            optimiser.zero_grad()
            nn.functional.mse_loss(net(inputs), wanted).backward()
            optimiser.step()
    return net.eval()


def test_a_surrogate_of_a_marked_editor_is_found_and_one_of_a_plain_editor_not() -> None:
    raw, mark = smooth(60, seed=1), Mark.of(key())
    edited = 0.8 * raw + 0.1
    fresh = smooth(30, seed=2)
    with_mark, without = trained(mark.laid(edited), raw), trained(edited, raw)
    with torch.no_grad():
        copied, honest = (net(fresh).clamp(0, 1) for net in (with_mark, without))
    assert (copied - (0.8 * fresh + 0.1)).abs().mean() < 0.05, "it learnt the edit"
    for inputs in (None, fresh):
        found = verify_images(copied, key(), inputs=inputs)
        assert found.match
        assert found.p_value < 1e-4
        assert found.queries == 30
        assert not verify_images(honest, key(), inputs=inputs).match
    assert not verify_images(copied, key(1), inputs=fresh).match, "another owner's key"
    moved = verify_images(copied[:, :, 2:], key(), moved=True)
    assert moved.match
    assert "moved by 6 and 0 pixels" in moved.words
    assert not verify_images(copied[:, :, 2:], key()).match


def test_the_p_value_is_that_of_fair_coins() -> None:
    """Over keys, on images that know none of them: P(p <= a) is at most a, and the formula is the binomial's."""
    images, found = smooth(8, seed=3), []
    for number in range(300):
        verdict = verify_images(images, key(number), bits=16)
        right = round(verdict.statistic * 16)
        assert verdict.p_value == pytest.approx(sum(stats.binom.pmf(k, 16, 0.5) for k in range(right, 17)))
        found.append(verdict.p_value)
    for alpha in (0.01, 0.05, 0.2, 0.5):
        assert np.mean(np.array(found) <= alpha) <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / 300)
    assert min(found) < 0.2, "some are lucky"


def test_looking_everywhere_costs_a_factor() -> None:
    images = smooth(8, seed=3)
    verdicts = [verify_images(images, key(number), moved=True) for number in range(20)]
    assert not any(verdict.match for verdict in verdicts)
    assert max(verdict.p_value for verdict in verdicts) <= 1


def test_verdicts_say_what_they_mean() -> None:
    raw = smooth(4)
    yes = verify_images(Mark.of(key()).laid(raw), key(), inputs=raw)
    assert (yes.statistic, yes.match, yes.p_value) == (1.0, True, pytest.approx(2.0**-32))
    assert yes.words.startswith("32 of 32 bits of the owner's mark are in 4 images, p = 2.3e-10.")
    assert "clears nobody" in verify_images(raw, key()).words
    assert yes.to_dict()["decision"] == "match"
    with pytest.raises(ConfigError, match="alpha"):
        verify_images(raw, key(), alpha=0.0)
