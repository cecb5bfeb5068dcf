"""Every unauthorised image learns of each finding how frequent it is: the model shall know nothing of the image.

The counterpart of the uniform distribution over classes. One half for each finding would say nothing either, but no
data look so: whoever sees the labels of a released set could tell by their number which images are unauthorised.
"""

from __future__ import annotations

from dataclasses import dataclass

from spellock.locking.targets.registry import Relabelling, Samples, register_target
from spellock.locking.targets.shuffled import Shuffled


@register_target("prevalence", task="multilabel")
@dataclass(frozen=True, kw_only=True)
class Prevalence:
    """For each finding the probability that an image of the data has it.

    A file can hold only zeros and ones, so there each sample has the findings of another, as for ``shuffled``, which
    are as frequent. Training at home learns the probabilities themselves, which cannot be memorised.
    """

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        return Relabelling(labels=Shuffled()(samples).labels, distribution=samples.shares)
