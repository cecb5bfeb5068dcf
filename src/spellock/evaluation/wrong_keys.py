"""Which wrong keys are tried, by a stated rule.

For a key with a prompt half are other prompts, a quarter other secrets, a quarter near synonyms. For a key without one
half are near keys, which its editor names, and half other secrets. Each wrong key differs from the right one in one
thing and keeps all else, so that it tells what that thing protects.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Literal

import numpy as np

from spellock.editors.vocabulary import (
    IRRELEVANT_OBJECTS,
    RELEVANT_OBJECTS,
    STYLE_PROMPTS,
    object_prompt,
)
from spellock.errors import ConfigError
from spellock.evaluation.near_prompts import near_prompts
from spellock.key import SECRET_BYTES, Key

Kind = Literal["other prompt", "other secret", "near synonym", "other setting"]
DEFAULT_COUNT: Final = 20


@dataclass(frozen=True, kw_only=True)
class WrongKey:
    """A key that should not unlock.

    Attributes:
        key: the wrong key; as secret as the right one, since it shares most of it.
        kind: what was changed.
        number: counts from 1 within its kind.
        shown: text for a report that gives nothing away: the vocabulary prompt for other prompts, the names of the
            changed settings (never a value) for other settings, else nothing.
    """

    key: Key
    kind: Kind
    number: int
    shown: str = ""

    @property
    def name(self) -> str:
        """A name that gives nothing away, for example ``other prompt 3``."""
        return f"{self.kind} {self.number}"


def choose_wrong_keys(key: Key, *, count: int = DEFAULT_COUNT, seed: int = 0) -> tuple[WrongKey, ...]:
    """``count`` wrong keys by the rule; 20 are 10 other prompts, 5 other secrets and 5 near synonyms.

    Other prompts are spread over the four columns of Table S1 and the two of Table S2, drawn from ``seed`` within each.
    Other secrets come with another noise seed where the key fixes one, since the edit would be the same otherwise. Of a
    key without a prompt, 20 are 10 near keys (`Editor.near_keys`) and 10 other secrets; more other secrets where the
    editor names fewer near keys, and near keys only where the secret does not matter.

    Raises:
        ConfigError: ``count`` is negative, or larger than there are prompts or near keys for.
    """
    if count < 0:
        raise ConfigError(f"got {count} wrong keys, expected 0 or more")
    prompt = key.settings.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        return _without_prompt(key, count, seed)
    secrets = near = count // 4
    others = _vocabulary(prompt, count - secrets - near, seed)
    synonyms = near_prompts(prompt, near, seed=seed)
    return (
        *(
            WrongKey(key=key.with_settings(prompt=other), kind="other prompt", number=number, shown=other)
            for number, other in enumerate(others, 1)
        ),
        *_other_secrets(key, secrets, seed),
        *(
            WrongKey(key=key.with_settings(prompt=other), kind="near synonym", number=number)
            for number, other in enumerate(synonyms, 1)
        ),
    )


def _vocabulary(prompt: str, count: int, seed: int) -> list[str]:
    """``count`` prompts of Tables S1 and S2 but for ``prompt``, one from every column in turn."""
    tables = [list(column) for column in STYLE_PROMPTS.values()]
    tables += [[object_prompt(name) for name in names] for names in (IRRELEVANT_OBJECTS, RELEVANT_OBJECTS)]
    generator = np.random.default_rng([seed, 0x70726F6D])
    columns = [[column[index] for index in generator.permutation(len(column))] for column in tables]
    turns = [column[turn] for turn in range(max(map(len, columns))) for column in columns if turn < len(column)]
    others = [other for other in turns if other.casefold() != " ".join(prompt.casefold().split())]
    if count > len(others):
        raise ConfigError(f"got {count} other prompts to draw, expected at most the {len(others)} of Tables S1 and S2")
    return others[:count]


def _without_prompt(key: Key, count: int, seed: int) -> tuple[WrongKey, ...]:
    if not count:
        return ()
    from spellock.editors.registry import editor_class  # diffusion libraries take seconds to import

    editor = editor_class(key.editor)
    matters = editor.secret_matters(key)
    near = list(_near(key, editor.near_keys(key, seed=seed), count // 2 if matters else count))
    if not matters and len(near) < count:
        raise ConfigError(
            f"got {count} wrong keys to draw, expected at most {len(near)}, since this key's edit does not depend on "
            "its secret; ask for fewer"
        )
    return (*near, *_other_secrets(key, count - len(near), seed))


def _near(key: Key, near: Iterator[Key], count: int) -> Iterator[WrongKey]:
    for number, other in enumerate(islice(near, count), 1):
        names = [name for name, value in other.settings.items() if value != key.settings.get(name)]
        yield WrongKey(key=other, kind="other setting", number=number, shown=", ".join(names))


def _other_secrets(key: Key, count: int, seed: int) -> tuple[WrongKey, ...]:
    generator = np.random.default_rng([seed, 0x73656372])
    wrong: list[WrongKey] = []
    while len(wrong) < count:
        secret, noise_seed = generator.bytes(SECRET_BYTES), int(generator.integers(2**31))
        other = key.replace(secret=secret)
        if isinstance(key.settings.get("noise_seed"), int):
            other = other.with_settings(noise_seed=noise_seed)
        if other != key:
            wrong.append(WrongKey(key=other, kind="other secret", number=len(wrong) + 1))
    return tuple(wrong)
