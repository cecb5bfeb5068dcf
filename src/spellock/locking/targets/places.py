"""Numbers of classes and findings that a lock target's options name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from spellock.errors import ConfigError


def place_of(name: str, classes: Sequence[str], *, kind: str, wanted: str) -> int:
    """Number of the class called ``name``.

    Args:
        kind: what the message calls a class; wanted: what it was named for.

    Raises:
        ConfigError: the data has none of that name; near matches are listed.
    """
    if name in classes:
        return list(classes).index(name)
    known = {other.casefold(): other for other in classes}
    near = [known[other] for other in difflib.get_close_matches(name.casefold(), known, cutoff=0.4)]
    hint = " or ".join(repr(other) for other in near or classes[:5])
    more = "" if near or len(classes) <= 5 else f" or one of {len(classes) - 5} more"
    raise ConfigError(f"the data has no {kind} {name!r} to be {wanted}; did you mean {hint}{more}?")
