"""RT-DETR: its losses and objects against the formulas written again, its weights under other names, and learning."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchvision.ops import generalized_box_iou

from spellock.errors import ModelError
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.models import create_model
from spellock.tasks.networks.mobilenet_v1 import MobileNetV1
from spellock.tasks.networks.rt_detr_names import canonical

from ..box_sets import squares

SIDE = 64


def _tiny(categories: int = 3, **settings: Any) -> DetectionModel:
    model = create_model("rtdetr_tiny", num_classes=categories, input_size=SIDE, **settings)
    assert isinstance(model, DetectionModel)
    return model


def _images(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def _heard(model: DetectionModel) -> list[Any]:
    """What transformers' model gives from now on."""
    heard: list[Any] = []
    detector: Any = model.network.detector
    detector.register_forward_hook(lambda module, arguments, output: heard.append(output))
    return heard


def _corners(boxes: torch.Tensor) -> torch.Tensor:
    x, y, width, height = boxes.unbind(-1)
    return torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], -1)


def test_losses_are_those_of_the_paper() -> None:
    model = _tiny().train()
    model.network.detector.config.num_denoising = 0  # type: ignore[union-attr]
    heard = _heard(model)
    boxes = torch.tensor([[4.0, 8.0, 30.0, 40.0], [20.0, 10.0, 60.0, 50.0]])
    labels = torch.tensor([2, 0])
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    losses = model(_images(), [{"boxes": boxes, "labels": labels}, empty])
    logits, places = heard[0].logits, heard[0].pred_boxes[0]
    truth, chance = boxes / SIDE, logits[0].sigmoid()[:, labels]
    # The least sum, over all ways to give each object a query of its own, of 2 focal + 5 L1 + 2 GIoU costs.
    focal = 0.25 * (1 - chance) ** 2 * -(chance + 1e-8).log() - 0.75 * chance**2 * -(1 - chance + 1e-8).log()
    centred = torch.stack([(truth[:, 0] + truth[:, 2]) / 2, (truth[:, 1] + truth[:, 3]) / 2,
                           truth[:, 2] - truth[:, 0], truth[:, 3] - truth[:, 1]], 1)  # fmt: skip
    apart = (places[:, None] - centred).abs().sum(2)
    overlap = generalized_box_iou(_corners(places), truth)
    cost = (2 * focal + 5 * apart - 2 * overlap).detach()
    best = min(permutations(range(len(places)), 2), key=lambda pair: float(cost[pair[0], 0] + cost[pair[1], 1]))
    rows, columns = torch.tensor(best), torch.arange(2)
    assert torch.allclose(losses["loss_bbox"], 5 * apart[rows, columns].sum() / 2, atol=1e-4)
    assert torch.allclose(losses["loss_giou"], 2 * (1 - overlap[rows, columns]).sum() / 2, atol=1e-4)
    # Varifocal: a matched query learns how well it overlaps, all else that it is nothing.
    low = torch.maximum(_corners(places)[rows, :2], truth[:, :2])
    high = torch.minimum(_corners(places)[rows, 2:], truth[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    iou = shared / (places[rows, 2:].prod(1) + (truth[:, 2:] - truth[:, :2]).prod(1) - shared)
    wanted, weight = torch.zeros_like(logits), 0.75 * logits.sigmoid() ** 2
    wanted[0, rows, labels] = weight[0, rows, labels] = iou
    chances = logits.sigmoid()
    entropy = -(wanted * chances.log() + (1 - wanted) * (1 - chances).log())
    assert torch.allclose(losses["loss_vfl"], (weight * entropy).sum() / 2, rtol=1e-3)
    assert {"loss_vfl_aux_0", "loss_vfl_aux_1"} <= losses.keys()  # the first layer's, and the encoder's choice


def test_images_without_any_object_teach_that_all_is_background() -> None:
    model = _tiny().train()
    heard = _heard(model)
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    losses = model(_images(), [empty, empty])
    chances = [one.sigmoid() for one in (*heard[0].intermediate_logits.unbind(1), heard[0].enc_topk_logits)]
    assert len(chances) == 3
    expected = torch.stack([(0.75 * one**2 * -(1 - one).log()).sum() for one in chances]).sum()
    assert torch.allclose(sum(losses.values()), expected, rtol=1e-3)
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)


def test_objects_are_those_of_transformers_own_reading() -> None:
    from transformers import RTDetrImageProcessor

    model = _tiny().eval().without([], least_score=0.0)
    heard = _heard(model)
    with torch.inference_mode():
        found = model(list(_images()))
    reader = RTDetrImageProcessor()
    theirs = reader.post_process_object_detection(heard[0], threshold=0.0, target_sizes=[(SIDE, SIDE)] * 2)
    for ours, other in zip(found, theirs, strict=True):
        count = len(other["scores"])  # transformers gives as many as there are queries, we up to 100
        assert count == 50
        assert len(ours.scores) == 100
        assert np.allclose(ours.scores[:count], other["scores"].numpy())
        assert np.array_equal(ours.labels[:count], other["labels"].numpy())
        assert np.allclose(ours.boxes[:count], other["boxes"].clamp(0, SIDE).numpy(), atol=1e-4)


def test_a_dropped_category_does_not_choose_where_to_look() -> None:
    model = _tiny().eval()
    heard = _heard(model)
    with torch.inference_mode():
        model(list(_images()))
        model.without([1])(list(_images()))
    before, after = (one.enc_outputs_class for one in heard)
    assert torch.equal(before[..., [0, 2]], after[..., [0, 2]])
    assert float(after[..., 1].max()) == -1e4


def test_files_of_other_versions_of_transformers_fit(tmp_path: Path) -> None:
    model = _tiny(seed=1)
    own = model.network.state_dict()
    older = {name.removeprefix("detector."): tensor for name, tensor in own.items()}
    for new, old in (("encoder.aifi", "encoder.encoder"), ("o_proj", "out_proj"), (".mlp.fc", ".fc")):
        older = {name.replace(new, old): tensor for name, tensor in older.items()}
    assert older.keys() != {name.removeprefix("detector.") for name in own}
    save_file(older, tmp_path / "older.safetensors")
    again = _tiny(weights=tmp_path / "older.safetensors").network.state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in own.items())
    fresh = _tiny(seed=2).network
    fresh.load_state_dict(older)
    assert all(torch.equal(tensor, fresh.state_dict()[name]) for name, tensor in own.items())
    wider = create_model("rtdetr_tiny", num_classes=4, input_size=SIDE, weights=tmp_path / "older.safetensors")
    state = wider.network.state_dict()
    assert state["detector.model.enc_score_head.weight"].shape[0] == 4
    name = "detector.model.decoder.layers.1.encoder_attn.value_proj.weight"
    assert torch.equal(state[name], own[name])
    with pytest.raises(ModelError, match="other categories"):
        _tiny(4, weights=tmp_path / "older.safetensors", strict_head=True)


