"""Lock targets: what unauthorised inputs learn. One file each; importing this package registers them."""

from spellock.locking.targets import constant, decoy_task, new_class, next_class, random_class, uniform
from spellock.locking.targets.registry import (
    Relabelling,
    Samples,
    Target,
    list_targets,
    make_target,
    register_target,
)

__all__ = [
    "Relabelling",
    "Samples",
    "Target",
    "constant",
    "decoy_task",
    "list_targets",
    "make_target",
    "new_class",
    "next_class",
    "random_class",
    "register_target",
    "uniform",
]
