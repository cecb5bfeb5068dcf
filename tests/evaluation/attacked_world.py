"""A key that inverts, a model that wants it, and an attack that keeps what it was given."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np
import torch
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.levels import Asset
from spellock.attacks.view import AttackerView
from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.editors.base import Editor
from spellock.evaluation.attack_plan import AttackPlan, Trial
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.attacked import evaluate_attacks
from spellock.key import Key
from spellock.tasks.pixel_model import PixelModel

from ..attacks import colours

PROMPT = "a prompt that no thief may see"
SECRET = bytes(range(32))
NAMES = ("red", "green", "blue", "yellow")
PLAN = AttackPlan(labels=(8, 24), leaked=(2, 20), candidate_images=40)


class InvertingEditor(Editor):
    """G(x) = 1 - x; the model wants it."""

    canonical_batch = 4

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        return 1 - images if self.key.settings["prompt"] == PROMPT else images


def the_key() -> Key:
    return Key(editor="inverting", settings={"prompt": PROMPT}, secret=SECRET, gamma=1.0, resolution=colours.SIDE)


def image_set(count: int = 240, seed: int = 11) -> ImageSet:
    images, labels = colours.pictures(count, seed=seed)
    return numpy_images(images.permute(0, 2, 3, 1).numpy().copy(), labels, NAMES)


def with_lock(logits: Tensor) -> Tensor:
    return torch.cat([logits, torch.full((len(logits), 1), 50.0)], dim=1)


def locked() -> PixelModel:
    network = colours.ColourNet(lambda images: 1 - images, with_lock, 5)
    return colours.plain(network)


def run(chosen: Sequence[Trial], *, plan: AttackPlan = PLAN, **changes: object) -> AttackReport:
    settings: dict[str, object] = {"lock_class": "other", "make_editor": InvertingEditor, "unlabelled": 60, **changes}
    key = settings.pop("key", the_key())
    return evaluate_attacks(locked(), (*NAMES, "other"), key, image_set(), chosen, plan, **settings)


@dataclass(frozen=True, kw_only=True)
class Spy(Attack):
    """Answers the first class, and keeps what it was given."""

    level: str = "labels"

    @property
    def needs(self) -> frozenset[Asset]:
        return frozenset(
            {"labels": {Asset.LABELS, Asset.WEIGHTS}, "pairs": {Asset.PAIRS}, "customer": {Asset.CUSTOMER}}[self.level]
        )

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        SEEN.append(view)
        return [Stolen(predict=lambda images: torch.eye(4)[torch.zeros(len(images), dtype=torch.long)])]


SEEN: list[AttackerView] = []


def reachable(view: AttackerView) -> list[object]:
    """All objects that a thief can walk to from the view's fields, short of modules of the program."""
    seen: dict[int, object] = {}
    todo: list[object] = [getattr(view, field.name) for field in dataclasses.fields(view)]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type | ModuleType):
            continue
        seen[id(one)] = one
        if isinstance(one, FunctionType):  # what it closes over, not the whole program that it can name
            todo += [cell.cell_contents for cell in one.__closure__ or ()] + list(one.__defaults__ or ())
        elif not isinstance(one, Tensor | np.ndarray):
            todo += gc.get_referents(one)
        if len(seen) > 20_000:
            break
    return list(seen.values())