def test_one_name_for_each_part() -> None:
    assert canonical("class_embed.0.bias") == canonical("model.decoder.class_embed.0.bias")
    assert canonical("detector.model.encoder.aifi.0.layers.0.mlp.fc1.bias") == "encoder.encoder.0.layers.0.fc1.bias"
    assert canonical("model.decoder.bbox_embed.0.layers.2.bias") == "decoder.bbox_embed.0.layers.2.bias"
    names = [canonical(name) for name in _tiny().network.state_dict()]
    assert len(names) == len(set(names))


def test_a_classifiers_weights_start_the_backbone(tmp_path: Path) -> None:
    body = MobileNetV1(width=0.25, num_classes=10)
    save_file(body.state_dict(), tmp_path / "body.safetensors")
    model = create_model("rtdetr_mobilenet_v1_0.25", num_classes=2, weights=tmp_path / "body.safetensors")
    state = model.network.state_dict()
    name = "detector.model.backbone.body.blocks.3.pw.weight"
    assert torch.equal(state[name], body.state_dict()["blocks.3.pw.weight"])


def test_frozen_statistics_stay() -> None:
    model = create_model("rtdetr_resnet18", num_classes=2, input_size=SIDE, options={"norm": "frozen"}).train()
    backbone: Any = model.network.detector.model.backbone  # type: ignore[union-attr]
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items() if "running" in name}
    assert before
    model.network([one for one in _images()])  # type: ignore[operator]
    assert all(torch.equal(tensor, backbone.state_dict()[name]) for name, tensor in before.items())


def test_names_fit_the_published_models() -> None:
    from transformers import RTDetrConfig, RTDetrForObjectDetection

    from spellock.tasks.networks.make_rt_detr import make_rt_detr

    with torch.device("meta"):
        ours = make_rt_detr("resnet50", 80, 640, norm="batch").detector.state_dict()
        theirs = RTDetrForObjectDetection(RTDetrConfig(num_labels=80, freeze_backbone_batch_norms=False)).state_dict()
    assert {name: one.shape for name, one in ours.items()} == {name: one.shape for name, one in theirs.items()}


def test_sides_that_do_not_halve_are_refused() -> None:
    with pytest.raises(ModelError, match="multiple of 32"):
        create_model("rtdetr_tiny", num_classes=2, input_size=80)


def test_it_learns_where_the_squares_are() -> None:
    torch.manual_seed(0)
    data = squares(4)
    model = _tiny(len(data.classes)).train()
    images = torch.stack([torch.tensor(np.array(data.open(place))) for place in range(4)]).permute(0, 3, 1, 2) / 255
    targets = [{"boxes": torch.tensor(one.boxes), "labels": torch.tensor(one.labels)} for one in data.labels]
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    totals = []
    for _ in range(12):  # images of 48 x 64 are stretched to the model's square
        loss = torch.stack(list(model(images, targets).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        totals.append(loss.item())
    assert np.mean(totals[-3:]) < 0.85 * np.mean(totals[:3])
