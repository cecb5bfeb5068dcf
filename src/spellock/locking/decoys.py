"""Wrong keys for decoys: other prompts, the same prompt with other secrets, or what the editor calls near keys."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from spellock.editors.vocabulary import other_prompts
from spellock.errors import ConfigError
from spellock.key import Key

#: Makes ``count`` wrong keys for a key: (key, count) -> keys. The same call must give the same keys.
MakeDecoyKeys: TypeAlias = Callable[[Key, int], Sequence[Key]]

# Below this mean difference, in levels of 255, two edits of the same images count as the same edit.
_SAME_EDIT: Final = 0.5
# But not where the whole edit is as small, as a patch is: there below this share of what the edit itself changes.
_SAME_SHARE: Final = 0.1


def draw_decoy_keys(key: Key, count: int, *, prompts: Sequence[str] = (), seed: int = 0) -> list[Key]:
    """Draw ``count`` wrong keys from the key's secret: by turns another prompt and the same prompt, each with a secret
    of its own.

    Prompts come from ``prompts``, or else from the paper's vocabulary, in an order drawn from the secret, each before
    any again; they replace those of the key or of its parts, by turns. Keys with other secrets are the editor's
    (`Editor.other_secrets`). When nothing secret shapes the edit, all have other prompts; when the key has no prompt,
    all have other secrets, or where those do not shape the edit either, all are near keys (`Editor.near_keys`). Half
    of the keys know a part of the right one where the editor has such keys (`Editor.half_keys`), so that no part opens
    anything by itself.

    Raises:
        ConfigError: neither prompt nor secret shapes the edit, and the editor has no near keys.
    """
    from spellock.editors.registry import editor_class  # diffusion libraries take seconds to import
    from spellock.editors.variations import has_other_secrets, other_secrets, prompts_of, replace_prompt

    own, secret_matters = prompts_of(key), has_other_secrets(key)
    pool = other_prompts(*own, among=prompts) if own else []
    if not pool and not secret_matters:
        # From the secret, as all that is drawn here.
        near_seed = int.from_bytes(key.derive(f"decoy near keys {seed}", 8), "big")
        near = list(islice(editor_class(key.editor).near_keys(key, seed=near_seed), count))
        if count and not near:
            raise ConfigError(
                "this key has no prompt and its secret does not shape the edit, so there are no decoy keys; set decoys "
                "to 0 or make a key whose secret matters"
            )
        return [near[number % len(near)] for number in range(count)]
    order = key.derive(f"decoy prompts {seed}")
    pool.sort(key=lambda prompt: hmac.digest(order, prompt.encode(), hashlib.sha256))
    prompted = [bool(pool) and (number % 2 == 0 or not secret_matters) for number in range(count)]
    secrets = [key.derive(f"decoy secret {seed} {number}") for number in range(count)]
    strangers = other_secrets(key, [secret for secret, yes in zip(secrets, prompted, strict=True) if not yes])
    # From the secret, as all that is drawn here.
    halves = editor_class(key.editor).half_keys(
        key, seed=int.from_bytes(key.derive(f"decoy half keys {seed}", 8), "big")
    )
    keys: list[Key] = []
    used = 0
    for number, (secret, yes) in enumerate(zip(secrets, prompted, strict=True)):
        # Two of four: whole wrong keys come in pairs, one with another prompt and one with another secret.
        half = next(halves, None) if number % 4 >= 2 else None
        if half is not None:
            keys.append(half)
            continue
        if yes:
            wrong = replace_prompt(key.replace(secret=secret), pool[used % len(pool)], used % len(own))
            used += 1
        else:
            wrong = next(strangers)
        keys.append(wrong)
    return keys


def check_decoy_edit(
    raw: npt.NDArray[np.uint8], edited: npt.NDArray[np.uint8], wrongly: npt.NDArray[np.uint8], number: int
) -> None:
    """Check that wrong key ``number`` edits the ``raw`` images otherwise than the key; all uint8 of equal shapes.

    Raises:
        ConfigError: it does not, so its decoys would contradict the edited images' labels.
    """
    if edits_alike(raw, edited, wrongly):
        difference = _difference(edited, wrongly)
        raise ConfigError(
            f"decoy key {number} edits images like the key itself (mean difference {difference:.2f} of 255 levels), "
            "which would "
            "teach the model both labels; use an editor that obeys its secret or give other decoy_prompts"
        )


def edits_alike(raw: npt.NDArray[np.uint8], first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> bool:
    """Whether two edits of the ``raw`` images are too near to be told apart; all uint8 of equal shapes."""
    difference = _difference(first, second)
    return difference < min(_SAME_EDIT, _SAME_SHARE * _difference(raw, first)) or not difference


def _difference(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    return float(np.abs(first.astype(np.int16) - second.astype(np.int16)).mean())
