"""`spellock split`: a column of splits for a table of labels that has none."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from spellock.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SplitArgs:
    """Hold test images back before a lock: write a table of labels again, with a column ``split`` of train and test.

    A patient's images stay together where the table names patients, and each finding's share is kept as near as can be.
    `spellock lock` then takes the training split of the new table and `spellock evaluate` its test split.
    """

    table: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="TABLE")]
    """Table of several labels an image (CSV or parquet), without splits."""
    out: Path | None = None
    """Table to write, of the same kind and in the same folder; an existing one is never replaced. None: the name of
    TABLE with "_split"."""
    test: float = 0.2
    """Share of the images for the test split, above 0 and below 1."""
    on_error: Literal["fail", "skip"] = "fail"
    """At a bad row: stop, or name it on standard error and leave it out."""
    seed: int = 0
    """Seed of the choice."""
    json: bool = False
    """Print one JSON object."""


def run(args: SplitArgs) -> int:
    """Write the table and say how many images each split has; returns 0.

    Raises:
        SpellockError: an option or the table does not fit, or the new one cannot be written.
    """
    from spellock.data.split_table import split_table

    if not 0 < args.test < 1:
        raise ConfigError(f"got --test {args.test}, expected a share above 0 and below 1, such as 0.2")
    out = args.out or args.table.with_name(f"{args.table.stem}_split{args.table.suffix}")
    shares = {"train": 1 - args.test, "test": args.test}
    counts = split_table(args.table, out, shares, seed=args.seed, on_error=args.on_error)
    if args.json:
        print(json_format.dumps({"out": str(out), "images": counts}))
    else:
        print(f"{out} written: {', '.join(f'{count} images in {name}' for name, count in counts.items())}")
    return 0
