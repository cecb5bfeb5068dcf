"""The documentation names what exists: pages, links, commands and their options."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from spellock.cli.commands import Command, find_command
from spellock.cli.usage import UsageError, parse

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=str)
_FENCE = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def commands(page: Path) -> list[str]:
    """Lines of a page's shell blocks that call spellock, continued lines joined, comments and prompts dropped."""
    found = []
    for block in _FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = part.strip().removeprefix("$ ")
                if words.startswith("spellock "):
                    found.append(words)
    return found


def check(line: str) -> None:
    """Raise `UsageError` when the line is no valid call."""
    words = shlex.split(re.split(r"\s\d?[|>]", line)[0], comments=True)[1:]
    if words[0] in ("--help", "--version") or {"--help", "..."} & set(words):
        return
    command, rest = find_command(words)
    assert isinstance(command, Command), line
    parse(command.arguments, prog="spellock", words=[word for word in rest if word != "--debug"])


def test_pages_show_commands() -> None:
    assert len(commands(ROOT / "README.md")) >= 4


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_on_the_page_are_valid(page: Path) -> None:
    for line in commands(page):
        try:
            check(line)
        except UsageError as error:
            pytest.fail(f"{line}: {error}")


def test_an_invalid_command_is_found() -> None:
    with pytest.raises(UsageError):
        check("spellock lock photos --key my.key --out x --raw-twin")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def _python_blocks() -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}:{number}", block)
        for page in PAGES
        for number, block in enumerate(_PYTHON.findall(page.read_text(encoding="utf-8")))
    ]


def stale(block: str) -> list[str]:
    """What a Python example names that does not exist: modules, names in them, and keywords of what it calls."""
    tree, known, wrong = ast.parse(block), {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spellock"):
            for name in node.names:
                try:
                    known[name.asname or name.name] = getattr(import_module(str(node.module)), name.name)
                except (ImportError, AttributeError):
                    wrong.append(f"{node.module}.{name.name}")
    for node in ast.walk(tree):
        called = known.get(ast.unparse(node.func)) if isinstance(node, ast.Call) else None
        if called is None:
            continue
        takes = inspect.signature(called).parameters
        if not any(one.kind is one.VAR_KEYWORD for one in takes.values()):
            wrong += [f"{ast.unparse(node.func)}({word.arg}=)" for word in node.keywords if word.arg not in takes]
    return wrong


@pytest.mark.parametrize(("place", "block"), _python_blocks())
def test_python_examples_name_what_exists(place: str, block: str) -> None:
    assert not stale(block), place


def test_a_stale_python_example_is_found() -> None:
    assert stale("from spellock.key import Keys") == ["spellock.key.Keys"]
    example = "from spellock.recipes.suggest import SuggestConfig\nfound = SuggestConfig(image=64)"
    assert stale(example) == ["SuggestConfig(image=)"]


def test_the_index_lists_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    listed = {(ROOT / "docs" / target).resolve() for target in _LINK.findall(index) if "://" not in target}
    pages = {page.resolve() for page in (ROOT / "docs").rglob("*.md")} - {(ROOT / "docs" / "index.md").resolve()}
    assert pages <= listed, sorted(str(page.relative_to(ROOT)) for page in pages - listed)
