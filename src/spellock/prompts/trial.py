"""A trial: one whole key that a search looks at, as a value that can be kept and drawn again."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from spellock.errors import ConfigError
from spellock.hidden import HiddenBytes
from spellock.key import SECRET_BYTES
from spellock.prompts.candidate import Candidate
from spellock.prompts.space import Space


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a search sets in a key; as secret as the key, so that its `repr` shows only number and kind.

    Attributes:
        number: from 1; names the trial in reports.
        candidate: the prompt.
        settings: the numbers of `spellock.prompts.space.Space`, by name.
        secret: 32 bytes.
        listed: whether it is a printed prompt with the preset's own numbers, there to compare with.

    Raises:
        ConfigError: a number is missing or one too many, or the secret has another length.
    """

    number: int
    candidate: Candidate
    settings: Mapping[str, float] = field(repr=False)
    secret: bytes = field(repr=False)
    listed: bool = False

    def __post_init__(self) -> None:
        if set(self.settings) != {one.name for one in fields(Space)} or len(self.secret) != SECRET_BYTES:
            raise ConfigError("a trial lacks a setting or its secret is not of 32 bytes; draw it again")
        object.__setattr__(self, "secret", HiddenBytes(self.secret))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, the secret included: for a file that nobody else may read."""
        one = self.candidate
        return {
            "number": self.number,
            "prompt": one.prompt,
            "kind": one.kind,
            "reason": one.reason,
            "settings": dict(self.settings),
            "secret": bytes(self.secret).hex(),
            "listed": self.listed,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Trial:
        """Make a trial of what `to_dict` gave.

        Raises:
            ConfigError, KeyError, TypeError, ValueError: it is not that.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", values["secret"]):
            raise ConfigError("the secret of a kept trial is malformed; draw it again")
        return cls(
            number=int(values["number"]),
            candidate=Candidate(prompt=values["prompt"], kind=values["kind"], reason=values["reason"]),
            settings={str(name): float(value) for name, value in values["settings"].items()},
            secret=bytes.fromhex(values["secret"]),
            listed=bool(values["listed"]),
        )


def draw_trial(number: int, candidates: Sequence[Candidate], space: Space, source: random.Random) -> Trial:
    """A key by chance: first the kind of its prompt, all kinds alike, then the prompt, then numbers and secret.

    Args:
        number: of the trial.
        candidates: at least one.
        space: ranges of the numbers.
        source: `random.SystemRandom` unless a test or a benchmark has to repeat itself.
    """
    kinds = sorted({one.kind for one in candidates})
    kind = source.choice(kinds)
    return Trial(
        number=number,
        candidate=source.choice([one for one in candidates if one.kind == kind]),
        settings=space.draw(source),
        secret=source.randbytes(SECRET_BYTES),
    )


def listed_trial(number: int, candidate: Candidate, usual: Mapping[str, float], source: random.Random) -> Trial:
    """The key that a printed prompt would get without a search: the preset's numbers and a secret by chance."""
    return Trial(number=number, candidate=candidate, settings=usual, secret=source.randbytes(SECRET_BYTES), listed=True)
