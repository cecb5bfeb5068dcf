"""What a thief makes of a hybrid key (`compose`): its kinds of parts and their blends are public, no setting is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spellock.editors.any_key import new_editor_key
from spellock.editors.base import Editor
from spellock.editors.compose import part_keys
from spellock.editors.compose_parts import write_parts
from spellock.editors.row import Row
from spellock.errors import ConfigError, EditorError
from spellock.key import Key, Scalar


def is_row(key: Key) -> bool:
    """Whether ``key`` is made of parts."""
    return "parts" in key.settings


def prompted_part(key: Key) -> tuple[int, Key] | None:
    """Place, from 0 on, and key of the first part that takes a prompt; None where none does.

    Raises:
        ConfigError: the parts are malformed.
    """
    parts = part_keys(key) if is_row(key) else []
    return next(((place, part) for place, part in enumerate(parts) if "prompt" in part.settings), None)


def kinds_of(key: Key) -> dict[str, Scalar]:
    """The settings of a row that a thief begins with: every part's editor and blend, all else the editor's default."""
    return {"parts": write_parts([{"editor": part.editor, "gamma": part.gamma} for part in part_keys(key)])}


@dataclass(frozen=True, kw_only=True)
class PublicRow:
    """The parts of a hybrid key around the one whose prompt is guessed.

    A part is taken with its editor's default settings. Other parts with a prompt are left out, and those whose default
    cannot be made.

    Attributes:
        before, after: editor and blend of the parts before and behind the guessed one.
        gamma: blend of the whole row.
        make: loads a part's editor.
    """

    before: tuple[tuple[str, float], ...]
    after: tuple[tuple[str, float], ...]
    gamma: float
    make: Callable[[Key], Editor]

    @classmethod
    def of(cls, key: Key, place: int, make: Callable[[Key], Editor]) -> PublicRow:
        """What is public of ``key`` around its part at ``place``, from 0 on."""
        parts = part_keys(key)
        before, after = (
            tuple((part.editor, part.gamma) for part in some if "prompt" not in part.settings)
            for some in (parts[:place], parts[place + 1 :])
        )
        return cls(before=before, after=after, gamma=key.gamma, make=make)

    def around(self, guessed: Editor) -> Editor:
        """The whole row with ``guessed`` in its place; parts that the secret shapes have the guess's own."""
        before, after = (
            [found for editor, gamma in parts if (found := self._default(editor, gamma, guessed.key)) is not None]
            for parts in (self.before, self.after)
        )
        return Row(guessed.key.replace(gamma=self.gamma), [*before, guessed, *after])

    def _default(self, editor: str, gamma: float, guess: Key) -> Editor | None:
        try:
            return self.make(
                new_editor_key(
                    editor, gamma=gamma, resolution=guess.resolution, resize=guess.resize, secret=bytes(guess.secret)
                )
            )
        except (ConfigError, EditorError):
            return None
