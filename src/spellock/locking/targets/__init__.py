"""Lock targets: what unauthorised inputs learn. One file each; importing this package registers them."""

from spellock.locking.targets import (
    centre_box,
    complement,
    constant,
    decoy_task,
    extra_label,
    new_class,
    next_class,
    nothing,
    other_boxes,
    random_class,
    shuffled,
    uniform,
)
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
    "centre_box",
    "complement",
    "constant",
    "decoy_task",
    "extra_label",
    "list_targets",
    "make_target",
    "new_class",
    "next_class",
    "nothing",
    "other_boxes",
    "random_class",
    "register_target",
    "shuffled",
    "uniform",
]
