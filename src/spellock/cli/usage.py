"""Words of the command line to a frozen dataclass, with every refusal as one sentence."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from typing import TypeVar

import tyro

from spellock.errors import SpellockError

T = TypeVar("T")
_RULE = re.compile(r"[─]{4,}")
_FRAME = " │╭╮╰╯|"


class UsageError(SpellockError):
    """The words after the command do not fit it."""

    exit_code = 2


def parse(arguments: type[T], *, prog: str, words: Sequence[str]) -> T:
    """Read ``words`` into the frozen dataclass ``arguments``; flags are kebab-case, unknown ones are refused.

    Raises:
        UsageError: a flag is unknown, missing, or its value does not fit.
        SystemExit: code 0, after ``--help``.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(arguments, prog=prog, args=words, config=(tyro.conf.FlagCreatePairsOff,))
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise UsageError(f"{_sentence(said.getvalue())}; see `{prog} --help`") from None


def _sentence(box: str) -> str:
    """The text of tyro's framed message, without its frame, help texts and footer."""
    lines = [line.removeprefix("│ ").rstrip(_FRAME) for line in box.splitlines() if line.startswith("│")]
    rules = [index for index, line in enumerate(lines) if _RULE.search(line)]
    first = lines[: rules[0]] if rules else lines
    # Four spaces before a flag, eight before its help text.
    flags = [line.strip() for line in lines[: max(rules, default=0)] if re.match(r" {4}\S", line)]
    if first and first[0].startswith("Missing"):
        return f"missing: {', '.join(flags)}"
    hint = (
        f"; did you mean {flags[0].split()[0]}?" if flags and any("Perhaps you meant" in line for line in lines) else ""
    )
    return (" ".join(line.strip() for line in first).rstrip(" .") or "the words do not fit the command") + hint
