"""Average precision against COCO's own evaluation, and what it needs."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest

from spellock.data.annotation import Annotation
from spellock.data.rle import encode
from spellock.errors import DataError, MissingExtraError
from spellock.tasks.average_precision import average_precision
from spellock.tasks.detections import Detections

from ..box_sets import coco_of, squares

pytest.importorskip("torchmetrics", reason="needs the extra detection")
pytest.importorskip("faster_coco_eval", reason="needs the extra detection")


def _noisy(truth: Annotation, draws: np.random.Generator) -> Detections:
    """Most objects, each somewhat beside its place, some with another category, and some that are not there."""
    boxes, labels = [], []
    for box, label in zip(truth.boxes, truth.labels, strict=True):
        if draws.random() < 0.9:
            boxes.append(box + draws.integers(-2, 3, 4))
            labels.append(label if draws.random() < 0.8 else 1 - label)
    boxes += [np.array([5, 5, 20, 20])] * int(draws.integers(0, 2))
    labels += [int(draws.integers(2))] * (len(boxes) - len(labels))
    whole = np.clip(np.array(boxes, dtype=np.float32).reshape(-1, 4), 0, [64, 48, 64, 48]).astype(np.float32)
    masks = []
    for left, top, right, bottom in whole.astype(int).tolist():
        mask = np.zeros(truth.size, dtype=np.bool_)
        mask[top:bottom, left:right] = True
        masks.append(encode(mask))
    return Detections(
        size=truth.size,
        boxes=whole,
        labels=np.array(labels, dtype=np.int64),
        scores=draws.random(len(labels)).astype(np.float32),
        masks=tuple(masks),
    )


def test_figures_are_those_of_pycocotools() -> None:
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    images, draws = squares(30, seed=4), np.random.default_rng(0)
    found = [_noisy(one, draws) for one in images.labels]
    ours = average_precision(list(images.labels), found, masks=True)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = coco_of(images)
        for one in truth.dataset["annotations"]:
            size, counts = one["segmentation"]["size"], one["segmentation"]["counts"]
            mask = np.repeat(np.arange(len(counts)) % 2, counts).reshape(size[1], size[0]).T.astype(np.uint8)
            one["segmentation"] = coco.maskUtils.encode(np.asfortranarray(mask))
        truth.createIndex()
        rows = [
            {
                "image_id": number + 7,
                "category_id": int(one.labels[place]) + 3,
                "bbox": [*one.boxes[place, :2].tolist(), *(one.boxes[place, 2:] - one.boxes[place, :2]).tolist()],
                "score": float(one.scores[place]),
                "segmentation": {"size": list(one.size), "counts": (one.masks or ())[place].text()},
            }
            for number, one in enumerate(found)
            for place in range(len(one.labels))
        ]
        for kind, figures in (("bbox", ours.box), ("segm", ours.mask)):
            results = truth.loadRes([dict(row) for row in rows])
            judge = evaluation.COCOeval(truth, results, kind)
            judge.evaluate()
            judge.accumulate()
            judge.summarize()
            assert figures is not None
            assert np.allclose([figures.ap, figures.ap50, figures.ap75], judge.stats[:3], atol=1e-6)
            assert 0.1 < figures.ap < 0.9


def test_all_right_is_one_and_nothing_is_zero() -> None:
    images = squares(8)
    right = [
        Detections(size=one.size, boxes=one.boxes, labels=one.labels, scores=np.ones(len(one.labels), dtype=np.float32))
        for one in images.labels
    ]
    assert average_precision(list(images.labels), right, masks=False).box.ap == pytest.approx(1)
    none = [one.above(2.0) for one in right]
    result = average_precision(list(images.labels), none, masks=False)
    assert (result.box.ap, result.mask) == (0, None)


def test_a_category_that_is_not_there_changes_nothing() -> None:
    images, draws = squares(12), np.random.default_rng(1)
    found = [_noisy(one, draws) for one in images.labels]
    more = [
        Detections(
            size=one.size,
            boxes=np.concatenate([one.boxes, [[16, 12, 48, 36]]]).astype(np.float32),
            labels=np.append(one.labels, 2),
            scores=np.append(one.scores, 1).astype(np.float32),
        )
        for one in found
    ]
    plain = average_precision(list(images.labels), found, masks=False)
    assert average_precision(list(images.labels), more, masks=False) == plain


def test_scaling_both_sides_changes_nothing_but_rounding() -> None:
    images, draws = squares(12, seed=2), np.random.default_rng(1)
    found = [_noisy(one, draws) for one in images.labels]
    plain = average_precision(list(images.labels), found, masks=False).box
    size = (96, 64)
    squashed = average_precision([o.scaled(size) for o in images.labels], [o.scaled(size) for o in found], masks=False)
    assert squashed.box.ap == pytest.approx(plain.ap, abs=0.02)


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    images = squares(2)
    with pytest.raises(DataError, match="detections of 0 images for 2"):
        average_precision(list(images.labels), [], masks=False)
    empty = Annotation.empty("a", (8, 8), masks=True)
    none = Detections(size=(8, 8), boxes=empty.boxes, labels=empty.labels, scores=np.zeros(0, dtype=np.float32))
    with pytest.raises(DataError, match="no objects"):
        average_precision([empty], [none], masks=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"spellock\[detection\]"):
        average_precision([empty], [none], masks=False)


def test_a_missing_extra_is_told_before_anything_is_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    from spellock.tasks.detection import DetectionTask
    from spellock.tasks.models import create_model

    monkeypatch.setattr("spellock.tasks.average_precision.importlib.util.find_spec", lambda name: None)
    model = create_model("small_resnet8", num_classes=2, input_size=16, seed=0)
    with pytest.raises(MissingExtraError, match=r"spellock\[detection\]"):
        DetectionTask().check_model(model, None)  # type: ignore[arg-type]


def test_the_demonstration_needs_the_extra_before_it_makes_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from spellock.cli.main import main

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "torchmetrics" else found(name, *rest)
    )
    assert main(["demo", "--task", "detection", "--out", str(tmp_path / "out")]) == 1
    assert "spellock[detection]" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
