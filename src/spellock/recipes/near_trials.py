"""Keys near a trial's: what a thief would try who nearly knows it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from spellock.editors.variations import other_secrets
from spellock.errors import ConfigError, EditorError
from spellock.evaluation.near_prompts import near_prompts
from spellock.key import Key
from spellock.prompts.trial import Trial


def near_keys(trial: Trial, make_key: Callable[[Trial], Key], count: int, *, seed: int) -> tuple[Key, ...]:
    """At most ``count`` keys: near synonyms of the prompt and other secrets by turns, all else as in ``trial``.

    Fewer where the prompt has too few synonyms, or where no secret shapes the edit.
    """
    key = make_key(trial)
    synonyms: list[Key] = []
    with contextlib.suppress(ConfigError):  # a word of a letter or two
        for prompt in near_prompts(trial.candidate.prompt, count - count // 2, seed=seed):
            with contextlib.suppress(EditorError):  # longer than the text encoder reads
                synonyms.append(make_key(replace(trial, candidate=replace(trial.candidate, prompt=prompt))))
    secrets = [key.derive(f"near secret {number}") for number in range(count // 2)]
    return (*synonyms, *other_secrets(key, secrets))
