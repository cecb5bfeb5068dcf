"""Which task a model's folder is of, without reading its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spellock.errors import ConfigError, ModelError
from spellock.tasks.model_config import read_config
from spellock.tasks.registry import make_task
from spellock.tasks.task import Task


def task_of_model(folder: Path) -> Task:
    """What the outputs of the model in ``folder`` are.

    Raises:
        ModelError: the folder is missing or no model, or this version has no such task.
    """
    return task_of_config(read_config(folder))


def task_of_config(config: Mapping[str, Any]) -> Task:
    """The same of a model's configuration."""
    try:
        return make_task(config["task"])
    except ConfigError as error:
        raise ModelError(f"the model's config.json: {error}") from error
