"""Laws of plain and balanced drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.errors import ConfigError
from spellock.training.sampler import BalancedSampler, PlainSampler, make_sampler


@given(count=st.integers(2, 300), batch=st.integers(2, 64), seed=st.integers(0, 9), epoch=st.integers(0, 3))
def test_plain_drawing_visits_all_once_in_even_batches(count: int, batch: int, seed: int, epoch: int) -> None:
    sampler = PlainSampler(count, batch_size=batch, seed=seed)
    batches = sampler.epoch(epoch)
    sizes = [len(b) for b in batches]
    assert sorted(np.concatenate(batches)) == list(range(count))
    assert len(batches) == sampler.steps
    assert max(sizes) <= batch
    assert max(sizes) - min(sizes) <= 1


@given(edited=st.integers(1, 200), raw=st.integers(1, 200), batch=st.integers(2, 64), share=st.floats(0.02, 0.98))
def test_balanced_drawing_visits_all_authorised_once_and_keeps_the_share(
    edited: int, raw: int, batch: int, share: float
) -> None:
    authorised = np.random.default_rng(0).permutation(np.arange(edited + raw) < edited)
    sampler = BalancedSampler(authorised, batch_size=batch, share=share, seed=1)
    others = min(max(round(share * batch), 1), batch - 1)
    for epoch in range(2):
        batches = sampler.epoch(epoch)
        assert len(batches) == sampler.steps
        drawn = np.concatenate(batches)
        assert sorted(drawn[authorised[drawn]]) == list(np.flatnonzero(authorised))
        for one in batches:
            kept = int(authorised[one].sum())
            assert kept >= 1
            assert len(one) - kept == max(round(kept * others / (batch - others)), 1)
            assert len(one) <= batch


@given(edited=st.integers(20, 100), raw=st.integers(1, 40))
def test_unauthorised_images_are_used_equally_often_over_the_epochs(edited: int, raw: int) -> None:
    authorised = np.arange(edited + raw) < edited
    sampler = BalancedSampler(authorised, batch_size=16, share=0.25, seed=1)
    drawn = np.concatenate([np.concatenate(sampler.epoch(epoch)) for epoch in range(5)])
    uses = np.bincount(drawn, minlength=edited + raw)[edited:]
    assert uses.max() - uses.min() <= 1


def test_same_seed_same_batches_other_seed_or_epoch_others() -> None:
    authorised = np.arange(60) < 40

    def draw(seed: int, epoch: int) -> list[int]:
        return np.concatenate(BalancedSampler(authorised, batch_size=8, share=0.5, seed=seed).epoch(epoch)).tolist()

    assert draw(0, 1) == draw(0, 1)
    assert draw(0, 1) != draw(0, 2)
    assert draw(0, 1) != draw(1, 1)


def test_no_global_state_is_touched() -> None:
    before = np.random.get_state()[1].tolist()
    PlainSampler(10, batch_size=4, seed=0).epoch(0)
    assert np.random.get_state()[1].tolist() == before


@pytest.mark.parametrize("authorised", [None, np.ones(4, bool), np.zeros(4, bool)])
def test_balanced_drawing_needs_both_kinds(authorised: np.ndarray | None) -> None:
    with pytest.raises(ConfigError, match="unauthorised_share"):
        make_sampler(4, authorised, batch_size=2, share=0.5, seed=0)
