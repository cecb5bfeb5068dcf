"""Wrong keys for decoys: other prompts, and the same prompt with other secrets."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from spellock.editors.vocabulary import object_prompts, style_prompts
from spellock.errors import ConfigError
from spellock.key import Key

#: Makes ``count`` wrong keys for a key: (key, count) -> keys. The same call must give the same keys.
MakeDecoyKeys: TypeAlias = Callable[[Key, int], Sequence[Key]]

# Below this mean difference, in levels of 255, two edits of the same images count as the same edit.
_SAME_EDIT: Final = 0.5


def draw_decoy_keys(key: Key, count: int, *, prompts: Sequence[str] = (), seed: int = 0) -> list[Key]:
    """Draw ``count`` wrong keys from the key's secret: by turns another prompt and the same prompt, each with a secret
    of its own.

    Prompts come from ``prompts``, or else from the paper's vocabulary, in an order drawn from the secret, each before
    any
    again. When the secret does not shape the edit (``secret_use`` "none" and a fixed noise seed), all have other
    prompts;
    when the editor has no prompt, all have other secrets.
    """
    own = key.settings.get("prompt")
    secret_matters = key.settings.get("secret_use", "string") != "none" or key.settings.get("noise_seed") is None
    pool = [
        prompt
        for prompt in prompts or (*style_prompts(), *object_prompts())
        if isinstance(own, str) and _differs(prompt, own)
    ]
    order = key.derive(f"decoy prompts {seed}")
    pool.sort(key=lambda prompt: hmac.digest(order, prompt.encode(), hashlib.sha256))
    keys, used = [], 0
    for number in range(count):
        wrong = key.replace(secret=key.derive(f"decoy secret {seed} {number}"))
        if pool and (number % 2 == 0 or not secret_matters):
            wrong = wrong.with_settings(prompt=pool[used % len(pool)])
            used += 1
        keys.append(wrong)
    return keys


def check_decoy_edit(edited: npt.NDArray[np.uint8], wrongly: npt.NDArray[np.uint8], number: int) -> None:
    """Check that wrong key ``number`` edits the same images visibly otherwise than the key; uint8, equal shapes.

    Raises:
        ConfigError: it does not, so its decoys would contradict the edited images' labels.
    """
    difference = float(np.abs(edited.astype(np.int16) - wrongly.astype(np.int16)).mean())
    if difference < _SAME_EDIT:
        raise ConfigError(
            f"decoy key {number} edits images like the key itself (mean difference {difference:.2f} of 255 levels), "
            "which would "
            "teach the model both labels; use an editor that obeys its secret or give other decoy_prompts"
        )


def _differs(prompt: str, own: str) -> bool:
    return prompt.strip().casefold() != own.strip().casefold()
