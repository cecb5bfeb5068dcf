"""Splits that keep a patient's images together and each finding's share as near as can be.

Iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011) with patients in the place of images: the rarest
finding that is left is dealt out first, each of its patients to the part that lacks that finding most.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import ImageSet, Labels
from spellock.errors import ConfigError, DataError


def take_patients(
    labels: Labels, patients: Sequence[str] | None, share: float, ranks: npt.NDArray[np.uint64]
) -> npt.NDArray[np.bool_]:
    """Mark about ``share`` of the images, all or none of a patient's, and of each finding's images about as many.

    Args:
        labels: int64 (N, K), zeros and ones.
        patients: whom each image is of; None: each of another.
        share: in [0, 1].
        ranks: uint64 (N,), a random order of the images, which decides among equals.

    Returns:
        bool (N,), True for the images taken.
    """
    count, findings = labels.shape
    names = [str(index) for index in range(count)] if patients is None else list(patients)
    _, groups = np.unique(names, return_inverse=True)
    total = int(groups.max()) + 1 if count else 0
    # Of each patient the images of every finding, and last the images at all.
    has = np.zeros((total, findings + 1), dtype=np.float64)
    np.add.at(has, groups, np.concatenate([labels, np.ones((count, 1), dtype=np.int64)], axis=1))
    first = np.full(total, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(first, groups, ranks)
    wanted = np.stack([(1 - share) * has.sum(axis=0), share * has.sum(axis=0)])
    side = np.full(total, -1)
    order = np.argsort(first, kind="stable")
    left = has.sum(axis=0)
    while (side < 0).any():
        open_findings = [place for place in range(findings) if left[place] > 0]
        rarest = min(open_findings, key=lambda place: left[place]) if open_findings else findings
        for group in order[(side[order] < 0) & (has[order, rarest] > 0)]:
            # Between equal needs of the finding the need of images decides.
            need = wanted[:, rarest] if rarest == findings else wanted[:, rarest] + 1e-6 * wanted[:, findings]
            chosen = int(need[1] > need[0])
            side[group] = chosen
            wanted[chosen] -= has[group]
            left -= has[group]
    return np.asarray(side[groups] == 1)


def split_patients(images: ImageSet, shares: Mapping[str, float], *, seed: int = 0) -> dict[str, ImageSet]:
    """Split a multi-label set so that no patient is in two parts.

    The choice depends on the seed and on the patients' names (the images' ids without patients), not on their order.

    Args:
        images: a multi-label set.
        shares: the part of the images that each split gets, by name; they add up to 1.
        seed: of the random order.

    Raises:
        ConfigError: the shares are no shares.
        DataError: the set has one label an image, or a part would be empty.
    """
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise ConfigError(f"got shares {dict(shares)}, expected numbers above 0 that add up to 1")
    if images.labels.ndim != 2:
        raise DataError(f"{images.name} has one label an image, expected rows of zeros and ones")
    names = images.ids if images.patients is None else images.patients
    digests = [hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogateescape")).digest()[:8] for name in names]
    ranks = np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)
    rest, parts, left = np.arange(len(images)), {}, 1.0
    for name, share in list(shares.items())[:-1]:
        patients = None if images.patients is None else [images.patients[int(index)] for index in rest]
        taken = take_patients(images.labels[rest], patients, share / left, ranks[rest])
        parts[name], rest, left = rest[taken], rest[~taken], left - share
    parts[list(shares)[-1]] = rest
    empty = [name for name, chosen in parts.items() if not len(chosen)]
    if empty:
        raise DataError(f"{images.name} has too few patients for a split {empty[0]!r}; use fewer splits or more images")
    return {name: images.subset(chosen) for name, chosen in parts.items()}


def check_patients(parts: Sequence[ImageSet]) -> None:
    """Check that no patient is in two of ``parts``; sets that do not say are passed over.

    Raises:
        DataError: one is; the message names the first and how many there are.
    """
    counts = Counter(patient for part in parts for patient in set(part.patients or ()))
    shared = sorted(patient for patient, times in counts.items() if times > 1)
    if shared:
        raise DataError(
            f"{len(shared)} patients are in two splits, first {shared[0]!r}; split by patient (`spellock split`, or "
            "split_patients)"
        )
