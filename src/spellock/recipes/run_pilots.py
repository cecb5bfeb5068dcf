"""Running pilots: each key locks in small and is measured; what is finished is kept."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from spellock.artefacts import read_json, storage_errors, write_bytes
from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.errors import DataError
from spellock.evaluation.evaluate import evaluate
from spellock.key import Key
from spellock.recipes.lock_model import lock_model
from spellock.recipes.pilot import FIGURES, Pilot, PilotConfig, pilot_images
from spellock.tasks.checkpoint import load_model


def run_pilots(
    images: ImageSet,
    keys: Sequence[Key],
    out: Path,
    config: PilotConfig,
    *,
    make_editor: Callable[[Key], Editor],
    device: str = "cpu",
) -> tuple[Pilot, ...]:
    """Lock with each of ``keys`` and measure on held-out images; finished ones in ``out`` are kept.

    Raises:
        SpellockError: the images are too few, or a key or the model does not fit.
    """
    train, test = pilot_images(images, config)
    with storage_errors(out):
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = []
    for key in keys:
        name = _name(key, config, train, test)
        figures = _read(out / f"{name}.json")
        if figures is None:
            figures = _measure(train, test, key, out / name, config, make_editor, device)
            write_bytes(out / f"{name}.json", (json.dumps(figures) + "\n").encode(), mode=0o600)
        shutil.rmtree(out / name, ignore_errors=True)
        found.append(Pilot(prompt=str(key.settings["prompt"]), **figures))
    return tuple(found)


def _measure(
    train: ImageSet,
    test: ImageSet,
    key: Key,
    work: Path,
    config: PilotConfig,
    make_editor: Callable[[Key], Editor],
    device: str,
) -> dict[str, float]:
    editor = make_editor(key)
    training = replace(config.training, seed=config.seed, validate_every=config.training.epochs)
    lock = replace(config.lock, seed=config.seed)
    lock_model(train, key, work, choice=config.choice, lock=lock, training=training, device=device, editor=editor)
    locked = load_model(work / "model")
    report = evaluate(
        locked.model.to(device),
        locked.classes,
        key,
        test,
        lock_class=locked.lock_class,
        wrong_keys=config.wrong_keys,
        examples=0,
        seed=config.seed,
        device=device,
        make_editor=lambda wanted: editor if wanted == key else make_editor(wanted),
    )
    return {name: float(report[name]) for name in FIGURES}


def _name(key: Key, config: PilotConfig, train: ImageSet, test: ImageSet) -> str:
    """The same for the same pilot; it tells nothing to those who may not look into the folder anyway."""
    sets = [[one.ids, np.asarray(one.labels).tolist()] for one in (train, test)]
    text = json.dumps([key.to_dict(), repr(config), sets], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _read(path: Path) -> dict[str, float] | None:
    try:
        stored = read_json(path)
        return {name: float(stored[name]) for name in FIGURES}
    except (DataError, KeyError, TypeError, ValueError):
        return None
