"""Errors that a user can mend. Each message is one sentence: what came, what was expected, what to do."""

from __future__ import annotations


class SpellockError(Exception):
    """Base of all errors raised on purpose; the command line prints the message and exits with `exit_code`."""

    exit_code = 1


class ConfigError(SpellockError):
    """A setting is out of range, unknown, or contradicts another."""

    exit_code = 2


class PixelError(SpellockError):
    """Images break the pixel contract: float32 RGB in [0, 1], NCHW."""


class DataError(SpellockError):
    """A data set is missing, empty, unreadable, or does not fit the task."""


class MissingSplitError(DataError):
    """A data set has no split of the wanted name."""


class ModelError(SpellockError):
    """A model or its weights are unknown, unreadable, or do not fit."""


class EditorError(SpellockError):
    """An editor is unknown, unreadable, or is not the one that the key names."""

    exit_code = 2


class StorageError(SpellockError):
    """A file cannot be written: full disk, no permission, or something else is in the way."""


class KeyFileError(SpellockError):
    """A key file cannot be opened: wrong passphrase, altered, truncated or made by a newer version."""

    exit_code = 2


class MissingExtraError(SpellockError):
    """An optional dependency is not installed; the message names the extra that brings it."""


class TrainingError(SpellockError):
    """Training cannot go on: the loss is no number any more."""


class UnmetError(SpellockError):
    """All was measured, but a figure misses what the caller required."""

    exit_code = 3
