"""MOVE (Li et al., AAAI 2022 and TPAMI 2025): does the suspect know the features that edited images gave the model?

The key's edit is the external feature: the owner's model was trained on edited images, an unrelated one was not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.errors import ConfigError
from spellock.ownership.base import Verification, check_alpha, check_choice, check_numbers
from spellock.ownership.case import Case, Evidence
from spellock.ownership.gradient_signs import gradient_signs, shared_weights
from spellock.ownership.meta_classifier import fit
from spellock.ownership.queries import choose, edited, raw
from spellock.ownership.registry import register_method
from spellock.ownership.significance import greater_p
from spellock.ownership.suspect import Suspect
from spellock.ownership.verdict import Verdict

WAYS = ("white-box", "black-box")


@register_method("move")
@dataclass(frozen=True, kw_only=True)
class Move(Verification):
    """Welch's one-sided t-test of g(suspect) > g(unrelated) on edited images; g tells the owner's model from unrelated.

    Unrelated models are trained on raw images, and best of the owner's architecture. The suspect is tested against each
    of several, and the largest p-value counts: it must differ from all of them.

    Attributes:
        way: ``white-box`` (signs of the loss's gradients) or ``black-box`` (differences of the probabilities for an
            edited image and the same raw, and for both mirrored).
        images: edited images that the suspect is tried on; as many again fit the classifier.
        alpha: threshold of the p-value.
    """

    way: str = "white-box"
    images: int = 50
    alpha: float = 0.01

    def __post_init__(self) -> None:
        check_choice("way", self.way, WAYS)
        check_numbers(at_least=2, images=self.images)
        check_alpha(self.alpha)

    @property
    def needs(self) -> frozenset[Evidence]:
        """See `Verification.needs`."""
        needs = {Evidence.KEY, Evidence.OWN, Evidence.UNRELATED}
        return frozenset(needs | {Evidence.LABELS} if self.way == "white-box" else needs)

    @property
    def uses(self) -> frozenset[Evidence]:
        """See `Verification.uses`."""
        return self.needs | {Evidence.LABELS}

    def __call__(self, suspect: Suspect, case: Case) -> Verdict:
        """See `Verification`."""
        case.require(self.needs)
        editor, own = case.editor, case.own
        assert editor is not None  # require has seen both
        assert own is not None
        places = choose(case.images, 2 * self.images, seed=case.seed, labelled=case.labelled)
        places = np.random.default_rng([case.seed, 0x6D6F7665]).permutation(places)
        labels, names = np.zeros(len(places), dtype=np.int64), tuple[str, ...]()
        if self.way == "white-box":
            labels, names = case.own_labels[places], shared_weights(own, *case.unrelated, suspect.model)
        asked = edited(case.images, places, editor), raw(case.images, places, editor.key.resolution)
        first, second = np.arange(self.images), np.arange(self.images, 2 * self.images)
        yes, *no = (self._features(Suspect(model), asked, labels, names, first) for model in (own, *case.unrelated))
        judge = fit(yes, np.concatenate(no))
        found, *others = (
            judge(self._features(one, asked, labels, names, second)) for one in (suspect, *map(Suspect, case.unrelated))
        )
        p = max(greater_p(found.tolist(), other.tolist()) for other in others)
        nearest = max(float(other.mean()) for other in others)
        match = p <= self.alpha
        one = len(others) == 1
        against = "the unrelated model with" if one else f"the nearest of {len(others)} unrelated models with"
        words = (
            f"{'The suspect knows' if match else 'Not shown that the suspect knows'} the edit's features: on "
            f"{self.images} edited images it is held for the owner's model with probability {found.mean():.3f}, "
            f"{against} {nearest:.3f}; p = {p:.2g} by Welch's t-test{'' if one else ', the largest of all'}. The test "
            f"says that the suspect differs from {'that one model' if one else 'each of them'} towards the owner's; it "
            "bounds no false-positive rate over unrelated models."
        )
        return Verdict(
            method="move",
            statistic=float(found.mean()) - nearest,
            measured="mean difference of suspect and nearest unrelated model",
            p_value=p,
            threshold=self.alpha,
            match=match,
            queries=suspect.spent,
            words=words,
            facts={"way": self.way, "images": self.images, "unrelated": len(others), "seed": case.seed},
        )

    def _features(
        self,
        suspect: Suspect,
        asked: tuple[Tensor, Tensor],
        labels: NDArray[np.int64],
        names: tuple[str, ...],
        part: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        chosen = torch.from_numpy(part)
        changed, plain = (images[chosen] for images in asked)
        if self.way == "white-box":
            return gradient_signs(suspect.model, changed, labels[part], names)
        return differences(suspect, changed, plain)


def differences(suspect: Suspect, changed: Tensor, plain: Tensor) -> NDArray[np.float64]:
    """The two smallest and two largest of p(edited) - p(raw), (N, 8): of the images as they are, then mirrored.

    So they do not depend on the order and number of classes; the mirror is the augmentation.

    Raises:
        ConfigError: the suspect gives labels alone.
    """
    parts = []
    for one, other in ((changed, plain), (changed.flip(3), plain.flip(3))):
        first, second = suspect.ask(one).scores, suspect.ask(other).scores
        if first is None or second is None:
            raise ConfigError("the suspect gives labels alone, expected scores for MOVE's differences; use method key")
        parts.append(np.sort(first - second, axis=1)[:, [0, 1, -2, -1]])
    return np.concatenate(parts, axis=1)
