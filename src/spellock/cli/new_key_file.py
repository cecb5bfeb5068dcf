"""A key file that a command writes at its end: what can be refused is refused before long work begins."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from spellock.cli.key_words import refuse_both, report
from spellock.errors import ConfigError, StorageError
from spellock.keyfile import refuse_existing, save_key
from spellock.passphrase import new_passphrase

if TYPE_CHECKING:
    from spellock.key import Key


@dataclass(frozen=True, kw_only=True)
class NewKeyFile:
    """Where a key is written, and under which passphrase; ``path`` None for nowhere."""

    path: Path | None
    passphrase: str | None = field(default=None, repr=False)

    def write(self, key: Key) -> None:
        """Write ``key``; before anything is printed, for a closed pipe must not cost it.

        Raises:
            StorageError: it cannot be written.
        """
        if self.path is not None:
            save_key(key, self.path, passphrase=self.passphrase, plain=self.passphrase is None)

    def say(self) -> None:
        """Print that the key was written, where one was."""
        if self.path is not None:
            report(self.path, "written", encrypted=self.passphrase is not None, as_json=False)


def check_new_key(path: Path) -> None:
    """Refuse a key file that is there already, or whose folder is not, before long work and not after it.

    Raises:
        StorageError: it is so.
    """
    refuse_existing(path)
    if not path.parent.is_dir():
        raise StorageError(f"there is no folder {path.parent} for the key file; make it first")


def check_apart(key: Path, folder: Path) -> None:
    """Refuse a key file inside the folder of a model, which is given away.

    Raises:
        ConfigError: it is so.
    """
    if folder.is_dir() and key.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"got the key file {key} inside the model's folder, from where it leaks; put it elsewhere")


def plan_key_file(path: Path | None, *, plain: bool, passphrase_file: Path | None) -> NewKeyFile:
    """Check the options ``--write-key``, ``--plain`` and ``--passphrase-file``, and ask for a passphrase if need be.

    Raises:
        ConfigError, StorageError: options exclude each other, the file is there already, or its folder is not.
    """
    refuse_both("--plain", plain, "--passphrase-file", passphrase_file is not None)
    if path is None:
        if plain or passphrase_file is not None:
            raise ConfigError("--plain and --passphrase-file are for the key file; add --write-key FILE")
        return NewKeyFile(path=None)
    check_new_key(path)
    return NewKeyFile(path=path, passphrase=None if plain else new_passphrase(path, passphrase_file=passphrase_file))
