"""Where passphrases come from: a terminal, or a file that only its owner can read.

Never an argument or an environment variable: other processes, shell histories and crash reports see those.
"""

from __future__ import annotations

import getpass
import os
import stat
import warnings
from pathlib import Path
from typing import Final

from spellock.errors import KeyFileError
from spellock.key import Key
from spellock.keyfile import is_encrypted, load_key
from spellock.keyfile_cipher import MAX_PASSPHRASE

MIN_NEW_PASSPHRASE: Final = 8
_MAX_FILE_BYTES: Final = 4 * MAX_PASSPHRASE + 2
_TRIES: Final = 3
#: What a message tells those without a terminal to give, unless a command calls it otherwise (``flag``).
_FLAG: Final = "--passphrase-file"


def open_key(path: Path, *, passphrase_file: Path | None = None, flag: str = _FLAG) -> Key:
    """Load a key file, taking its passphrase from ``passphrase_file`` or else asking at the terminal.

    A file that is not encrypted is loaded without asking; together with a ``passphrase_file`` it is refused.

    Raises:
        KeyFileError: the key file does not open (see `spellock.keyfile.load_key`), or there is no passphrase to be had.
    """
    if passphrase_file is not None:
        return load_key(path, passphrase=read_passphrase_file(passphrase_file))
    return load_key(path, passphrase=ask_passphrase(path, flag=flag) if is_encrypted(path) else None)


def new_passphrase(path: Path, *, passphrase_file: Path | None = None, flag: str = _FLAG) -> str:
    """The passphrase for a key file to be written: from ``passphrase_file``, or asked for twice at the terminal.

    Raises:
        KeyFileError: it has fewer than 8 or more than 1024 characters, the two do not agree, or there is no terminal.
    """
    if passphrase_file is not None:
        passphrase = read_passphrase_file(passphrase_file)
        _check_length(passphrase)
        return passphrase
    for _ in range(_TRIES):
        passphrase = _ask(f"New passphrase for {path}: ", path, flag)
        _check_length(passphrase)
        if _ask("The same again: ", path, flag) == passphrase:
            return passphrase
    raise KeyFileError("the two passphrases were not the same; nothing was written, please repeat")


def ask_passphrase(path: Path, *, flag: str = _FLAG) -> str:
    """Ask for the passphrase of an existing key file at the terminal, without showing it.

    Raises:
        KeyFileError: there is no terminal.
    """
    return _ask(f"Passphrase for {path}: ", path, flag)


def read_passphrase_file(path: Path) -> str:
    """The passphrase in a file: its only line, without the line end. Pipes and ``/dev/stdin`` work too.

    Raises:
        KeyFileError: the file is missing or unreadable, readable by other users (``chmod 600`` it), empty, larger than
            any passphrase, not UTF-8, or of more than one line.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            # Only a file that stays there can be read by others later; a pipe is gone when it is read.
            if os.name == "posix" and stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
                raise KeyFileError(f"the passphrase file {path} can be read by other users; run `chmod 600 {path}`")
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"cannot read the passphrase file {path}: {error.strerror}; check the path") from None
    if len(data) > _MAX_FILE_BYTES:
        raise KeyFileError(f"the passphrase file {path} is larger than {_MAX_FILE_BYTES} bytes; is it the right file?")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise KeyFileError(f"the passphrase file {path} is not UTF-8 text; is it the right file?") from None
    passphrase = text.removesuffix("\n").removesuffix("\r")
    if not passphrase:
        raise KeyFileError(f"the passphrase file {path} is empty; write the passphrase into it")
    if "\n" in passphrase or "\r" in passphrase:
        raise KeyFileError(f"the passphrase file {path} has more than one line, expected the passphrase alone")
    return passphrase


def _ask(prompt: str, path: Path, flag: str) -> str:
    try:
        with warnings.catch_warnings():
            # Without a terminal getpass would read standard input and show it.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except (EOFError, OSError, UnicodeDecodeError, getpass.GetPassWarning):
        raise KeyFileError(f"there is no terminal to ask for the passphrase of {path}; give {flag}") from None


def _check_length(passphrase: str) -> None:
    if not MIN_NEW_PASSPHRASE <= len(passphrase) <= MAX_PASSPHRASE:
        size = "short" if len(passphrase) < MIN_NEW_PASSPHRASE else "long"
        raise KeyFileError(f"the new passphrase is too {size}; use {MIN_NEW_PASSPHRASE} to {MAX_PASSPHRASE} characters")
