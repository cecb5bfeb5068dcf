"""Training on boxes and masks: flips, steps, resuming, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from spellock.data.annotation import as_labels
from spellock.errors import ConfigError, DataError, ModelError
from spellock.tasks.detection_learner import DetectionLearner
from spellock.tasks.models import create_model
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import finetune
from spellock.training.set_batches import SetLearner, bind, flip, set_loss

from ..box_sets import squares

IMAGES = squares(6, size=(64, 64))
PIXELS = np.stack([np.asarray(IMAGES.open(index)) for index in range(6)])
CONFIG = FinetuneConfig(epochs=2, batch_size=3, learning_rate=1e-3, warmup_epochs=0)


def _run(out: Path, config: FinetuneConfig, name: str = "retinanet_tiny") -> dict[str, torch.Tensor]:
    model = create_model(name, num_classes=2, input_size=64)
    finetune(model, PIXELS, IMAGES.labels, DetectionLearner(categories=2), config, out, device="cpu")
    return model.network.state_dict()


def test_a_flip_carries_boxes_and_masks_along() -> None:
    objects = {
        "boxes": torch.tensor([[1.0, 2, 4, 6]]),
        "labels": torch.tensor([1]),
        "masks": torch.zeros(1, 8, 10, dtype=torch.uint8),
    }
    objects["masks"][0, 2:6, 1:4] = 1
    turned = flip(objects, 10)
    assert turned["boxes"].tolist() == [[6, 2, 9, 6]]
    rows, columns = torch.where(turned["masks"][0] == 1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 5, 6, 8)
    assert all(torch.equal(flip(turned, 10)[name], objects[name]) for name in objects)


def test_half_of_a_batch_is_flipped_with_its_boxes() -> None:
    learner = DetectionLearner(categories=2).bound(IMAGES.labels, 6)
    assert isinstance(learner, SetLearner)
    pixels = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255
    seen: list[tuple[torch.Tensor, list[dict[str, torch.Tensor]]]] = []

    class Spy(torch.nn.Module):
        def forward(self, images: torch.Tensor, objects: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
            seen.append((images, objects))
            return {"one": images.sum() * 0 + 1, "two": images.sum() * 0 + 2}

    loss = set_loss(learner, Spy(), pixels, np.arange(6), CONFIG, torch.Generator().manual_seed(0))
    assert float(loss) == 3
    images, objects = seen[0]
    turned = [not torch.equal(image, before) for image, before in zip(images, pixels, strict=True)]
    assert 0 < sum(turned) < 6
    for image, one in zip(images, objects, strict=True):
        for box, label, mask in zip(one["boxes"].long().tolist(), one["labels"].tolist(), one["masks"], strict=True):
            left, top, right, bottom = box
            # A square is bright in its own colour, and a later one may lie over an earlier.
            assert mask[top:bottom, left:right].all()
            assert image[:2, top:bottom, left:right].amax(0).min() > 0.8
            assert label in (0, 1)


def test_losses_are_torchvisions_own(tmp_path: Path) -> None:
    model = create_model("maskrcnn_tiny", num_classes=2, input_size=64).train()
    learner = DetectionLearner(categories=2).bound(IMAGES.labels, 6)
    pixels = torch.from_numpy(PIXELS[:3]).permute(0, 3, 1, 2).float() / 255
    config = FinetuneConfig(augment="none")
    torch.manual_seed(3)
    ours = set_loss(learner, model, pixels, np.arange(3), config, torch.Generator().manual_seed(0))
    targets = [
        {
            "boxes": torch.from_numpy(one.boxes),
            "labels": torch.from_numpy(one.labels) + 1,
            "masks": torch.from_numpy(one.decoded().astype(np.uint8)),
        }
        for one in IMAGES.labels[:3]
    ]
    torch.manual_seed(3)
    theirs = sum(model.network(list((pixels - 0.5) / 0.5), targets).values())
    assert torch.allclose(ours, theirs)


def test_a_resumed_run_ends_in_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _run(tmp_path / "whole", CONFIG)
    from spellock.training.epoch import EpochTrainer

    train = EpochTrainer.train

    def stop(self: EpochTrainer, epoch: int) -> dict[str, float]:
        if epoch == 1:
            raise KeyboardInterrupt
        return train(self, epoch)

    monkeypatch.setattr(EpochTrainer, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path / "cut", CONFIG)
    monkeypatch.undo()
    again = _run(tmp_path / "cut", CONFIG)
    assert all(torch.equal(tensor, again[name]) for name, tensor in whole.items())


def test_other_objects_are_another_run(tmp_path: Path) -> None:
    _run(tmp_path, FinetuneConfig(epochs=1, batch_size=6, warmup_epochs=0))
    model = create_model("retinanet_tiny", num_classes=2, input_size=64)
    others = as_labels([*IMAGES.labels[1:], IMAGES.labels[0]])
    config = FinetuneConfig(epochs=1, batch_size=6, warmup_epochs=0)
    with pytest.raises(ConfigError, match="task differ"):
        finetune(model, PIXELS, others, DetectionLearner(categories=2), config, tmp_path, device="cpu")


def test_what_cannot_be_learnt_is_refused() -> None:
    model = create_model("maskrcnn_tiny", num_classes=2, input_size=64)
    learner, labels = DetectionLearner(categories=2), IMAGES.labels
    for config in (FinetuneConfig(augment="random-resized-crop-erase"), FinetuneConfig(mixup=0.2)):
        with pytest.raises(ConfigError, match="for boxes"):
            bind(learner, labels, 6, model, config)
    with pytest.raises(DataError, match="6 annotations for 5"):
        bind(learner, labels, 5, model, CONFIG)
    with pytest.raises(DataError, match="outside 0 to 0"):
        bind(DetectionLearner(categories=1), labels, 6, model, CONFIG)
    with pytest.raises(ModelError, match="has 2 categories, expected 3"):
        bind(DetectionLearner(categories=3), labels, 6, model, CONFIG)
    with pytest.raises(ModelError, match="boxes only"):
        bind(learner, squares(6, masks=False).labels, 6, model, CONFIG)
    with pytest.raises(ModelError, match="got a classifier"):
        bind(learner, labels, 6, create_model("small_resnet8", num_classes=2), CONFIG)


def test_crowds_are_not_learnt() -> None:
    from dataclasses import replace

    one = next(one for one in IMAGES.labels if len(one.labels))
    crowded = replace(one, crowd=np.ones(len(one.labels), dtype=np.bool_))
    learner = DetectionLearner(categories=2).bound(as_labels([one, crowded]), 2)
    first, second = learner.objects(np.array([0, 1]), (64, 64), torch.device("cpu"))
    assert len(first["labels"]) > 0
    assert second["boxes"].shape == (0, 4)
    assert second["masks"].shape == (0, 64, 64)
