"""What comes of a job of the plan: files, each for a use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from spellock.locking.plan import Role

#: Uses of a job's files, the raw version before the edited one.
USES: Final[dict[Role, tuple[str, ...]]] = {
    Role.EDITED: ("edited",),
    Role.TWIN: ("twin", "edited"),
    Role.RAW: ("raw",),
    Role.VALIDATION: ("validation raw", "validation edited"),
    Role.DECOY: ("decoy",),
    Role.TIER: ("tier",),
    Role.VALIDATION_TIER: ("validation tier",),
}


@dataclass(frozen=True, kw_only=True)
class Product:
    """What came of a job: PNG files by use ("edited", "raw", "twin", "decoy", "tier"; "validation raw", "validation
    edited", "validation tier").

    ``problem`` names the image that could not be decoded; then there are no files.
    """

    job: int
    files: tuple[tuple[str, bytes], ...] = ()
    problem: str | None = None
