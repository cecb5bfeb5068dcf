"""Detectors by name, their weights and folders, and what is left when a category is dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from spellock.errors import ModelError, PixelError
from spellock.tasks.checkpoint import load_model, save_model
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.detectors import KINDS, list_detectors
from spellock.tasks.models import create_model
from spellock.tasks.networks.mobilenet_v1 import MobileNetV1
from spellock.tasks.published_detectors import published_weights


def _tiny(kind: str = "fasterrcnn", num_classes: int = 2) -> DetectionModel:
    model = create_model(f"{kind}_tiny", num_classes=num_classes, input_size=64)
    assert isinstance(model, DetectionModel)
    return model.eval()


def _output(model: DetectionModel, seed: int = 0) -> dict[str, torch.Tensor]:
    """What the network itself says of one image, before it is made into `Detections`."""
    image = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        found = model([image])[0]
    return {name: torch.from_numpy(getattr(found, name)) for name in ("boxes", "labels", "scores")}


def test_names_fit_torchvisions_own_detectors() -> None:
    from torchvision.models import detection

    for name, make in (
        ("maskrcnn_resnet50_fpn", detection.maskrcnn_resnet50_fpn),
        ("fasterrcnn_mobilenet_v3_large_fpn", detection.fasterrcnn_mobilenet_v3_large_fpn),
        ("retinanet_resnet50_fpn", detection.retinanet_resnet50_fpn),
    ):
        with torch.device("meta"):
            theirs = make(weights=None, weights_backbone=None, num_classes=4).state_dict()
        with torch.device("meta"):
            from spellock.tasks.detectors import _build

            kind, _, backbone = name.removesuffix("_fpn").partition("_")
            ours = _build(kind, backbone, 3, 800, norm="batch").state_dict()
        assert {key: value.shape for key, value in ours.items()} == {key: v.shape for key, v in theirs.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_folders_give_the_same_detector(kind: str, tmp_path: Path) -> None:
    model = _tiny(kind)
    save_model(model, tmp_path / "model", classes=["a", "b"], lock_class=1, task="detection")
    loaded = load_model(tmp_path / "model")
    assert isinstance(loaded.model, DetectionModel)
    assert loaded.task.name == "detection"
    assert (loaded.lock_class, loaded.model.has_masks) == (1, kind == "maskrcnn")
    model.network.load_state_dict(loaded.model.network.state_dict())
    for name, tensor in _output(loaded.model).items():
        assert torch.equal(tensor, _output(model)[name])


def test_pixels_are_normalised_by_the_model_and_checked() -> None:
    model = _tiny()
    with pytest.raises(PixelError, match="divide by 255"):
        model([torch.full((3, 64, 64), 200.0)])
    seen = []
    model.network.transform.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0][0]))  # type: ignore[union-attr]
    with torch.inference_mode():
        model([torch.full((3, 40, 64), 0.75)])
    assert torch.allclose(seen[0], torch.full((3, 64, 64), 0.5))  # the small backbones take pixels in [-1, 1]


@pytest.mark.parametrize("kind", ["fasterrcnn", "retinanet", "rtdetr"])
def test_a_dropped_category_is_never_named_and_all_else_comes_through(kind: str) -> None:
    model = _tiny(kind, num_classes=3)
    before = _output(model.without([], least_score=0.0))
    bare = model.without([1], least_score=0.0)
    after = _output(bare)
    assert (before["labels"] == 1).any()
    assert not (after["labels"] == 1).any()
    assert len(after["labels"]) == len(before["labels"])  # others took the room
    # The model itself is untouched.
    assert torch.equal(_output(model.without([], least_score=0.0))["scores"], before["scores"])


def test_training_sees_what_detection_sees() -> None:
    """Larger pictures are smoothed as they shrink, in both, and objects shrink along."""
    model = create_model("maskrcnn_tiny", num_classes=2, input_size=32)
    pixels: list[torch.Tensor] = []
    targets: list[dict[str, torch.Tensor]] = []
    model.network.backbone.register_forward_pre_hook(lambda _, given: pixels.append(given[0].clone()))
    model.network.register_forward_pre_hook(lambda _, given: targets.extend(given[1] if len(given) > 1 else ()))
    images = torch.rand(2, 3, 96, 64)
    masks = torch.zeros(1, 96, 64, dtype=torch.uint8)
    masks[:, 30:60, 10:20] = 1
    some = {"boxes": torch.tensor([[10.0, 30.0, 20.0, 60.0]]), "labels": torch.tensor([1]), "masks": masks}
    none = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long), "masks": masks[:0]}
    model.train()(images, [some, none])
    with torch.inference_mode():
        model.eval()(images)
    assert torch.equal(pixels[0], pixels[1])
    assert targets[0]["boxes"].tolist() == [[5.0, 10.0, 10.0, 20.0]]
    assert targets[0]["labels"].tolist() == [2]
    wanted = torch.zeros(32, 32, dtype=torch.uint8)
    wanted[10:20, 5:10] = 1
    assert torch.equal(targets[0]["masks"][0], wanted)
    assert targets[1]["masks"].shape == (0, 32, 32)


def test_dropping_is_a_softmax_over_the_rest() -> None:
    model = _tiny(num_classes=3)
    features = torch.rand(5, 128)
    plain = model.network.roi_heads.box_predictor.cls_score(features)  # type: ignore[union-attr,operator]
    bare = model.without([2]).network.roi_heads.box_predictor.cls_score(features)  # type: ignore[union-attr,operator]
    rest = plain[:, :3].softmax(1)
    assert torch.allclose(bare.softmax(1)[:, :3], rest, atol=1e-6)
    assert bare.softmax(1)[:, 3].max() == 0


def test_weights_of_a_backbone_or_of_a_whole_detector_are_taken(tmp_path: Path) -> None:
    body = MobileNetV1(width=0.25, num_classes=10)
    save_file(body.state_dict(), tmp_path / "body.safetensors")
    name = "fasterrcnn_mobilenet_v1_0.25"
    model = create_model(name, num_classes=2, weights=tmp_path / "body.safetensors")
    state = model.network.state_dict()
    assert torch.equal(state["backbone.body.blocks.3.pw.weight"], body.state_dict()["blocks.3.pw.weight"])
    save_file(state, tmp_path / "whole.safetensors")
    other = create_model(name, num_classes=3, weights=tmp_path / "whole.safetensors").network.state_dict()
    assert torch.equal(other["rpn.head.cls_logits.weight"], state["rpn.head.cls_logits.weight"])
    assert other["roi_heads.box_predictor.cls_score.weight"].shape[0] == 4
    with pytest.raises(ModelError, match="other categories"):
        create_model(name, num_classes=3, weights=tmp_path / "whole.safetensors", strict_head=True)
    with pytest.raises(ModelError, match="of another"):
        create_model("fasterrcnn_tiny", num_classes=2, weights=tmp_path / "whole.safetensors")
    with pytest.raises(ModelError, match="of another"):
        create_model("fasterrcnn_mobilenet_v1_0.5", num_classes=2, weights=tmp_path / "body.safetensors")


class Published:
    """Stands in for torchvision's entry of a file to be fetched."""

    def __init__(self, state: dict[str, torch.Tensor] | None) -> None:
        self.state = state

    def get_state_dict(self, **_: object) -> dict[str, torch.Tensor]:
        if self.state is None:
            raise OSError("no network")
        return self.state


