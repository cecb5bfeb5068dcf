"""What a thief of a given level gets, out of images that nothing is scored on."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks import outputs
from spellock.attacks.budget import Budget, Query
from spellock.attacks.customer import Customer
from spellock.attacks.leaked_part import LeakedPart
from spellock.attacks.levels import LEVELS, Asset
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.public_row import PublicRow, is_row, kinds_of, prompted_part
from spellock.attacks.view import AttackerView
from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.editors.presets import new_key
from spellock.evaluation.halves import stratified_subset
from spellock.evaluation.wrong_key_trials import EditorMaker
from spellock.key import Key
from spellock.tasks.pixel_model import PixelModel
from spellock.vision import VisionModel


@dataclass(frozen=True, kw_only=True)
class Thief:
    """Hands out views. Every view has a copy of the model of its own.

    Attributes:
        pool: raw images that a thief may get, uint8 (N, 3, H, W).
        labels: (N,) their real classes, 0 to ``classes`` - 1.
        classes: number of real classes.
        lock_class: place of the lock class, which the model's folder tells whoever has it.
        leaked, leaked_raw: edited images and the same raw, of the key's size; the key made them and is not here.
        editor: what is public of it; None where it takes no prompts.
        unlabelled: how many raw images without labels.
        budget: of each attack.
        asked: places in the pool of the images that an unlocked model would answer, and those answers as probabilities
            (M, classes); None where there is no such model.
        public: public weights; None where there are none.
        trigger: what is public of an editor that takes no prompts.
        looker: a vision-language model that leaked images may be shown to.
        key_part: what leaked of a weight key; None where nothing did.
        mirrored: see `AttackPlan`.
    """

    pool: Tensor
    labels: NDArray[np.int64]
    classes: int
    lock_class: int | None
    leaked: Tensor | None
    leaked_raw: Tensor | None
    editor: PublicEditor | None
    unlabelled: int
    budget: Budget
    asked: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None
    public: PixelModel | None = None
    trigger: PublicEditor | None = None
    looker: VisionModel | None = None
    key_part: LeakedPart | None = None
    mirrored: bool = False

    def view(
        self,
        model: PixelModel,
        level: str,
        *,
        labels: int = 0,
        leaked: int = 0,
        asked: int = 0,
        lock_class: int | None,
        seed: int,
    ) -> AttackerView:
        """What ``level`` allows of ``model``, with so many labelled and leaked images and answers."""
        allowed = LEVELS[level]
        stolen = copy.deepcopy(model).eval()
        holds, ask = Asset.WEIGHTS in allowed, partial(outputs.asked, stolen)
        chosen = torch.from_numpy(stratified_subset(self.labels, labels, seed=seed)) if labels else None
        draws = np.random.default_rng([seed, 0x706F6F6C])
        free, customer = draws.permutation(len(self.pool))[: self.unlabelled], None
        if Asset.CUSTOMER in allowed and asked and self.asked is not None:
            places, answers = self.asked
            order = draws.permutation(len(places))
            free, customer = places[order], Customer(answers[order], limit=asked)
        has_labels, has_edited = Asset.LABELS in allowed and chosen is not None, Asset.EDITED in allowed and leaked > 0
        return AttackerView(
            classes=self.classes,
            unlabelled=self.pool[torch.from_numpy(free)],
            model=stolen if holds else None,
            query=None if holds else Query(ask, limit=self.budget.queries),
            lock_class=lock_class if holds else None,
            edited=self.leaked[:leaked] if has_edited and self.leaked is not None else None,
            edited_raw=self.leaked_raw[:leaked]
            if has_edited and Asset.PAIRS in allowed and self.leaked_raw is not None
            else None,
            labelled=self.pool[chosen] if has_labels and chosen is not None else None,
            labels=self.labels[chosen.numpy()] if has_labels and chosen is not None else None,
            public=copy.deepcopy(self.public) if Asset.PUBLIC in allowed else None,
            customer=customer,
            key_part=self.key_part if Asset.KEY_PART in allowed else None,
            editor=self.editor,
            trigger=self.trigger,
            looker=self.looker if has_edited else None,
            mirrored=self.mirrored,
            budget=self.budget,
            seed=seed,
        )

    @property
    def of_key(self) -> str:
        """A digest of what the thief has of the key beside leaked images: what is public of its editor, and answers."""
        digest = hashlib.sha256()
        for editor in (self.editor, self.trigger):
            if editor is not None:
                facts = (editor.name, sorted(editor.settings.items()), editor.gamma, editor.resolution, editor.resize)
                row = editor.row
                around = () if row is None else (row.before, row.after, row.gamma)
                digest.update(repr(facts + around).encode())
        if self.asked is not None:
            places, answers = self.asked
            digest.update(places.tobytes() + answers.argmax(axis=1).tobytes())
        return digest.hexdigest()

    def next_labelled(self, labels: int, following: int, *, seed: int) -> tuple[Tensor, NDArray[np.int64]]:
        """Images and labels of a view with ``following`` labelled images that one with only ``labels`` has not."""
        fewer, more = (stratified_subset(self.labels, count, seed=seed) for count in (labels, following))
        new = np.setdiff1d(more, fewer)
        return self.pool[torch.from_numpy(new)], self.labels[new]


def pictures(images: ImageSet, indices: Sequence[int] | NDArray[np.int64], *, side: int) -> Tensor:
    """uint8 (N, 3, H, W): images of one size as they are, others squashed to ``side``."""
    opened = [images.open(int(index)) for index in indices]
    if len({image.size for image in opened}) > 1:
        opened = [image.resize((side, side)) for image in opened]
    return torch.from_numpy(np.stack([np.asarray(image, dtype=np.uint8) for image in opened])).permute(0, 3, 1, 2)


def leaks(images: ImageSet, indices: NDArray[np.int64], editor: Editor) -> tuple[Tensor, Tensor]:
    """Raw and edited images at ``indices``, uint8 (N, 3, R, R) each, R the key's resolution."""
    raw = np.stack([editor.prepare(images.open(int(index))) for index in indices])
    edited = editor.edit_uint8(raw, [images.ids[int(index)] for index in indices])
    first, second = (torch.from_numpy(array).permute(0, 3, 1, 2).contiguous() for array in (raw, edited))
    return first, second


def public_editor(key: Key, make: EditorMaker) -> PublicEditor | None:
    """What a thief knows of the key's editor; None where it takes no prompt.

    A private editor stays private: the thief has the one inside the package in its place. Of a hybrid key it is the
    first part with a prompt, in a row of the other parts' defaults.
    """
    row = None
    if (prompted := prompted_part(key)) is not None:
        row = PublicRow.of(key, prompted[0], make)
        key = prompted[1]
    if "prompt" not in key.settings:
        return None
    settings, weights = key.settings, key.settings.get("weights")
    if isinstance(weights, str) and Path(weights).is_dir():
        settings = new_key("embedded", resolution=key.resolution).settings
    return PublicEditor(
        name=key.editor, settings=settings, gamma=key.gamma, resolution=key.resolution, resize=key.resize, make=make,
        row=row,
    )  # fmt: skip


def public_trigger(key: Key, make: EditorMaker) -> PublicEditor | None:
    """The same of an editor without prompts: which it is, the blend and the size, no setting. None for others."""
    if "prompt" in key.settings or prompted_part(key) is not None:
        return None
    settings = kinds_of(key) if is_row(key) else {}
    return PublicEditor(
        name=key.editor, settings=settings, gamma=key.gamma, resolution=key.resolution, resize=key.resize, make=make
    )
