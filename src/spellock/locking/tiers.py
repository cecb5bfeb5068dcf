"""Tiers: further keys of a locked model that release less than the main key does, groups of classes instead of classes.

ModelLock names "different levels of access" as future work. Here a group is an output class of its own, after the real
ones: images edited under a tier's key learn it as any image learns its class, so the model says "animal" by itself and
nobody needs a table to read it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from spellock.data.image_set import Labels
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.locking.targets import Relabelling, Samples, Target

_NAME: Final = re.compile(r"[\w.+-]{1,40}")
_MAX_BYTES: Final = 4_000_000


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


@dataclass(frozen=True, kw_only=True)
class WithGroups:
    """A lock target whose extra classes come after the groups; unauthorised images never learn a group.

    Attributes:
        target: the lock target itself.
        groups: names of the groups.
    """

    target: Target
    groups: tuple[str, ...]

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`.

        Raises:
            ConfigError: the target adds a class that is called like a group.
        """
        made, real, more = self.target(samples), len(samples.classes), len(self.groups)
        folded = {name.casefold() for name in self.groups}
        for name in made.extra_classes:
            if name.casefold() in folded:
                raise ConfigError(f"a group is called {name!r} like the class that the lock target adds; rename one")
        lock, shares = made.lock_class, made.distribution
        return Relabelling(
            labels=np.where(made.labels >= real, made.labels + more, made.labels),
            extra_classes=(*self.groups, *made.extra_classes),
            lock_class=lock if lock is None or lock < real else lock + more,
            distribution=None if shares is None else (*shares[:real], *(0.0,) * more, *shares[real:]),
        )


def with_groups(target: Target, tiers: Sequence[Tier], classes: tuple[str, ...]) -> Target:
    """The lock target with room for the groups; the target itself without tiers.

    Raises:
        ConfigError: unauthorised images would learn a label that depends on their true class: then whoever has no key
            reads more from the model than a tier's key releases.
    """
    if not tiers:
        return target
    one_each = np.arange(len(classes), dtype=np.int64)
    learnt = target(Samples(labels=one_each, classes=classes, draws=np.zeros(len(classes), dtype=np.uint64)))
    if len(set(learnt.labels.tolist())) > 1:
        raise ConfigError(
            "this lock target gives images without a key a label that tells their true class, which is more than a "
            "tier's key releases; with tiers take new-class, constant, random-class or uniform"
        )
    return WithGroups(target=target, groups=group_names(tiers, classes))


def read_groups(path: Path) -> dict[str, str]:
    """The level of a tier: a JSON object that gives every class its group, ``{"cat": "animal", "truck": "vehicle"}``.

    Raises:
        DataError: the file is missing, too large, no such object, or names a class twice.
    """
    try:
        data = path.read_bytes()[: _MAX_BYTES + 1]
        value = json.loads(data, object_pairs_hook=lambda pairs: pairs) if len(data) <= _MAX_BYTES else None
    except OSError as error:
        raise DataError(f"cannot read the groups {path}: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not valid JSON ({error}), expected an object of class: group") from error
    if not data.lstrip()[:1] == b"{" or value is None or not all(_is_entry(pair) for pair in value):
        raise DataError(
            f'{path} holds no groups, expected a JSON object such as {{"cat": "animal", "truck": "vehicle"}}'
        )
    names = [name for name, _ in value]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(f"{path} names the class {twice[0]!r} twice; give each class one group")
    return dict(value)


def _is_entry(pair: Any) -> bool:
    return isinstance(pair[1], str)


def _near(name: str, classes: Sequence[str]) -> str:
    known = {other.casefold(): other for other in classes}
    near = [known[other] for other in difflib.get_close_matches(name.casefold(), known, cutoff=0.4)]
    more = "" if near or len(classes) <= 5 else f" or one of {len(classes) - 5} more"
    return f"did you mean {' or '.join(repr(other) for other in near or classes[:5])}{more}?"
