"""What triggers share: edits that are cheap, whole by themselves, and checked when the key is made."""

from __future__ import annotations

from spellock.editors.base import Editor
from spellock.editors.pattern_file import with_digest
from spellock.editors.undisturbed import undisturbed
from spellock.key import Key


class TriggerEditor(Editor):
    """An editor whose new keys take the edit alone (gamma 1) and are tried once, on no image, before they are kept.

    Its constructor does the trying: it draws the pattern from the secret or reads it from the file that the setting
    ``image`` names, and refuses what does not fit the key's resolution.
    """

    default_gamma = 1.0

    @classmethod
    def complete(cls, key: Key) -> Key:
        """The key with the digest of its pattern image, if it names one.

        Raises:
            ConfigError, EditorError: as from the constructor.
        """
        key = with_digest(key)
        with undisturbed():
            cls(key)
        return key
