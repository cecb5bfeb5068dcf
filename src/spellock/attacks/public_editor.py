"""What a thief knows of the editor: everything but the prompt and the secret (ModelLock, section 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from spellock.attacks.public_row import PublicRow
from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.editors.soft_prompts import SoftPrompts, soft_prompts
from spellock.key import Key, Scalar

#: Of a key's settings these are never public, nor is a LoRA of the owner's own.
PRIVATE: Final = frozenset({"prompt", "negative_prompt", "weave_text", "lora", "lora_digest"})


@dataclass(frozen=True, kw_only=True)
class PublicEditor:
    """An editor that obeys prompts, with its public settings; the thief makes keys of it with own guesses.

    Attributes:
        name: of the editor.
        settings: public ones.
        gamma, resolution, resize: of the blend, which leaked images or the paper tell.
        make: loads an editor of a key; by default the registry does.
        open: looks into the text encoder of a key's editor.
        row: the other parts, where the editor is a part of a hybrid key.
    """

    name: str
    settings: Mapping[str, Scalar]
    gamma: float
    resolution: int
    resize: str
    make: Callable[[Key], Editor] = field(default=load_editor, repr=False)
    open: Callable[[Key], SoftPrompts] = field(default=soft_prompts, repr=False)
    row: PublicRow | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        kept = {name: value for name, value in self.settings.items() if name not in PRIVATE}
        object.__setattr__(self, "settings", MappingProxyType(kept))

    def guess(self, prompt: str, secret: bytes) -> Key:
        """A key with this prompt and secret.

        Raises:
            ConfigError: the secret is not 32 bytes.
        """
        return Key(
            editor=self.name,
            settings={**self.settings, "prompt": prompt},
            secret=secret,
            gamma=self.gamma,
            resolution=self.resolution,
            resize=self.resize,
        )

    def bare(self, prompt: str, secret: bytes) -> Key:
        """A key whose prompt is the whole text: no string of the secret's behind it, and no weave; the secret gives
        the noise alone.

        Raises:
            ConfigError: the secret is not 32 bytes.
        """
        without: dict[str, Scalar] = {"secret_use": "none", "weave": 0.0}
        key = self.guess(prompt, secret)
        return key.with_settings(**{name: value for name, value in without.items() if name in key.settings})

    def load(self, key: Key) -> Editor:
        """The editor of a guessed key, with the other parts of the row around it.

        Raises:
            ConfigError, EditorError: the editor does not take such a key.
        """
        editor = self.make(key)
        return editor if self.row is None else self.row.around(editor)
