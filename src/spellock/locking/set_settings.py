"""Check what the owner's config.json says of a locked set: it may be of an older version, or damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from spellock.errors import DataError


def str_list(value: object, where: Path) -> list[str]:
    """Check that a JSON value is a list of strings.

    Raises:
        DataError: it is not.
    """
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise DataError(f"the class names beside {where} are missing or damaged; lock the images again")
    return value


def optional_class(value: object, owner: Path | None) -> int | None:
    """The lock class; None where there is none or nothing is known.

    Raises:
        DataError: it is no class number.
    """
    if owner is None or value is None:
        return None
    if not isinstance(value, int) or value < 0:
        raise DataError(f"{owner / 'config.json'}: lock_class is no class number; lock the images again")
    return value


def optional_distribution(value: object, classes: int, owner: Path | None) -> npt.NDArray[np.float32] | None:
    """float32 (K,): what unauthorised images learn; None where it is their labels or nothing is known.

    Raises:
        DataError: it is not one number a class.
    """
    if owner is None or value is None:
        return None
    if not isinstance(value, list) or len(value) != classes or not all(isinstance(one, int | float) for one in value):
        raise DataError(f"{owner / 'config.json'}: distribution is not one number a class; lock the images again")
    return np.array(value, dtype=np.float32)


def optional_tiers(value: object, owner: Path | None) -> dict[str, tuple[dict[str, str], float]]:
    """Groups and spread by tier name, in their order.

    Raises:
        DataError: they are damaged.
    """
    try:
        return {tier["name"]: (dict(tier["groups"]), float(tier["spread"])) for tier in value}  # type: ignore[attr-defined]
    except (TypeError, KeyError, ValueError) as error:
        raise DataError(f"{owner}: the tiers in config.json are damaged ({error}); lock the images again") from error
