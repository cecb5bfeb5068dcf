"""What the commands of keys say alike."""

from __future__ import annotations

import json as json_format
from pathlib import Path

from spellock.errors import ConfigError


def report(path: Path, done: str, *, encrypted: bool, as_json: bool) -> None:
    """Say what became of a key file."""
    if as_json:
        print(json_format.dumps({"path": str(path), "encrypted": encrypted}))
    elif encrypted:
        print(f"{path} {done}; without file and passphrase its models stay locked for good, so keep a copy of both")
    else:
        print(f"{path} {done}, NOT encrypted; whoever reads it has the key")


def refuse_both(first: str, first_given: bool, second: str, second_given: bool) -> None:
    """Raise `ConfigError` where two options that exclude each other are both given."""
    if first_given and second_given:
        raise ConfigError(f"got both {first} and {second}, which exclude each other; drop one")
