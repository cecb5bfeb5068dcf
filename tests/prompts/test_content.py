"""Content kept: structure against its formula, findings against what is put in, and which measure a sample gets."""

from __future__ import annotations

import numpy as np
import pytest

from spellock.data.annotation import Annotation
from spellock.data.image_set import ImageSet
from spellock.data.label_vectors import numpy_vectors
from spellock.prompts.content import (
    ClassContent,
    FindingContent,
    StructureContent,
    object_weights,
    structure,
)
from spellock.prompts.edit_cache import EditCache
from spellock.prompts.sample import Sample, take_sample
from spellock.prompts.scorer import Scorer

from ..box_sets import squares

NOISE = np.random.default_rng(0).integers(0, 256, (2, 24, 24, 3), dtype=np.uint8)


def test_structure_is_ssim_without_brightness() -> None:
    other = np.random.default_rng(1).integers(0, 256, NOISE.shape, dtype=np.uint8)
    one, two = (pixels[1, 5:12, 9:16].astype(float).mean(axis=2) for pixels in (NOISE, other))
    small = (0.03 * 255) ** 2
    expected = (2 * np.mean((one - one.mean()) * (two - two.mean())) + small) / (one.var() + two.var() + small)
    assert np.isclose(structure(NOISE, other)[1, 8, 12], expected)


def test_structure_minds_contrast_and_not_brightness() -> None:
    assert np.allclose(structure(NOISE, NOISE), 1)
    half = NOISE // 2
    assert np.allclose(structure(half, half + 100), 1)
    assert 0.75 < structure(NOISE, half).mean() < 0.85, "2 * 0.5 / (1 + 0.25)"
    assert structure(NOISE, 255 - NOISE).max() < -0.8
    assert np.abs(structure(NOISE, np.full_like(NOISE, 90))).max() < 0.2


def boxes(*corners: list[float], crowd: bool = False) -> Annotation:
    return Annotation(
        id="one", size=(24, 24), boxes=np.array(corners, dtype=np.float32).reshape(-1, 4),
        labels=np.zeros(len(corners), dtype=np.int64), crowd=np.full(len(corners), crowd),
    )  # fmt: skip


def test_each_object_counts_alike_with_its_outline() -> None:
    weights = object_weights([boxes([0, 0, 3, 3]), boxes([10, 10, 20, 20])], 24)
    assert np.isclose(weights.sum(), 1)
    assert np.allclose(weights.sum(axis=(1, 2)), 0.5)
    assert weights[1, 7, 15] > 0
    assert weights[1, 6, 15] == weights[1, 0, 0] == 0
    for none in (boxes(), boxes([0, 0, 3, 3], crowd=True)):
        assert np.allclose(object_weights([none], 24), 1 / 24**2)


def test_what_is_lost_outside_of_objects_is_not_missed() -> None:
    weights = object_weights([boxes([0, 0, 4, 4])] * 2, 24)
    content, nothing = StructureContent(raw=NOISE, weights=weights), np.zeros((2, 0))
    edited = NOISE.copy()
    edited[:, 12:] = 128
    assert np.isclose(content.of(edited, nothing), content.of(NOISE, nothing))
    edited[:, :8, :8] = 255 - edited[:, :8, :8]
    assert content.of(edited, nothing) < 0.5
    assert content.kept(0.7, 1.0) == 0.7
    assert content.doubt(1.0) is None


def test_findings_are_told_by_features_that_hold_them() -> None:
    draw = np.random.default_rng(0)
    findings = draw.integers(0, 2, (64, 3))
    content = FindingContent(findings=findings, strata=findings[:, 0])
    none = np.zeros((64, 4, 4, 3), np.uint8)
    assert content.of(none, findings + 0.1 * draw.normal(size=findings.shape)) > 0.95
    lost = content.of(none, draw.normal(size=(64, 5)))
    assert 0.3 < lost < 0.7
    assert content.kept(0.75, 1.0) == 0.5
    assert content.kept(0.4, 1.0) == content.kept(0.9, 0.5) == 0.0
    assert content.doubt(0.95) is None
    assert "AUROC of only 52 %" in str(content.doubt(0.52))
    everybody = FindingContent(findings=np.ones((8, 1), dtype=np.int64), strata=np.zeros(8, dtype=np.int64))
    assert everybody.of(none[:8], draw.normal(size=(8, 2))) == 0.5


def findings_set() -> ImageSet:
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 16), dtype=np.uint8)
    return numpy_vectors(pixels, np.arange(32).reshape(16, 2) % 3 == 0, ["mass", "edema"], name="x-rays")


@pytest.mark.parametrize(("images", "kind"), [(squares(16), StructureContent), (findings_set(), FindingContent)])
def test_a_sample_gets_the_measure_of_its_labels(images: ImageSet, kind: type) -> None:
    editor_size = (16, 16)
    sample = take_sample(images, 12, lambda image: np.asarray(image.resize(editor_size)), seed=0)
    assert isinstance(content_of(sample), kind)
    assert len(sample.first(5)) == 5
    assert isinstance(content_of(sample.first(5)), kind)
    assert len(set(sample.ids)) == 12
    assert sample.labels.max() < len(sample.classes)
    if sample.objects is not None:
        by_name = {one.id: one for one in images.labels}
        for name, one in zip(sample.ids, sample.objects, strict=True):
            assert one.size == editor_size
            assert np.allclose(one.boxes, by_name[name].boxes * np.array([0.25, 1 / 3, 0.25, 1 / 3]), atol=1e-4)


def content_of(sample: Sample) -> object:
    return Scorer(cache=EditCache.__new__(EditCache), sample=sample, public=()).content()


def test_one_class_an_image_is_probed() -> None:
    sample = Sample(pixels=NOISE, labels=np.arange(2), classes=("a", "b"), ids=("1", "2"))
    content = content_of(sample)
    assert isinstance(content, ClassContent)
    assert content.kept(0.4, 0.8) == 0.5
    assert "only 55 %" in str(content.doubt(0.55))
    assert content.doubt(0.63) is None
