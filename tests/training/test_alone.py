"""Images that pass through the model by themselves: BatchNorm sees nothing else, and keeps nothing of them."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import training_toy as toy
from torch import nn

from spellock.errors import ConfigError, DataError
from spellock.training.alone import choose_alone, forward_apart, has_batch_statistics
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import finetune

CONFIG = FinetuneConfig(epochs=1, batch_size=16, unauthorised_share=0.5, alone_share=0.5, precision="fp32")


def test_two_passes_and_running_statistics_of_the_first() -> None:
    model = toy.model()
    model.train()
    expected, pixels = copy.deepcopy(model), torch.rand(10, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    alone = np.array([0, 1, 0, 0, 1, 1, 0, 0, 1, 0], dtype=bool)
    logits = forward_apart(model, pixels, alone, model).joined()
    rest = expected(pixels[~alone])
    kept = copy.deepcopy(expected.state_dict())
    apart = expected(pixels[alone])
    assert torch.equal(logits[~alone], rest)
    assert torch.equal(logits[alone], apart)
    assert not torch.allclose(logits, copy.deepcopy(expected)(pixels), atol=1e-3), "one pass gives something else"
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, kept[name]), name
    logits.square().mean().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in model.parameters())


def test_none_alone_is_one_plain_pass() -> None:
    model, pixels = toy.model().train(), torch.rand(6, 3, 12, 12)
    expected = copy.deepcopy(model)(pixels)
    assert torch.equal(forward_apart(model, pixels, np.zeros(6, dtype=bool), model).joined(), expected)


@pytest.mark.parametrize(
    ("unauthorised", "candidates", "share", "chosen"),
    [
        ("00001111", "00001111", 0.5, "00001100"),
        ("00001111", "00000111", 0.5, "00000110"),
        ("00001111", "11110000", 0.5, "00000000"),
        ("00001111", "00001111", 0.25, "00000000"),
        ("11111111", "11111111", 0.9, "00000000"),
        ("00111111", "00111111", 0.9, "00111110"),
    ],
)
def test_the_first_candidates_go_alone_but_never_one_image(unauthorised, candidates, share, chosen) -> None:
    marks = [np.array([letter == "1" for letter in text]) for text in (unauthorised, candidates)]
    assert "".join(str(int(one)) for one in choose_alone(*marks, share)) == chosen


def test_which_models_it_matters_for() -> None:
    assert has_batch_statistics(toy.model())
    assert not has_batch_statistics(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)))


def train(out: Path, model: nn.Module, config: FinetuneConfig, **more: object) -> list[torch.Tensor]:
    finetune(
        model, toy.images(), toy.labels(), toy.TASK, config, out, authorised=toy.authorised(), **more  # type: ignore[arg-type]
    )  # fmt: skip
    return [tensor.clone() for tensor in model.state_dict().values()]


def test_training_uses_it_and_a_batch_without_raw_images_stays_whole(tmp_path: Path) -> None:
    raw = ~toy.authorised()
    plain = train(tmp_path / "plain", toy.model(), replace(CONFIG, alone_share=0.0))
    apart = train(tmp_path / "apart", toy.model(), CONFIG, raw=raw)
    nobody = train(tmp_path / "nobody", toy.model(), CONFIG, raw=np.zeros_like(raw))
    assert not all(torch.equal(one, other) for one, other in zip(plain, apart, strict=True))
    assert all(torch.equal(one, other) for one, other in zip(plain, nobody, strict=True))


def test_it_must_be_said_which_images_are_raw(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="which are raw"):
        train(tmp_path / "a", toy.model(), CONFIG)
    with pytest.raises(DataError, match="raw: got bool of shape"):
        train(tmp_path / "b", toy.model(), CONFIG, raw=np.zeros(3, dtype=bool))
    with pytest.raises(ConfigError, match="alone_share=1"):
        replace(CONFIG, alone_share=1.0)
