"""The `spellock` command: finds the command, runs it, and turns every failure into one sentence and an exit code.

Exit codes: 0 done; 1 something that the sentence explains is in the way; 2 options, settings or a key that cannot be
used as they are; 3 a lock that misses what `evaluate --require` asks of it; 70 a fault of the program; 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import sys
from collections.abc import Sequence

from spellock.cli.commands import COMMANDS, Command, find_command, overview
from spellock.cli.usage import UsageError, parse
from spellock.errors import SpellockError

INTERRUPTED = 130
FAULT = 70
WRONG_USAGE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never raises, unless ``--debug`` is given."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("spellock").setLevel(logging.DEBUG if debug else logging.INFO)
    try:
        return _dispatch(words)
    except KeyboardInterrupt:
        return _say(_interrupted(words), INTERRUPTED)
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        return _say(str(stop.code), 1)  # a library's own last words
    except Exception as error:
        if debug:
            raise
        return _say(*_explain(error))


def entry() -> None:
    """The console script."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may hold what the terminal cannot show, which is no reason to stop.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = main()
    try:
        sys.stdout.flush()
    except OSError as error:
        # The reader (`head`, say) has gone, or the disk that the output goes to is full: keep the interpreter from
        # complaining about it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            code = _say(f"cannot write the output: {error.strerror}; send it elsewhere and run the command again", 1)
    sys.exit(code)


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview(COMMANDS))
        return 0 if words else WRONG_USAGE
    if words[0] == "--version":
        from spellock import __version__

        print(f"spellock {__version__}")
        return 0
    command, rest = find_command(words)
    if not isinstance(command, Command):
        print(overview(command))
        return 0
    args = parse(command.arguments, prog=f"spellock {command.name}", words=rest, default=command.defaults(rest))
    return command.run(args)


def _interrupted(words: list[str]) -> str:
    """What to do after Ctrl-C; only commands that keep unfinished work are said to go on with it."""
    try:
        command = find_command(words)[0] if words else None
    except UsageError:
        command = None
    goes_on = isinstance(command, Command) and command.resumes
    return f"interrupted; run the same command again{' to resume' if goes_on else ''}"


def _explain(error: Exception) -> tuple[str, int]:
    """The sentence and the exit code for an exception."""
    if isinstance(error, UsageError):
        return str(error), WRONG_USAGE
    if isinstance(error, SpellockError):
        return str(error), error.exit_code
    if isinstance(error, BrokenPipeError):
        return "the reader of the output has gone", 1
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{_where(error)}; free some space and run the same command again", 1
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission{_where(error)}; check who owns it or choose another place", 1
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return f"{(error.strerror or 'no such file').lower()}{_where(error)}; check the path", 1
    # torch's own error for a full GPU is known by its name, so that torch need not be imported here.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory; lower the batch size or the resolution", 1
    return f"unexpected {type(error).__name__}; run again with --debug for the traceback and report it", FAULT


def _where(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""


def _say(sentence: str, code: int) -> int:
    with contextlib.suppress(BrokenPipeError):
        print(f"spellock: {' '.join(sentence.split())}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    entry()
