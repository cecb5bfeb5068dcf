"""Figures over several draws of labelled images: their intervals hold the truth as often as they say."""

from __future__ import annotations

import numpy as np

from spellock.evaluation.accuracy import proportion
from spellock.evaluation.attack_figures import difference_of_draws, mean_of_draws


def test_intervals_over_draws_hold_the_truth() -> None:
    """Images differ in how hard they are for every draw; over all images both attacks are right half of the time."""
    world = np.random.default_rng(3)
    held = np.zeros(2)
    for _ in range(60):
        hard, lucky = world.normal(0, 2, 200), world.normal(0, 0.1, (5, 1))
        first, second = (
            world.random((5, 200)) < 1 / (1 + np.exp(-(lucky + hard + world.normal(0, 1.5, 200)))) for _ in range(2)
        )
        mean, gap = mean_of_draws(first, 0), difference_of_draws(first, second, 0)
        held += [mean.low <= 0.5 <= mean.high, gap.low <= 0 <= gap.high]
    assert (held / 60 >= 0.88).all(), held / 60


def test_draws_that_agree_keep_the_chance_of_the_images() -> None:
    hits = np.random.default_rng(0).random(400) < 0.2
    alike, single = mean_of_draws(np.stack([hits] * 4), 0), proportion(hits)
    assert alike.value == single.value
    assert abs((alike.high - alike.low) / (single.high - single.low) - 1) < 0.15
