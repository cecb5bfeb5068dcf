"""The weight key: the values that were taken out of a model, where they belong, and which model they open."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import torch
from torch import Tensor

from spellock.derived import derive
from spellock.errors import ConfigError
from spellock.hidden import HiddenBytes
from spellock.key import SECRET_BYTES, Key
from spellock.weightlocks.coded_values import CodedValues
from spellock.weightlocks.digest import model_digest
from spellock.weightlocks.places import Place
from spellock.weightlocks.splice import Values
from spellock.weightlocks.value_coding import EXACT, check_coding, coded_bytes, coding_of, rounded


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class WeightKey:
    """AdaLoc's access key as one immutable value; `spellock.weightlocks.weight_keyfile` keeps it on disk.

    Attributes:
        places: the key's part of each tensor, by name, in the model's order.
        values: (k, unit) of the tensor's dtype, by name: what belongs there. A key that was locked or read decodes them
            when they are asked for, see `spellock.weightlocks.coded_values`.
        digests: SHA-256 of each tensor of the keyed model.
        outside: for each tensor that the key has a part of, the tag of it with that part set to zero, see
            `spellock.weightlocks.outside`: what has to stay as it is, also in the unlocked model. Empty for a part of
            a key, which nothing can be trained in.
        secret: 32 random bytes that fill and random selection are drawn from; take parts of it with `derive` only. A
            part of a key has others, made of them.
        version: 1 for the first key of a keyed model; each update of the model gives a higher one.
        fill: registry name of what stands in the key's place.
        customer: whom the keyed model and the key were made for; empty where all have the same.
        coding: how the file holds the values, see `spellock.weightlocks.value_coding`; they are such that it can.
        image_key: a key that images must be edited with as well, where a prompt lock lies on the weight lock.

    Neither `repr` nor a traceback shows values or secret.

    Raises:
        ConfigError: places, values and digests do not belong together, or a field is out of range.
    """

    places: Mapping[str, Place]
    values: Mapping[str, Tensor]
    digests: Mapping[str, str]
    outside: Mapping[str, str]
    secret: bytes
    version: int = 1
    fill: str = "zero"
    customer: str = ""
    coding: str = EXACT
    image_key: Key | None = field(default=None)

    def __post_init__(self) -> None:
        if not isinstance(self.secret, bytes) or len(self.secret) != SECRET_BYTES:
            raise ConfigError(f"the weight key's secret is malformed, expected {SECRET_BYTES} bytes")
        if type(self.version) is not int or not 1 <= self.version < 2**31:
            raise ConfigError(f"the weight key's version is {self.version!r}, expected a whole number from 1")
        check_coding(self.coding)
        names = self.places.keys()
        together = names == self.values.keys() and names <= self.digests.keys()
        together = together and self.outside.keys() in (names, set())
        if not names or not together:
            raise ConfigError("the weight key's places, values and digests do not belong together; it was altered")
        for name, place in self.places.items():
            if not self._fills(place):
                raise ConfigError(f"the weight key's values of {name} do not fill their place; it was altered")
            if not self._held(place):
                raise ConfigError(f"the weight key's values of {name} are no {self.coding} values; round them first")
        object.__setattr__(self, "secret", HiddenBytes(self.secret))

    def lazily(self, name: str) -> Values:
        """The values of one tensor, made in the parts that are asked for where the key holds them coded."""
        return self.values.lazily(name) if isinstance(self.values, CodedValues) else self.values[name]

    def _fills(self, place: Place) -> bool:
        if isinstance(self.values, CodedValues):
            return self.values.fills(place, self.coding)
        values = self.values[place.name]
        return values.shape == (len(place.indices), place.unit) and values.dtype == place.info.dtype

    def _held(self, place: Place) -> bool:
        """Whether the values are such that the key's file can hold them."""
        if isinstance(self.values, CodedValues):
            return self.values.canonical(place.name)
        if coding_of(place.info, self.coding) == EXACT:  # all values, also those that do not equal themselves
            return True
        values = self.values[place.name]
        return torch.equal(rounded(values, place.info, self.coding), values)

    @property
    def model_digest(self) -> str:
        """One digest of the keyed model."""
        return model_digest(self.digests)

    @property
    def scalars(self) -> int:
        """Number of values in the key."""
        return sum(place.scalars for place in self.places.values())

    @property
    def value_bytes(self) -> int:
        """Size of the values in the key's file."""
        places = self.places.values()
        return sum(coded_bytes(len(place.indices), place.unit, place.info, self.coding) for place in places)

    @property
    def is_part(self) -> bool:
        """Whether this is a part of a key, which opens a model and no more."""
        return not self.outside

    def derive(self, purpose: str, length: int = SECRET_BYTES) -> bytes:
        """See `spellock.derived.derive`."""
        return derive(self.secret, purpose, length)

    def replace(self, **changes: object) -> WeightKey:
        """A copy with some fields changed.

        Raises:
            ConfigError: the new fields do not belong together.
        """
        fields = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return WeightKey(**{**fields, **changes})

    def to_dict(self) -> dict[str, object]:
        """What the key is, as plain JSON values: its secret and image key included, its values counted only."""
        return {
            "version": self.version,
            "customer": self.customer,
            "fill": self.fill,
            "coding": self.coding,
            "secret": bytes(self.secret).hex(),
            "keyed_model": self.model_digest,
            "scalars": {name: place.scalars for name, place in self.places.items()},
            "bytes": self.value_bytes,
            "image_key": None if self.image_key is None else self.image_key.to_dict(),
        }

    def __repr__(self) -> str:
        return f"WeightKey(version={self.version}, tensors={len(self.places)}, values=<hidden>, secret=<hidden>)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise ConfigError("got a weight key to pickle, which would write it in the clear; use save_weight_key")
