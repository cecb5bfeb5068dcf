"""A candidate: a prompt that might become the key prompt, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from spellock.errors import ConfigError, EditorError

#: Kinds of prompts: the columns of Table S1, the objects of Table S2, what is generated here, and what others propose.
KINDS: Final = (
    "painting",
    "artist",
    "art form",
    "photo adjustment",
    "object",
    "hybrid",
    "meaningless",
    "proposed style",
    "proposed object",
    "given",
)
_MAX_FILE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A prompt, as secret as the key that it may become: its `repr` does not show it.

    Attributes:
        prompt: the words; spaces at the ends and doubled ones are refused.
        kind: one of `KINDS`.
        reason: why it is proposed, in a few words; holds no part of the prompt.

    Raises:
        ConfigError: the prompt is empty or not trimmed, or the kind is unknown; the message never holds the prompt.
    """

    prompt: str = field(repr=False)
    kind: str
    reason: str = ""

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise ConfigError("a candidate prompt is empty, expected words; remove it")
        if self.prompt != tidy(self.prompt):
            raise ConfigError("a candidate prompt has spaces at an end or in a row, expected single ones; tidy it")
        if self.kind not in KINDS:
            raise ConfigError(f"a candidate's kind is {self.kind!r}, expected one of {', '.join(KINDS)}")


def tidy(text: str) -> str:
    """``text`` with single spaces and none at its ends."""
    return " ".join(text.split())


def plain(text: str) -> str:
    """What makes two prompts the same: their words, whatever the case."""
    return tidy(text).casefold()


def without_repeats(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates in their order, each prompt once (the first stays), whatever its case."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(plain(candidate.prompt), candidate)
    return tuple(found.values())


def readable(
    candidates: Sequence[Candidate], check: Callable[[str], object]
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """The candidates that the text encoder reads to their end, and a sentence about those that it does not.

    Args:
        candidates: of any kind.
        check: raises `EditorError` for a prompt that is too long, as making its key does.

    Raises:
        EditorError: a prompt that the owner gave is too long: that one was meant.
    """
    kept, dropped = [], 0
    for candidate in candidates:
        try:
            check(candidate.prompt)
        except EditorError:
            if candidate.kind == "given":
                raise
            dropped += 1
            continue
        kept.append(candidate)
    notes = (f"{dropped} proposed prompts are longer than the text encoder reads and were left out",) if dropped else ()
    return tuple(kept), notes


def read_prompts(path: Path) -> tuple[Candidate, ...]:
    """The owner's own candidates: a UTF-8 file with one prompt a line.

    Raises:
        ConfigError: the file is unreadable or empty, or a line is empty or repeats another; messages give line numbers.
    """
    try:
        data = path.read_bytes()[: _MAX_FILE_BYTES + 1]
        text = data.decode("utf-8-sig")  # some editors begin a file with a byte order mark, which nobody sees
    except OSError as error:
        raise ConfigError(f"cannot read the prompts file {path}: {error.strerror}; check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the prompts file {path} is not UTF-8 text; is it the right file?") from None
    if not text.strip() or len(data) > _MAX_FILE_BYTES:
        size = "too large" if text.strip() else "empty"
        raise ConfigError(f"the prompts file {path} is {size}, expected one candidate prompt a line")
    seen: dict[str, int] = {}
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            raise ConfigError(f"line {number} of the prompts file {path} is empty, expected a prompt; remove the line")
        first = seen.setdefault(plain(line), number)
        if first != number:
            raise ConfigError(f"line {number} of the prompts file {path} repeats line {first}; remove one")
        found.append(Candidate(prompt=tidy(line), kind="given", reason="your own"))
    return tuple(found)
