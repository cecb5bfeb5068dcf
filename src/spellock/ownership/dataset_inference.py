"""Dataset Inference (Maini et al., ICLR 2021): copies lie far from their boundaries at the owner's images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from spellock.errors import ConfigError
from spellock.ownership.base import Verification, check_alpha, check_choice, check_numbers
from spellock.ownership.boundary import blind_walk, mingd
from spellock.ownership.case import Case, Evidence
from spellock.ownership.meta_classifier import fit
from spellock.ownership.queries import choose, shown
from spellock.ownership.registry import register_method
from spellock.ownership.significance import greater_p
from spellock.ownership.suspect import Suspect
from spellock.ownership.verdict import Verdict

WAYS = ("blind-walk", "mingd")


@register_method("dataset-inference")
@dataclass(frozen=True, kw_only=True)
class DatasetInference(Verification):
    """Welch's one-sided t-test of g(private) > g(public), g a regressor of distances that the owner's model taught.

    With a key in the case all images are edited with it, as the owner's model saw them.

    Attributes:
        way: ``blind-walk`` (answers alone) or ``mingd`` (weights).
        images: private ones, and as many public ones, that the suspect is tried on; as many again fit the regressor.
        starts: walks an image and norm.
        walk: steps of a walk at most; the suspect is asked about 2 x 3 x images x starts x walk images at most.
        targets: classes that MinGD walks to.
        descent: steps of MinGD at most.
        alpha: threshold of the p-value.
    """

    way: str = "blind-walk"
    images: int = 50
    starts: int = 10
    walk: int = 50
    targets: int = 9
    descent: int = 500
    alpha: float = 0.01

    def __post_init__(self) -> None:
        check_choice("way", self.way, WAYS)
        check_numbers(at_least=2, images=self.images)
        check_numbers(starts=self.starts, walk=self.walk, targets=self.targets, descent=self.descent)
        check_alpha(self.alpha)

    @property
    def needs(self) -> frozenset[Evidence]:
        """See `Verification.needs`."""
        return frozenset({Evidence.OWN, Evidence.PRIVATE})

    @property
    def uses(self) -> frozenset[Evidence]:
        """See `Verification.uses`."""
        return self.needs | {Evidence.LABELS, Evidence.KEY}

    def __call__(self, suspect: Suspect, case: Case) -> Verdict:
        """See `Verification`."""
        case.require(self.needs)
        assert case.own is not None  # require has seen them
        assert case.private is not None
        editor, draws = case.editor, np.random.default_rng([case.seed, 0x64690000])
        sets = {}
        for name, images in (("private", case.private), ("public", case.images)):
            places = draws.permutation(choose(images, 2 * self.images, seed=case.seed, labelled=case.labelled))
            sets[name] = shown(images, places, editor, case.own.input_size)
        first, second = slice(0, self.images), slice(self.images, None)
        own = Suspect(case.own)
        judge = fit(*(self._distances(own, one[first], case.seed) for one in (sets["private"], sets["public"])))
        private, public = (
            judge(self._distances(suspect, one[second], case.seed + 1)) for one in (sets["private"], sets["public"])
        )
        p, gap = greater_p(private.tolist(), public.tolist()), float(private.mean() - public.mean())
        match = p <= self.alpha
        words = (
            f"{'The suspect knows' if match else 'Not shown that the suspect knows'} the private images: they are held "
            f"for private with probability {private.mean():.3f} on average, {self.images} public ones with "
            f"{public.mean():.3f}; p = {p:.2g} by Welch's t-test. This is about data, not about the model: another "
            "model trained on the same images matches too, and the method is known to match unrelated ones at times."
        )
        return Verdict(
            method="dataset-inference",
            statistic=gap,
            measured="mean difference of private and public images",
            p_value=p,
            threshold=self.alpha,
            match=match,
            queries=suspect.spent,
            words=words,
            facts={"way": self.way, "images": self.images, "edited": case.key is not None, "seed": case.seed},
        )

    def _distances(self, suspect: Suspect, images: Tensor, seed: int) -> NDArray[np.float64]:
        if self.way == "blind-walk":
            return blind_walk(
                lambda asked: suspect.ask(asked).labels, images, starts=self.starts, steps=self.walk, seed=seed
            )
        model = suspect.model
        if model.num_classes <= self.targets:
            raise ConfigError(
                f"the suspect has {model.num_classes} classes, expected more than the {self.targets} targets; lower "
                "targets"
            )
        return mingd(model, images, targets=self.targets, steps=self.descent)
