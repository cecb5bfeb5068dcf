"""Tasks by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from spellock.errors import ConfigError
from spellock.named import near_names
from spellock.named_classes import NamedClasses
from spellock.tasks.task import Task

F = TypeVar("F", bound=type[Task])
_TASKS: NamedClasses[Task] = NamedClasses("task")


def register_task(kind: F) -> F:
    """Class decorator: make a frozen dataclass known by its ``name``.

    Raises:
        ConfigError: the name is taken, or the class is no dataclass of its own.
    """
    _TASKS.add(kind.name, kind)
    return kind


def list_tasks() -> list[str]:
    """Names of all tasks."""
    return _TASKS.names()


def make_task(name: str, options: Mapping[str, object] | None = None) -> Task:
    """The task called ``name`` with ``options``; what is left out has its default.

    Raises:
        ConfigError: there is no such task (the message lists them), it does not know an option, or an option's value
            cannot be.
    """
    if name not in _TASKS:
        near = near_names(name, _TASKS, most=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_TASKS)}"
        raise ConfigError(f"there is no task {name!r}; {hint}")
    known = sorted(_TASKS.options(name))
    for option in _TASKS.unknown(name, options or ()):
        has = f"only {', '.join(known)}" if known else "none at all"
        raise ConfigError(f"the task {name!r} has no option {option!r}, {has}; leave it out")
    make: Callable[..., Task] = _TASKS[name]
    return make(**(options or {}))
