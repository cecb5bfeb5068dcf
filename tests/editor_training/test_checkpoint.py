"""The state of an editor's training comes back as it was, memory order included, from a file without a pickle."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

from spellock.editor_training.checkpoint import load_checkpoint, save_checkpoint
from spellock.errors import ModelError, StorageError


def trained(steps: int, resume: Path | None = None, save: Path | None = None) -> list[torch.Tensor]:
    """Weights of a small network after ``steps`` of AdamW, from the start or from the checkpoint ``resume``."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.1, betas=(0.9, 0.98))
    start = 0
    if resume is not None and (state := load_checkpoint(resume)) is not None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        start = state["step"]
    for step in range(start, steps):
        images = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        network(images).square().mean().backward()
        optimiser.step()
    if save is not None:
        save_checkpoint(save, {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "step": steps})
    return [value.clone() for value in network.state_dict().values()]


def test_training_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "state.ckpt"
    trained(3, save=path)
    whole, resumed = trained(6), trained(6, resume=path)
    assert all(torch.equal(first, second) for first, second in zip(whole, resumed, strict=True))
    assert not torch.equal(whole[0], trained(3)[0])
    with safe_open(path, framework="pt") as file:
        assert file.keys()


def test_values_types_and_memory_order_come_back(tmp_path: Path) -> None:
    image = torch.rand(1, 3, 4, 5).to(memory_format=torch.channels_last)
    state = {"image": image, "list": [image[0, 0], 1.5, None], "numbers": {0: {"step": torch.tensor(3)}, 1: "x"}}
    save_checkpoint(tmp_path / "x.ckpt", state)
    found = load_checkpoint(tmp_path / "x.ckpt")
    assert found is not None
    assert torch.equal(found["image"], image)
    assert found["image"].stride() == image.stride()
    assert torch.equal(found["list"][0], image[0, 0])
    assert found["list"][1:] == [1.5, None]
    assert found["numbers"] == {0: {"step": torch.tensor(3)}, 1: "x"}


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path / "none.ckpt") is None
    torch.save({"step": 1}, tmp_path / "old.ckpt")
    (tmp_path / "junk.ckpt").write_bytes(b"junk")
    for name in ("old", "junk"):
        with pytest.raises(ModelError, match=r"remove it to start that part again"):
            load_checkpoint(tmp_path / f"{name}.ckpt")
    with pytest.raises(StorageError, match="cannot write"):
        save_checkpoint(tmp_path / "nowhere" / "x.ckpt", {})
