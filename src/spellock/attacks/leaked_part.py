"""What a thief learns of a part of a weight key: places and values, and nothing that they were drawn from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from spellock.weightlocks.deltas import opened_values
from spellock.weightlocks.dtypes import bytes_of
from spellock.weightlocks.places import Place
from spellock.weightlocks.states import State
from spellock.weightlocks.weight_key import WeightKey


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class LeakedPart:
    """A part of a key without its secret.

    Attributes:
        places: units of tensors by name, as the network names them.
        values: (k, unit) by name: what belongs there.
    """

    places: Mapping[str, Place]
    values: Mapping[str, Tensor]

    @classmethod
    def of(cls, part: WeightKey, keyed: State) -> LeakedPart:
        """Of a key made by `spellock.weightlocks.parts.part_of`, or a whole one, and its keyed model."""
        return cls(places=dict(part.places), values=opened_values(keyed, part))

    @property
    def digest(self) -> str:
        """Tells one part from another."""
        found = hashlib.sha256()
        for name, place in self.places.items():
            found.update(f"{name} {place.unit}\n".encode())
            found.update(place.indices.tobytes())
            found.update(bytes_of(self.values[name]))
        return found.hexdigest()
