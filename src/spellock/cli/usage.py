"""Words of the command line to a frozen dataclass, with every refusal as one sentence."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar, cast

import tyro

from spellock.cli.help_texts import use_docstrings
from spellock.errors import SpellockError

T = TypeVar("T")
_RULE = re.compile(r"[─-]{4,}")
_UNNEEDED = ("For full helptext", "Argument helptext")
_FRAME = " │╭╮╰╯|"


class UsageError(SpellockError):
    """The words after the command do not fit it."""

    exit_code = 2


def given(words: Sequence[str], flag: str) -> str | None:
    """The value of ``flag`` among ``words``, before they are parsed, of several the last one, as the parser has it;
    None where it is not there."""
    found = None
    for word, value in zip(words, [*words[1:], ""], strict=True):
        name, equals, inline = word.partition("=")
        if name == flag:
            found = inline if equals else value
    return found


def parse(arguments: type[T], *, prog: str, words: Sequence[str], default: T | None = None) -> T:
    """Read ``words`` into the frozen dataclass ``arguments``; flags are kebab-case, unknown ones are refused.

    ``default`` gives values to flags that are not there; None takes the dataclass's own.

    Raises:
        UsageError: a flag is unknown, missing, or its value does not fit.
        SystemExit: code 0, after ``--help``.
    """
    said = io.StringIO()
    about = use_docstrings(arguments) if {"-h", "--help"} & set(words) else None
    try:
        with contextlib.redirect_stderr(said):
            read = tyro.cli(arguments, prog=prog, description=about, args=words, default=default)
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise UsageError(f"{_sentence(said.getvalue())}; see `{prog} --help`") from None
    return cast(T, read)


def _sentence(box: str) -> str:
    """The text of tyro's framed message, without its frame, help texts and footer."""
    lines = box.splitlines()
    # The frame is drawn with box characters, or where the terminal has none, as a heading underlined with hyphens.
    lines = [line for line in lines if line.startswith("│")] or lines[2:]
    lines = [line[2:].rstrip(_FRAME) for line in lines]
    parts = []
    for ruled, section in groupby(lines, key=lambda line: bool(_RULE.fullmatch(line.strip()))):
        texts = [line for line in section if line.strip()]
        if not ruled and texts and not texts[0].startswith(_UNNEEDED):
            parts.append(_part(texts))
    return "; ".join(parts) or "the words do not fit the command"


def _part(lines: list[str]) -> str:
    # Four spaces before a flag, eight before its help text.
    flags = [line.strip() for line in lines if re.match(r" {4}\S", line)]
    if lines[0].startswith("Missing") and flags:
        return f"missing: {', '.join(flags)}"
    if lines[0].startswith("Perhaps you meant") and flags:
        return f"did you mean {flags[0].split()[0]}?"
    text = " ".join(line.strip() for line in lines).rstrip(" .")
    return text[0].lower() + text[1:]
