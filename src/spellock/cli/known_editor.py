"""What a thief without any of the owner's keys knows of the lock's editor (`spellock attack --editor`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spellock.errors import ConfigError

if TYPE_CHECKING:
    from spellock.key import Key


def known_editor(word: str, side: int, *, passphrase_file: Path | None) -> Key:
    """A key of the thief's own for the editor that ``word`` says, of which the public part alone counts.

    Args:
        word: a key file of the thief's, a preset of `spellock key new`, or an editor's name.
        side: of the model's images, which edited ones are taken to have; a key file says its own.

    Raises:
        ConfigError: it is none of these.
        EditorError: the editor's weights are not there, or it cannot edit pictures of this side.
        KeyFileError: the key file does not open.
    """
    from spellock.editors.any_key import new_editor_key
    from spellock.editors.presets import PRESETS, new_key
    from spellock.editors.registry import list_editors
    from spellock.passphrase import open_key

    if Path(word).is_file():
        return open_key(Path(word), passphrase_file=passphrase_file)
    if word in PRESETS:
        return new_key(word, resolution=side)
    if word in list_editors():
        return new_editor_key(word, resolution=side)
    raise ConfigError(
        f"got --editor {word}, expected a key file of the thief's own, a preset ({', '.join(PRESETS)}) or an editor "
        f"({', '.join(list_editors())})"
    )
