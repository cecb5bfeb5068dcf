"""The same key with one thing wrong in it, wherever that lies: a prompt, a noise seed, the secret."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from spellock.editors.registry import editor_class
from spellock.key import SECRET_BYTES, Key


def prompts_of(key: Key) -> tuple[str, ...]:
    """The key prompts: of the key itself, or of those of its parts that have one, first part first."""
    return tuple(str(part.settings["prompt"]) for part in _parts(key) if _has_prompt(part))


def replace_prompt(key: Key, prompt: str, place: int = 0) -> Key:
    """The same key with ``prompt`` instead of its prompt number ``place``, in the order of `prompts_of`.

    Raises:
        IndexError: the key has fewer prompts.
    """
    parts = _parts(key)
    where = [number for number, part in enumerate(parts) if _has_prompt(part)][place]
    parts[where] = parts[where].with_settings(prompt=prompt)
    return editor_class(key.editor).with_parts(key, parts)


def replace_noise_seed(key: Key, seed: int) -> Key:
    """The same key with the noise seed ``seed`` wherever it fixes one, since another secret would not change it."""
    parts = _parts(key)
    fixed = [isinstance(part.settings.get("noise_seed"), int) for part in parts]
    if not any(fixed):
        return key
    changed = [part.with_settings(noise_seed=seed) if yes else part for part, yes in zip(parts, fixed, strict=True)]
    return editor_class(key.editor).with_parts(key, changed)


def other_secrets(key: Key, secrets: Iterable[bytes]) -> Iterator[Key]:
    """Keys of those who know all but what is secret, one for each of ``secrets``; none where nothing secret shapes the
    edit. See `Editor.other_secrets`."""
    return editor_class(key.editor).other_secrets(key, secrets)


def has_other_secrets(key: Key) -> bool:
    """Whether `other_secrets` gives any."""
    return next(other_secrets(key, [bytes(SECRET_BYTES)]), None) is not None


def _parts(key: Key) -> list[Key]:
    return list(editor_class(key.editor).parts_of(key))


def _has_prompt(part: Key) -> bool:
    return isinstance(part.settings.get("prompt"), str)
