"""FastestDet's backbone: its shuffle, its colours, and its published weights in a detector."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from spellock.tasks.detectors import create_detector
from spellock.tasks.models import create_model
from spellock.tasks.networks.shufflenet_body import ShuffleNetBody

_SHARED = Path(__file__).parents[3] / "shared" / "data" / "weights"


def _body() -> ShuffleNetBody:
    torch.manual_seed(0)
    return ShuffleNetBody().eval()


def test_maps_halve_and_widen() -> None:
    maps = _body()(torch.rand(1, 3, 64, 96))
    assert {name: tuple(one.shape) for name, one in maps.items()} == {
        "8": (1, 48, 8, 12),
        "16": (1, 96, 4, 6),
        "32": (1, 192, 2, 3),
    }
    assert sum(one.numel() for one in _body().parameters()) / 1e6 == pytest.approx(0.15, abs=0.01)


def test_every_second_channel_passes_a_block_unchanged() -> None:
    block = _body().get_submodule("stage3.1")
    x = torch.rand(2, 96, 4, 4)
    # Shuffled as in the paper: two groups, transposed; here those of even number come first.
    groups = x.view(2, 48, 2, 4, 4).transpose(1, 2)
    made = block(x)
    assert torch.equal(made[:, :48], groups[:, 0])
    assert torch.equal(made[:, 48:], block.get_submodule("branch_main")(groups[:, 1]))


def test_blue_comes_first() -> None:
    body, image = _body(), torch.rand(1, 3, 32, 32)
    seen: list[torch.Tensor] = []
    body.first_conv.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    body(image)
    assert torch.equal(seen[0][:, 0], image[:, 2])


@pytest.mark.parametrize("name", ["fasterrcnn_fastestdet", "maskrcnn_fastestdet", "retinanet_fastestdet"])
def test_a_new_detector_has_seen_no_image(name: str) -> None:
    model = create_detector(name, num_classes=2, input_size=64)
    norms = [one for one in model.network.modules() if isinstance(one, nn.BatchNorm2d)]
    assert norms
    for norm in norms:
        assert norm.training
        assert norm.num_batches_tracked == 0
        assert torch.equal(norm.running_var, torch.ones_like(norm.running_var))


@pytest.mark.parametrize("name", ["fasterrcnn_fastestdet", "rtdetr_fastestdet"])
def test_a_backbone_or_the_backbone_of_a_detector_is_taken(name: str, tmp_path: Path) -> None:
    state = _body().state_dict()
    save_file(state, tmp_path / "body.safetensors")
    whole = {f"backbone.{key}": value for key, value in state.items()} | {"reg_layers.weight": torch.ones(4, 96)}
    save_file(whole, tmp_path / "whole.safetensors")
    for file in ("body.safetensors", "whole.safetensors"):
        model = create_model(name, num_classes=2, weights=tmp_path / file, input_size=64)
        own = model.network.state_dict()
        place = next(key for key in own if key.endswith("backbone.body.stage4.2.branch_main.3.weight"))
        assert torch.equal(own[place], state["stage4.2.branch_main.3.weight"])
        assert model.options == {"norm": "frozen"}
        assert (model.mean_std[0], model.input_size) == ((0.0, 0.0, 0.0), 64)


@pytest.mark.parametrize("file", ["fastestdet_shufflenetv2_backbone.pth", "fastestdet_coco.pth"])
def test_published_weights_fit(file: str) -> None:
    if not (_SHARED / file).is_file():
        pytest.skip("needs the published weights beside the project")
    model = create_model("fasterrcnn_fastestdet", num_classes=2, weights=_SHARED / file, input_size=64)
    found = torch.load(_SHARED / file, weights_only=True, map_location="cpu")
    weight = found.get("first_conv.0.weight", found.get("backbone.first_conv.0.weight"))
    assert torch.equal(model.network.state_dict()["backbone.body.first_conv.0.weight"], weight)
