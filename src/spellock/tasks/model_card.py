"""A model folder's card, ``README.md``."""

from __future__ import annotations

from typing import Any


def model_card(config: dict[str, Any]) -> str:
    """The card of a model with this `config.json`, in Markdown."""
    classes = config["classes"]
    names = ", ".join(classes[:20]) + (", ..." if len(classes) > 20 else "")
    lock_class = config.get("lock_class")
    lock = (
        "" if lock_class is None else f"Inputs without the owner's key belong to the class {classes[lock_class]}.\n\n"
    )
    groups = ", ".join(classes[place] for place in config.get("group_classes", ()))
    if groups:
        lock += f"Some keys release only groups of classes: {groups}.\n\n"
    return (
        f"# {config['architecture'] or 'Custom network'}\n\n"
        f"Task: {config['task']}, {len(classes)} classes ({names}).\n\n{lock}"
        f"Input: RGB in [0, 1], squashed to {config['input_size']} x {config['input_size']} px. "
        "Made with spellock.\n"
    )
