"""One cell of the tables: a certificate, a strategy and a seed to figures in percent."""

from __future__ import annotations

import datetime
import hashlib
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spellock.editors.any_key import new_editor_key
from spellock.evaluation.evaluate import evaluate
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks.checkpoint import load_model
from support.mlock.data import Data
from support.mlock.settings import CERTIFICATE_SETTINGS, SIDE, TARGETS, Setting


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is locked, and how."""

    data: str
    strategy: str
    certificate: str
    seed: int

    @property
    def row(self) -> str:
        """Its name among the cells of one data set."""
        return f"{self.strategy}, {self.certificate}"


def run_cell(
    cell: Cell, setting: Setting, data: Data, out: Path, *, weights: Path | None, device: str, baseline: bool
) -> dict[str, Any]:
    """Lock, train and evaluate in ``out``; go on with what an interruption left there.

    Half of the images get the certificate and keep their labels, half stay raw and are relabelled; no image is there
    twice, batches are drawn plainly and the last epoch's weights are taken.

    Args:
        weights: file with the weights to start from; None for random values.
        baseline: also train the baseline, which is the same for all cells of a data set and seed.

    Returns:
        Every figure of the report in percent, where hardened LP comes from, times and the date.
    """
    started, busy = time.perf_counter(), time.process_time()
    name = f"benchmark mlock {cell.data} {cell.seed}"
    key = new_editor_key(
        "patch",
        resolution=SIDE,
        secret=hashlib.sha256(name.encode()).digest(),
        **CERTIFICATE_SETTINGS[cell.certificate],  # type: ignore[arg-type]
    )
    lock_model(
        data.train,
        key,
        out,
        choice=ModelChoice(name=setting.model, weights=weights, input_size=SIDE),
        lock=LockConfig(
            edited_fraction=0.5, target=TARGETS[cell.strategy], validation=0.0, seed=cell.seed, layout="parquet"
        ),
        training=replace(setting.training, seed=cell.seed),
        baseline=baseline,
        device=device,
    )
    locked = load_model(out / "model")
    plain = load_model(out / "baseline") if baseline else None
    trained = time.process_time()
    report = evaluate(
        locked.model.to(device),
        locked.classes,
        key,
        data.test,
        lock_class=locked.lock_class,
        baseline=None if plain is None else plain.model.to(device),
        baseline_classes=None if plain is None else plain.classes,
        wrong_key_images=setting.wrong_key_images,
        examples=0,
        batch_size=64 if device == "cpu" else 512,
        seed=cell.seed,
        device=device,
    )
    evaluated = time.process_time()
    return {figure: round(100 * estimate.value, 2) for figure, estimate in report.figures.items()} | {
        "hardened_lp_from": report.hardened_from,
        "cpu_seconds_training": round(trained - busy, 1),
        "cpu_seconds_evaluation": round(evaluated - trained, 1),
        "minutes": round((time.perf_counter() - started) / 60, 2),
        "date": datetime.date.today().isoformat(),
    }
