"""`spellock prompts suggest` for several findings an image, and for objects with places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spellock.data.image_set import ImageSet
from spellock.data.label_vectors import numpy_vectors
from spellock.editors.registry import load_editor
from spellock.errors import DataError
from spellock.key import Key
from spellock.prompts.offline import OfflineConfig
from spellock.recipes.lock_model import ModelChoice
from spellock.recipes.pilot import PilotConfig
from spellock.recipes.suggest import SCORING_SECRET, SuggestConfig, suggest_prompts

from ..box_sets import squares
from ..tint_editor import tint_key

FEW = SuggestConfig(offline=OfflineConfig(tables=False, hybrids=2, meaningless=1), images=12, shortlist=1, synonyms=1)


def findings() -> ImageSet:
    """Pictures whose halves are bright where they have a finding."""
    labels = np.array([[number // 2 % 2, number % 2] for number in range(16)])
    pixels = np.random.default_rng(0).integers(0, 40, (16, 16, 16), dtype=np.uint8)
    pixels[:, :8] += (150 * labels[:, 0]).astype(np.uint8)[:, None, None]
    pixels[:, 8:] += (150 * labels[:, 1]).astype(np.uint8)[:, None, None]
    return numpy_vectors(pixels, labels, ["mass", "edema"], name="x-rays")


def make_key(prompt: str) -> Key:
    return tint_key(prompt=prompt, secret=SCORING_SECRET)


@pytest.mark.parametrize(
    ("images", "raw", "says"),
    [(squares(16), 1.0, "structure kept in and around objects"), (findings(), 0.9, "macro AUROC")],
)
def test_content_is_measured_in_the_form_that_fits(images: ImageSet, raw: float, says: str, tmp_path: Path) -> None:
    found = suggest_prompts(images, tmp_path / "out", FEW, make_key=make_key, make_editor=load_editor)
    assert found.raw_content >= raw
    assert says in (tmp_path / "out" / "prompts.txt").read_text()
    for score in found.scores:
        # A half of the picture is still there under a flat tint.
        assert 0.5 < score.kept <= 1.1
    assert (tmp_path / "out" / "contact_sheet.png").is_file()


def test_a_pilot_needs_one_class_an_image(tmp_path: Path) -> None:
    pilot = PilotConfig(choice=ModelChoice(name="small_resnet8", input_size=16))
    with pytest.raises(DataError, match="a pilot needs one class an image"):
        suggest_prompts(squares(16), tmp_path / "out", FEW, make_key=make_key, pilot=pilot)
