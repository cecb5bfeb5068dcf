"""Algorithm 1 of the paper as a list of jobs: which image is edited, under which key, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import ImageSet, Labels
from spellock.errors import DataError
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.names import keyed_draws
from spellock.locking.tiers import Tier
from spellock.tasks.registry import make_task
from spellock.tasks.task import Task

#: Images that a wrong key edits at least: each key has to be loaded and compared with the right one.
_LEAST: Final = 2


class Role(IntEnum):
    """What a job makes of its source image."""

    EDITED = 0  # the edited image
    TWIN = 1  # the edited image, and the same image raw
    RAW = 2  # the raw image
    VALIDATION = 3  # both versions, for the owner only
    DECOY = 4  # the image edited under a wrong key
    TIER = 5  # the image edited under a tier's key
    VALIDATION_TIER = 6  # the same of a held-out image, for the owner only


NO_EDITOR = -1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Jobs, in the order in which they are done: rising sources under the key itself, then one wrong key after the
    other, then one tier after the other.

    Attributes:
        sources: int64 (J,), index of the source image.
        editors: int64 (J,), 0 for the key, j for wrong key j, then a number a tier, `NO_EDITOR` for no edit.
        roles: int64 (J,), a `Role` each.
        decoy_keys: how many wrong keys there are.
    """

    sources: npt.NDArray[np.int64]
    editors: npt.NDArray[np.int64]
    roles: npt.NDArray[np.int64]
    decoy_keys: int

    def __len__(self) -> int:
        return len(self.sources)

    def tier(self, job: int) -> int:
        """Place of the tier whose key edits in a job with role TIER or VALIDATION_TIER."""
        return int(self.editors[job]) - self.decoy_keys - 1


def make_plan(images: ImageSet, key: Key, config: LockConfig, *, tiers: Sequence[Tier] = ()) -> Plan:
    """Hold out the validation share, split the rest at alpha, draw decoys; all stratified or uniform, all from key and
    seed.

    The choice depends on the secret, so that knowing the public images and the seed does not tell which were left raw;
    and on
    the ids of the images, not on their order.

    Args:
        images: the raw set.
        key: its secret drives the choice.
        config: see `LockConfig`.
        tiers: each edits its share of the training images and all that are held out, besides all the rest.

    Raises:
        DataError: a class is too small to give a raw image, and neither raw twins nor ``missing_raw="accept"`` make up
        for it.
    """
    task = make_task(config.task)
    held = task.hold_out(images, config.validation, _ranks(images, key, config, "validation"))
    training = np.flatnonzero(~held)
    roles = np.full(len(images), Role.TWIN if config.raw_twins else Role.EDITED, dtype=np.int64)
    raw_share = 1 - config.edited_fraction
    ranks = _ranks(images, key, config, "raw")[training]
    raw = task.take(images.subset(training), raw_share, ranks, minimum=1 if raw_share > 0 else 0)
    roles[training[raw]] = Role.RAW
    roles[held] = Role.VALIDATION
    _check_raw(images, roles, config, task)
    editors = np.where(roles == Role.RAW, NO_EDITOR, 0).astype(np.int64)
    decoys, count = _draw_decoys(images, key, config, training)
    levels = [_draw_tier(images, key, config, task, held, tier) for tier in tiers]
    later = [(count + place, *level) for place, level in enumerate(levels, 1)]
    return Plan(
        sources=np.concatenate([np.arange(len(images), dtype=np.int64), decoys[:, 0], *(at for _, at, _ in later)]),
        editors=np.concatenate([editors, decoys[:, 1], *(np.full(len(at), number) for number, at, _ in later)]),
        roles=np.concatenate([roles, np.full(len(decoys), Role.DECOY, dtype=np.int64), *(role for *_, role in later)]),
        decoy_keys=count,
    )


def _check_raw(images: ImageSet, roles: Labels, config: LockConfig, task: Task) -> None:
    if config.raw_twins or config.missing_raw == "accept":
        return
    without = task.unlocked(images.labels[roles == Role.RAW], len(images.classes))
    if without:
        name, size = images.classes[without[0]], int((task.strata(images.labels) == without[0]).sum())
        raise DataError(
            f"{len(without)} of {len(images.classes)} classes would have no raw sample, first {name!r} with {size} "
            "images, so nothing would lock them; add images, lower edited_fraction, turn raw_twins on, or set "
            "missing_raw "
            "to 'accept'"
        )


def _draw_decoys(
    images: ImageSet, key: Key, config: LockConfig, training: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], int]:
    """Pairs (source, wrong key from 1 on): each training image once before any is taken again, equal shares a key."""
    wanted = config.decoys or round((config.decoy_share or 0) * len(training))
    if not wanted:
        return np.zeros((0, 2), dtype=np.int64), 0
    rounds = -(-wanted // len(training))
    drawn = np.concatenate(
        [training[np.argsort(_ranks(images, key, config, f"decoys {turn}")[training])] for turn in range(rounds)]
    )[:wanted]
    count = min(config.decoy_keys, max(1, wanted // _LEAST))
    pairs = np.stack([drawn, np.arange(len(drawn)) * count // len(drawn) + 1], axis=1).astype(np.int64)
    return pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))], count


def _draw_tier(
    images: ImageSet, key: Key, config: LockConfig, task: Task, held: npt.NDArray[np.bool_], tier: Tier
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sources that a tier's key edits, rising, and their roles."""
    training = np.flatnonzero(~held)
    ranks = _ranks(images, key, config, f"tier {tier.name}")[training]
    taken = training[task.take(images.subset(training), tier.share, ranks, minimum=1, leave=0)]
    sources = np.sort(np.concatenate([taken, np.flatnonzero(held)])).astype(np.int64)
    return sources, np.where(held[sources], Role.VALIDATION_TIER, Role.TIER).astype(np.int64)


def _ranks(images: ImageSet, key: Key, config: LockConfig, purpose: str) -> npt.NDArray[np.uint64]:
    """A random order of the images that only the secret tells."""
    return keyed_draws(key, f"locking {purpose} {config.seed}", images.ids)
