"""The tiers of `spellock lock` and `spellock evaluate`: key files with their groups, and the passphrases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spellock.errors import ConfigError

if TYPE_CHECKING:
    from spellock.key import Key
    from spellock.locking.tiers import Tier


def open_tiers(
    given: Sequence[tuple[Path, Path]],
    *,
    passphrase_files: Sequence[Path] = (),
    share: float = 1.0,
    spread: float = 0.0,
) -> tuple[Tier, ...]:
    """Tiers from pairs of a key file and a file of groups; a tier is called as its key file, without the suffix.

    Args:
        given: the pairs.
        passphrase_files: none to ask for each passphrase; one for all encrypted key files; or one a tier.
        share: see `Tier`, as ``spread``.

    Raises:
        KeyFileError: a key file does not open.
        DataError: a file holds no groups.
        ConfigError: the passphrase files do not fit the tiers, or a tier's name, share or spread cannot be.
    """
    from spellock.locking.group_file import read_groups
    from spellock.locking.tiers import Tier

    if passphrase_files and not given:
        raise ConfigError("--tier-passphrase-file is given without --tier; leave it out")
    if len(passphrase_files) not in (0, 1, len(given)):
        raise ConfigError(
            f"got {len(passphrase_files)} passphrase files for {len(given)} tiers, expected one for all or one each, "
            "in the order of --tier"
        )
    # Groups first: a mistake in them should not cost a passphrase.
    groups = [read_groups(path) for _, path in given]
    keys = _open_keys([path for path, _ in given], passphrase_files)
    return tuple(
        Tier(name=path.stem, key=key, groups=level, share=share, spread=spread)
        for (path, _), key, level in zip(given, keys, groups, strict=True)
    )


def _open_keys(paths: Sequence[Path], files: Sequence[Path]) -> list[Key]:
    from spellock.keyfile import is_encrypted, load_key
    from spellock.passphrase import open_key, read_passphrase_file

    if len(files) == len(paths):
        return [open_key(path, passphrase_file=file) for path, file in zip(paths, files, strict=True)]
    if not files:
        return [open_key(path, flag="--tier-passphrase-file") for path in paths]
    encrypted = [is_encrypted(path) for path in paths]
    if not any(encrypted):
        raise ConfigError("no tier's key file is encrypted; leave --tier-passphrase-file out")
    # Read once: a pipe cannot be read again.
    passphrase = read_passphrase_file(files[0])
    return [
        load_key(path, passphrase=passphrase if locked else None) for path, locked in zip(paths, encrypted, strict=True)
    ]
