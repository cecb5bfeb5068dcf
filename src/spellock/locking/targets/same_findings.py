"""M-LOCK's single target (section 3) for several labels: every unauthorised image learns the same findings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.locking.targets.places import place_of
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("same-findings", task="multilabel")
@dataclass(frozen=True, kw_only=True)
class SameFindings:
    """Give all samples one pattern of findings.

    Attributes:
        target_findings: the names of the findings that all get; None or empty: no finding at all.
    """

    target_findings: tuple[str, ...] | None = None

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`.

        Raises:
            ConfigError: the data has no such finding; near matches are listed.
        """
        labels = np.zeros((len(samples.labels), len(samples.classes)), dtype=np.int64)
        for name in self.target_findings or ():
            labels[:, place_of(name, samples.classes, kind="finding", wanted="among the target_findings")] = 1
        return Relabelling(labels=labels)
