"""Tiers: further keys of a locked model that release less than the main key does, groups of classes instead of classes.

ModelLock names "different levels of access" as future work. Here a group is an output class of its own, after the real
ones: images edited under a tier's key learn it as any image learns its class, so the model says "animal" by itself and
nobody needs a table to read it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from spellock.data.image_set import Labels
from spellock.errors import ConfigError
from spellock.key import Key

_NAME: Final = re.compile(r"[\w.+-]{1,40}")


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One further key and what it releases.

    Attributes:
        name: what the owner calls it: 1 to 40 letters, digits, ``.``, ``_``, ``+``, ``-``. It stays with the owner.
        key: its key, with a secret of its own and the main key's resolution.
        groups: the group of every class; at least two groups, fewer than there are classes.
        share: share of the training images that are also edited under this key, class by class; in (0, 1].
        spread: how much of the probability these images learn lies evenly on the classes of their group instead of
            on the group, in [0, 1). It teaches the model to keep classes apart from this key. Training here only: a
            file holds one label.

    Raises:
        ConfigError: a value is out of range.
    """

    name: str
    key: Key
    groups: Mapping[str, str]
    share: float = 1.0
    spread: float = 0.0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"a tier is named {self.name!r}, expected 1 to 40 letters, digits or . _ + -")
        if not 0 < self.share <= 1:
            raise ConfigError(f"tier {self.name}: share is {self.share}, expected above 0 and at most 1")
        if not 0 <= self.spread < 1:
            raise ConfigError(f"tier {self.name}: spread is {self.spread}, expected from 0 to below 1")
        count = len(set(self.groups.values()))
        if count < 2:
            raise ConfigError(f"tier {self.name}: got {count} group, expected at least 2; one group says nothing")
        if any(not group.strip() for group in self.groups.values()):
            raise ConfigError(f"tier {self.name}: a group has an empty name; name it")

    def record(self) -> dict[str, object]:
        """Name, groups, share and spread as plain JSON values; nothing of the key."""
        return {"name": self.name, "groups": dict(self.groups), "share": self.share, "spread": self.spread}

    def members(self, group: str) -> list[str]:
        """The classes of a group."""
        return [name for name, other in self.groups.items() if other == group]

    def check(self, classes: Sequence[str]) -> None:
        """Check that the groups are of just these classes.

        Raises:
            ConfigError: a class has no group, a name is no class (near matches are listed), a group is called like a
                class, or there are as many groups as classes.
        """
        where = f"tier {self.name}"
        for name in self.groups:
            if name not in classes:
                raise ConfigError(f"{where}: the data has no class {name!r}; {_near(name, classes)}")
        missing = [name for name in classes if name not in self.groups]
        if missing:
            raise ConfigError(f"{where}: {len(missing)} classes have no group, first {missing[0]!r}; give each one")
        folded = {name.casefold() for name in classes}
        for group in self.groups.values():
            if group.casefold() in folded:
                raise ConfigError(f"{where}: a group is called {group!r} like a class of the data; rename the group")
        if len(set(self.groups.values())) == len(classes):
            raise ConfigError(f"{where}: there are as many groups as classes, so its key would release all; join some")


def check_tiers(tiers: Sequence[Tier], classes: Sequence[str], key: Key) -> None:
    """Check that tiers fit the data, the main key and one another.

    Raises:
        ConfigError: see `Tier.check`; or two tiers share a name, or a group's name for other classes; or a tier's key
            has a secret that another key has, or another resolution.
    """
    used: dict[str, tuple[str, list[str]]] = {}
    secrets = {bytes(key.secret): "the main key"}
    for tier in tiers:
        tier.check(classes)
        if sum(other.name == tier.name for other in tiers) > 1:
            raise ConfigError(f"two tiers are named {tier.name!r}; give each a name of its own")
        for group in sorted(set(tier.groups.values())):
            meant = group, sorted(tier.members(group))
            if used.setdefault(group.casefold(), meant) != meant:
                raise ConfigError(
                    f"there are two groups called {group!r}, capitals aside, that are not the same; rename one"
                )
        secret = bytes(tier.key.secret)
        if secret in secrets:
            raise ConfigError(
                f"tier {tier.name} has the secret of {secrets[secret]}, so its holder could make that key; give it a "
                "key of its own"
            )
        secrets[secret] = f"tier {tier.name}"
        if tier.key.resolution != key.resolution:
            raise ConfigError(
                f"the key of tier {tier.name} edits at {tier.key.resolution} pixels, expected the main key's "
                f"{key.resolution}; sizes would tell the kinds of images apart"
            )


def group_names(tiers: Sequence[Tier], classes: Sequence[str]) -> tuple[str, ...]:
    """The groups of all tiers, each once, in the order of the tiers and of the classes."""
    return tuple(dict.fromkeys(tier.groups[name] for tier in tiers for name in classes))


def group_labels(groups: Mapping[str, str], classes: Sequence[str], outputs: Sequence[str]) -> Labels:
    """int64 (K,): for each of the real ``classes`` the place of its group in ``outputs``, the model's classes."""
    return np.array([list(outputs).index(groups[name]) for name in classes], dtype=np.int64)


def _near(name: str, classes: Sequence[str]) -> str:
    known = {other.casefold(): other for other in classes}
    near = [known[other] for other in difflib.get_close_matches(name.casefold(), known, cutoff=0.4)]
    more = "" if near or len(classes) <= 5 else f" or one of {len(classes) - 5} more"
    return f"did you mean {' or '.join(repr(other) for other in near or classes[:5])}{more}?"
