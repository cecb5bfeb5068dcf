"""`spellock split`: splits for a table of labels, or an image folder, that has none."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from spellock.cli.options import refuse_idle
from spellock.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SplitArgs:
    """Hold test images back before a lock: write a table of labels again, with a column ``split`` of train and test, or
    an image folder with one sub-folder a class again, as OUT/train and OUT/test.

    Of a table, a patient's images stay together where the table names patients, and each finding's share is kept as
    near as can be. Of a folder, each class's share is kept, and files of the same bytes stay together. `spellock lock`
    then takes the training split of what was written and `spellock evaluate` its test split.
    """

    data: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
    """Table of several labels an image (CSV or parquet), or image folder, without splits."""
    out: Path | None = None
    """What to write: a table of the same kind in the same folder, or a folder; an existing one is never replaced. None:
    the name of DATA with "_split"."""
    test: float = 0.2
    """Share of the images for the test split, above 0 and below 1."""
    on_error: Literal["fail", "skip"] = "fail"
    """At a bad row of a table: stop, or name it on standard error and leave it out."""
    seed: int = 0
    """Seed of the choice."""
    json: bool = False
    """Print one JSON object."""


def run(args: SplitArgs) -> int:
    """Write the table and say how many images each split has; returns 0.

    Raises:
        SpellockError: an option or the data do not fit, or what is new cannot be written.
    """
    if not 0 < args.test < 1:
        raise ConfigError(f"got --test {args.test}, expected a share above 0 and below 1, such as 0.2")
    data = args.data.resolve() if args.data.name in ("", "..") else args.data  # "." has no name to add to
    if data.is_dir():
        from spellock.data.split_folder import split_folder

        refuse_idle(args, ("on_error",), "a folder, whose images are not opened")
        out = args.out or data.with_name(f"{data.name}_split")
        counts = split_folder(data, out, args.test, seed=args.seed)
    else:
        from spellock.data.split_table import split_table

        out = args.out or data.with_name(f"{data.stem}_split{data.suffix}")
        shares = {"train": 1 - args.test, "test": args.test}
        counts = split_table(data, out, shares, seed=args.seed, on_error=args.on_error)
    if args.json:
        print(json_format.dumps({"out": str(out), "images": counts}))
    else:
        print(f"{out} written: {', '.join(f'{count} images in {name}' for name, count in counts.items())}")
    return 0
