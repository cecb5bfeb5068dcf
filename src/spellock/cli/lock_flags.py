"""Settings of locking and training as flags of the command line, and back."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, TypeVar

import tyro

from spellock.locking.config import LockConfig
from spellock.training.config import FinetuneConfig

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class LockingFlags(LockConfig):
    """The locked set."""

    edited_fraction: Annotated[float, tyro.conf.arg(name="alpha", aliases=("--edited-fraction",))] = (
        LockConfig.edited_fraction
    )
    task: tyro.conf.Suppress[str] = LockConfig.task
    seed: tyro.conf.Suppress[int] = LockConfig.seed


@dataclass(frozen=True, kw_only=True)
class TrainingFlags(FinetuneConfig):
    """Fine-tuning."""

    unauthorised_share: Annotated[
        float | None, tyro.conf.arg(name="balanced", aliases=("--unauthorised-share",), metavar="SHARE")
    ] = FinetuneConfig.unauthorised_share
    seed: tyro.conf.Suppress[int] = FinetuneConfig.seed


def plain(kind: type[T], flags: T) -> T:
    """The settings class itself, from the subclass that carries the flags."""
    names = {item.name for item in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    return kind(**{name: value for name, value in shallow(flags).items() if name in names})


def shallow(settings: Any) -> dict[str, Any]:
    """Field names and values of a dataclass, which `asdict` would turn into lists and dictionaries all the way down."""
    return {item.name: getattr(settings, item.name) for item in fields(settings)}
