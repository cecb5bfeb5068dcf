"""Docstrings below fields as help texts: the parser of flags by itself would break lines where the source does."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Iterator
from itertools import pairwise
from types import MappingProxyType
from typing import Any


def use_docstrings(arguments: type[Any]) -> str:
    """Make the docstrings below the fields of the dataclass ``arguments`` their help texts; returns the class's own.

    Nested and inherited fields are taken along. Idempotent.
    """
    for kind in _dataclasses(arguments):
        for name, text in _docstrings(kind):
            field = kind.__dataclass_fields__.get(name)
            if field is not None:
                field.metadata = MappingProxyType({**field.metadata, "help": _flat(text)})
    paragraphs = inspect.cleandoc(arguments.__doc__ or "").split("\n\n")
    return "\n\n".join(_flat(paragraph) for paragraph in paragraphs)


def _dataclasses(kind: type[Any]) -> Iterator[type[Any]]:
    """``kind``, the dataclasses that it inherits from and those that its fields are."""
    yield from (base for base in kind.__mro__ if dataclasses.is_dataclass(base))
    for hint in typing.get_type_hints(kind).values():
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from _dataclasses(hint)


def _docstrings(kind: type[Any]) -> Iterator[tuple[str, str]]:
    """Names of the fields that ``kind`` itself declares with a docstring below, and that docstring."""
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    for field, below in pairwise(tree.body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, text


def _flat(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")
