"""Leaked images out of folders: read as they are, and every kind that does not fit refused in a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spellock.attacks.registry import make_attack
from spellock.errors import DataError
from spellock.evaluation.attack_plan import Trial
from spellock.evaluation.attacked import evaluate_attacks
from spellock.evaluation.leaked_folder import Leaks, read_leaks

from ..attacks import colours
from . import attacked_world as world


def write(folder: Path, count: int, *, size: tuple[int, int] = (8, 8), suffix: str = ".png", seed: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    draws = np.random.default_rng(seed)
    for number in range(count):
        pixels = draws.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}{suffix}")
    return folder


def test_images_come_by_name_and_raw_ones_are_squashed(tmp_path: Path) -> None:
    edited = write(tmp_path / "edited", 3)
    raw = write(tmp_path / "raw", 5, size=(20, 12), suffix=".bmp", seed=1)
    found = read_leaks(edited, raw, side=8)
    assert len(found) == 3
    assert (found.edited.dtype, found.edited.shape) == (torch.uint8, (3, 3, 8, 8))
    for number in range(3):
        with Image.open(edited / f"{number}.png") as image:
            assert np.array_equal(found.edited[number].permute(1, 2, 0).numpy(), np.asarray(image))
        with Image.open(raw / f"{number}.bmp") as image:
            wanted = np.asarray(image.resize((8, 8), Image.Resampling.BICUBIC))
        assert np.array_equal(found.raw[number].permute(1, 2, 0).numpy(), wanted)
    assert read_leaks(edited).raw is None


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    good, empty = write(tmp_path / "good", 2), tmp_path / "empty"
    empty.mkdir()
    mixed = write(write(tmp_path / "mixed", 1), 2, size=(9, 9))
    write(mixed, 1)
    twice = write(write(tmp_path / "twice", 1), 1, suffix=".jpg")
    broken = write(tmp_path / "broken", 1)
    (broken / "1.png").write_bytes(b"no image")
    for folder, raw, side, words in (
        (tmp_path / "nowhere", None, None, "is no folder"),
        (empty, None, None, "holds no images"),
        (mixed, None, None, r"several sizes \(8x8 and 9x9\)"),
        (write(tmp_path / "wide", 2, size=(9, 8)), None, None, "are 9x8, expected squares"),
        (good, None, 32, "are 8x8 and the key edits at 32x32"),
        (good, empty, None, "holds no images"),
        (good, write(tmp_path / "few", 1), None, "no partner of 1 images, 1.png for one"),
        (twice, None, None, "differ in their suffix only"),
        (broken, None, None, "1.png"),
    ):
        with pytest.raises(DataError, match=words):
            read_leaks(folder, raw, side=side)


def test_attacks_run_on_given_images_without_any_key() -> None:
    raw, _ = colours.pictures(30, seed=5)
    options = {"steps": 150, "width": 8, "depth": 2, "learning_rate": 0.01}
    chosen = [
        Trial(name="translator", variant="", attack=make_attack("translator", options)),
        Trial(name="prompt-search", variant="", attack=make_attack("prompt-search")),
    ]
    plan = replace(world.PLAN, leaked=(30,))

    def run(given: Leaks, plan: object = plan) -> dict[str, object]:
        report = evaluate_attacks(
            world.locked(), (*world.NAMES, "other"), None, world.image_set(), chosen, plan, lock_class="other",
            unlabelled=60, given=given,
        )  # fmt: skip
        return {row.attack: row for row in report.rows}

    rows = run(Leaks(edited=255 - raw, raw=raw))
    assert rows["translator"].accuracy.value > 0.9
    assert rows["prompt-search"].skipped
    assert "raw versions did not leak" in run(Leaks(edited=255 - raw))["translator"].skipped
    with pytest.raises(DataError, match="30 leaked images but there are 5 of them"):
        run(Leaks(edited=255 - raw[:5]))
