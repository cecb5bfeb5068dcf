"""Which wrong keys are tried, by a stated rule.

For a key with a prompt half are other prompts, a quarter other secrets, a quarter near synonyms. For a key without one
half are near keys, which its editor names, and half other secrets. Each wrong key differs from the right one in one
thing and keeps all else, so that it tells what that thing protects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
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
    Of a key made of parts the prompts are replaced by turns, one at a time. Other secrets come with another noise seed
    where the key fixes one, since the edit would be the same otherwise, and without LoRA or private editor where
    that is the secret (`Editor.other_secrets`). Of a key without a prompt, 20 are 10 near keys (`Editor.near_keys`) and
    10 other secrets; more other secrets where the editor names fewer near keys, and near keys only where nothing secret
    shapes the edit.

    Raises:
        ConfigError: ``count`` is negative, or larger than there are prompts or near keys for.
    """
    if count < 0:
        raise ConfigError(f"got {count} wrong keys, expected 0 or more")
    from spellock.editors.variations import prompts_of, replace_prompt  # diffusion libraries take seconds to import

    prompts = prompts_of(key)
    places = [place for place, prompt in enumerate(prompts) if prompt.strip()]
    if not places:
        return _without_prompt(key, count, seed)
    secrets = near = count // 4
    others = _vocabulary(prompts, count - secrets - near, seed)
    synonyms = _synonyms([prompts[place] for place in places], near, seed)
    return (
        *(
            WrongKey(key=replace_prompt(key, other, place), kind="other prompt", number=number, shown=other)
            for number, (place, other) in enumerate(zip(cycle(places), others, strict=False), 1)
        ),
        *_other_secrets(key, secrets, seed),
        *(
            WrongKey(key=replace_prompt(key, other, place), kind="near synonym", number=number)
            for number, (place, other) in enumerate(zip(cycle(places), synonyms, strict=False), 1)
        ),
    )


def _vocabulary(prompts: Sequence[str], count: int, seed: int) -> list[str]:
    """``count`` prompts of Tables S1 and S2 but for ``prompts``, one from every column in turn."""
    tables = [list(column) for column in STYLE_PROMPTS.values()]
    tables += [[object_prompt(name) for name in names] for names in (IRRELEVANT_OBJECTS, RELEVANT_OBJECTS)]
    generator = np.random.default_rng([seed, 0x70726F6D])
    columns = [[column[index] for index in generator.permutation(len(column))] for column in tables]
    turns = [column[turn] for turn in range(max(map(len, columns))) for column in columns if turn < len(column)]
    own = {" ".join(prompt.casefold().split()) for prompt in prompts}
    others = [other for other in turns if other.casefold() not in own]
    if count > len(others):
        raise ConfigError(f"got {count} other prompts to draw, expected at most the {len(others)} of Tables S1 and S2")
    return others[:count]


def _synonyms(prompts: Sequence[str], count: int, seed: int) -> list[str]:
    """``count`` neighbours of the prompts, one of each in turn."""
    near = [near_prompts(prompt, -(-count // len(prompts)), seed=seed) for prompt in prompts]
    return [other for row in zip(*near, strict=True) for other in row][:count]


def _without_prompt(key: Key, count: int, seed: int) -> tuple[WrongKey, ...]:
    if not count:
        return ()
    from spellock.editors.registry import editor_class  # diffusion libraries take seconds to import
    from spellock.editors.variations import has_other_secrets

    matters = has_other_secrets(key)
    near = list(_near(key, editor_class(key.editor).near_keys(key, seed=seed), count // 2 if matters else count))
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
    from spellock.editors.variations import has_other_secrets, other_secrets, replace_noise_seed

    generator = np.random.default_rng([seed, 0x73656372])
    noise_seed = 0

    def secrets() -> Iterator[bytes]:
        nonlocal noise_seed
        while True:
            secret, noise_seed = generator.bytes(SECRET_BYTES), int(generator.integers(2**31))
            yield secret

    # Where nothing secret shapes the edit, the noise seed still may.
    others = other_secrets(key, secrets()) if has_other_secrets(key) else (key.replace(secret=s) for s in secrets())
    wrong: list[WrongKey] = []
    while len(wrong) < count:
        other = replace_noise_seed(next(others), noise_seed)
        if other != key:
            wrong.append(WrongKey(key=other, kind="other secret", number=len(wrong) + 1))
    return tuple(wrong)
