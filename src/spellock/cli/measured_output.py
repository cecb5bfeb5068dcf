"""What `spellock evaluate` leaves behind: the page and its files, and the figures in the terminal whatever happens."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from spellock.cli.options import record_run
from spellock.evaluation.requirements import Requirement, check_requirements

if TYPE_CHECKING:
    from spellock.cli.evaluate_args import EvaluateArgs
    from spellock.evaluation.accuracy import Estimate


class Measured(Protocol):
    """A report or a report card."""

    @property
    def figures(self) -> Mapping[str, Estimate]: ...

    def to_dict(self) -> dict[str, Any]: ...


_M = TypeVar("_M", bound=Measured)


def put_out(
    measured: _M,
    args: EvaluateArgs,
    *,
    write: Callable[[_M, Path], Path],
    show: Callable[[_M], None],
    name: str,
    required: Sequence[Requirement],
) -> int:
    """Write ``measured`` to ``args.out`` and print it: a full disk does not cost the figures. Returns 0.

    Args:
        write: writes the files into a folder and gives the page among them.
        show: prints the figures for people.
        name: of the page, in the last line.

    Raises:
        UnmetError: a ``required`` figure is missed; everything is written and printed.
        StorageError: nothing can be written; the figures are printed.
    """
    page = None
    try:
        page = write(measured, args.out)
        record_run(args.out / "command.json", "evaluate", args)
    finally:
        if args.json:
            print(json.dumps({**measured.to_dict(), "report": None if page is None else str(page)}))
        else:
            show(measured)
    if not args.json:
        print(f"{name}: {page}", file=sys.stderr)
    check_requirements(required, measured.figures)
    return 0