def test_published_weights_are_taken_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    state = torchvision.models.resnet18().state_dict()

    def get(name: str) -> Published:
        asked.append(name)
        return Published(state)

    monkeypatch.setattr(torchvision.models, "get_weight", get)
    model = create_model("fasterrcnn_resnet18", num_classes=2, input_size=64, pretrained=True)
    assert asked == ["ResNet18_Weights.DEFAULT"]
    assert torch.equal(
        model.network.state_dict()["backbone.body.layer1.0.conv1.weight"], state["layer1.0.conv1.weight"]
    )
    assert model.options["norm"] == "frozen"
    for name in ("maskrcnn_resnet50_fpn", "maskrcnn_mobilenet_v3_large"):
        published_weights(name)
    assert asked[1:] == ["MaskRCNN_ResNet50_FPN_Weights.DEFAULT", "MobileNet_V3_Large_Weights.DEFAULT"]
    assert all(hasattr(torchvision.models.detection, name.split(".")[0]) for name in asked[1:2])
    monkeypatch.setattr(torchvision.models, "get_weight", lambda name: Published(None))
    with pytest.raises(ModelError, match="check the network, or pass a local file"):
        published_weights("fasterrcnn_resnet18")
    with pytest.raises(ModelError, match="no published weights"):
        published_weights("rtdetr_resnet18")


def test_a_folder_can_be_trained_on_with_other_categories(tmp_path: Path) -> None:
    model = _tiny()
    save_model(model, tmp_path / "model", classes=["a", "b"], task="detection")
    other = create_model(tmp_path / "model", num_classes=3)
    assert isinstance(other, DetectionModel)
    own, before = other.network.state_dict(), model.network.state_dict()
    assert torch.equal(own["backbone.body.stages.0.0.weight"], before["backbone.body.stages.0.0.weight"])
    assert own["roi_heads.box_predictor.cls_score.weight"].shape[0] == 4 == other.num_classes + 1


def test_what_does_not_exist_is_named() -> None:
    assert "maskrcnn_resnet101" in list_detectors()
    with pytest.raises(ModelError, match="fasterrcnn_resnet50"):
        create_model("fasterrcnn_resnet51", num_classes=2)
    with pytest.raises(ModelError, match="norm to be one of"):
        create_model("fasterrcnn_tiny", num_classes=2, options={"norm": "none"})
    with pytest.raises(ModelError, match="no published weights to fetch"):
        create_model("fasterrcnn_tiny", num_classes=2, pretrained=True)
    with pytest.raises(ModelError, match="at least 1 and 32"):
        create_model("fasterrcnn_tiny", num_classes=2, input_size=8)
    with pytest.raises(ModelError, match="no targets"):
        _tiny().train()(torch.rand(1, 3, 64, 64))


@pytest.mark.parametrize("name", ["retinanet_tiny", "rtdetr_tiny"])
def test_random_weights_come_from_the_seed_alone(name: str) -> None:
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    one, two = (
        create_model(name, num_classes=2, seed=1),
        create_model(name, num_classes=2, seed=1),
    )
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, tensor in one.network.state_dict().items():
        assert torch.equal(tensor, two.network.state_dict()[name])


def test_a_detector_detects_outside_of_inference_mode() -> None:
    model, image = _tiny("maskrcnn"), torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model(image)[0]
    assert np.array_equal(model(image)[0].boxes, expected.boxes)


def test_a_detector_from_elsewhere_comes_back_as_one(tmp_path: Path) -> None:
    settings = {"num_classes": 2, "input_size": 64, "mean": (0.1, 0.2, 0.3), "std": (1.0, 1.0, 1.0)}
    model = DetectionModel(_tiny().network, **settings).eval()  # type: ignore[arg-type]
    save_model(model, tmp_path / "own", classes=["a", "b"], task="detection", lock_class=1)
    loaded = load_model(tmp_path / "own", network=_tiny().network).model
    assert isinstance(loaded, DetectionModel)
    assert (loaded.num_classes, loaded.mean_std) == (2, model.mean_std)
    assert torch.equal(_output(loaded)["boxes"], _output(model)["boxes"])
