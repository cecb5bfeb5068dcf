"""Lock targets: what unauthorised inputs learn. One file each; importing this package registers them."""

from spellock.locking.targets import new_class
from spellock.locking.targets.registry import Relabelling, Target, get_target, list_targets, register_target

__all__ = ["Relabelling", "Target", "get_target", "list_targets", "new_class", "register_target"]
