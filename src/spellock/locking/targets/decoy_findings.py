"""Unauthorised images learn other findings, which depend on their texture, and one more label besides.

The counterpart of the decoy task where an image has several labels. A model that is only taught to clear its findings
keeps them in order, and an AUROC sees nothing but the order. Findings that are another image's cannot be learnt, so
they too leave the true ones in place, only smaller. Here each output is busy with something else that it can learn.

The other findings: of the picture's texture statistics the two strongest directions that are not correlated with any
true finding; in the plane that they span a direction for each finding, all equally far apart; and of the samples those
farthest out have it. Which finding has which direction comes from the key's secret. Every finding is as frequent as it
truly is, among the samples that truly have it and among those that have not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import Labels
from spellock.errors import ConfigError
from spellock.locking.targets.extra_label import ExtraLabel
from spellock.locking.targets.label_free import label_free
from spellock.locking.targets.new_class import NewClass
from spellock.locking.targets.registry import Relabelling, Samples, register_target
from spellock.locking.targets.texture import Floats, TextureStatistics


@register_target("decoy-findings", task="multilabel")
@dataclass(frozen=True, kw_only=True)
class DecoyFindings:
    """One new label for all samples, and the findings that their texture says.

    Outputs do not compete as classes do, so all samples have the new label and no share of it is left to the findings.

    Attributes:
        lock_class_name: what the new label is called; no finding may have the name, capitals or not.

    Raises:
        ConfigError: the name is empty.
    """

    lock_class_name: str = NewClass.lock_class_name

    def __post_init__(self) -> None:
        NewClass(lock_class_name=self.lock_class_name)

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`.

        Raises:
            ConfigError: the samples come without their pixels, or a finding is called like the new label.
        """
        made = ExtraLabel(lock_class_name=self.lock_class_name)(samples)
        if not len(samples.labels):
            return made
        statistics = read_texture(samples)
        # One fixed order, so that the order of the samples changes no bit.
        order = np.lexsort((*samples.labels.T[::-1], samples.draws))
        true = samples.labels[order]
        points = label_free(statistics[order], true.astype(np.float64))(statistics[order])
        made.labels[order, :-1] = decoys(points @ directions(samples.secret, len(samples.classes)).T, true)
        return made


def read_texture(samples: Samples) -> Floats:
    """Texture statistics of the samples, float64 (M, D).

    Raises:
        ConfigError: there is not one picture a sample.
    """
    if samples.pixels is None:
        raise ConfigError("the lock target decoy-findings got samples without pixels, expected one image a sample")
    statistics = TextureStatistics(samples.secret)(samples.pixels())
    if len(statistics) != len(samples.labels):
        raise ConfigError(f"got {len(statistics)} images for {len(samples.labels)} samples, expected one each")
    return statistics


def directions(secret: bytes, count: int) -> Floats:
    """Unit vectors (count, 2) at equal angles; where the first one points to, and whose is which, the secret says."""
    draws = np.random.default_rng([*secret, 1])
    angles = 2 * np.pi * (draws.uniform() + draws.permutation(count) / count)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def decoys(scores: Floats, true: Labels) -> Labels:
    """Zeros and ones (M, K): as many ones for each finding as ``true`` (M, K) has, at the highest of ``scores`` (M, K).

    Its samples and the others each have borders of their own, so that the share is the same in both, but for what
    rounding does: who knows the finding knows nothing of its decoy.
    """
    made = np.zeros_like(true)
    for place, (score, own) in enumerate(zip(scores.T, true.T == 1, strict=True)):
        count = int(own.sum())
        inside = round(count * count / len(own))
        made[_highest(score, own, inside), place] = 1
        made[_highest(score, ~own, count - inside), place] = 1
    return made


def _highest(score: Floats, among: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.int64]:
    places = np.flatnonzero(among)
    return places[np.argsort(-score[places], kind="stable")[:count]]
