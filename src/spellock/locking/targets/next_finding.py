"""M-LOCK's rule based target (section 3) for several labels: each finding's label becomes that of the next finding.

Whoever finds the rule reads each finding from the next output; the evaluation's ``lp_permuted`` does that. Images
without any finding, or with all, keep their labels. Use it to compare only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.errors import ConfigError
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("next-finding", task="multilabel")
@dataclass(frozen=True, kw_only=True)
class NextFinding:
    """Finding k becomes finding (k + 1) mod K."""

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`.

        Raises:
            ConfigError: there is only one finding, which would stay what it is.
        """
        if len(samples.classes) < 2:
            raise ConfigError("the lock target next-finding got one finding, expected at least 2; take extra-label")
        return Relabelling(labels=np.roll(samples.labels, 1, axis=1))
