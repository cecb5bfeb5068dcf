"""M-LOCK's first strategy, single target interference (section 3): every unauthorised sample gets the same real class.

Samples that truly belong to that class keep their label, so without the key the model is still right about them: LP is
at least the share of that class.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spellock.errors import ConfigError
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("constant")
@dataclass(frozen=True, kw_only=True)
class Constant:
    """Put all samples into one of the real classes.

    Attributes:
        target_class: its name; None takes the first class. The paper does not say which one it took.
    """

    target_class: str | None = None

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`.

        Raises:
            ConfigError: the data has no such class; near matches are listed.
        """
        place = 0 if self.target_class is None else _place(self.target_class, samples.classes)
        return Relabelling(labels=np.full(len(samples.labels), place, dtype=np.int64))


def _place(name: str, classes: Sequence[str]) -> int:
    if name in classes:
        return list(classes).index(name)
    known = {other.casefold(): other for other in classes}
    near = [known[other] for other in difflib.get_close_matches(name.casefold(), known, cutoff=0.4)]
    hint = " or ".join(repr(other) for other in near or classes[:5])
    more = "" if near or len(classes) <= 5 else f" or one of {len(classes) - 5} more"
    raise ConfigError(f"the data has no class {name!r} to be the target_class; did you mean {hint}{more}?")
