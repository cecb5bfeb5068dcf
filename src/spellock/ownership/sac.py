"""SAC: sample correlation (Guan et al., NeurIPS 2022): a copy confuses the same images with each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from spellock.errors import ConfigError, DataError
from spellock.ownership.base import Verification, check_alpha, check_choice, check_numbers
from spellock.ownership.case import Case, Evidence
from spellock.ownership.correlation import area, best_threshold, correlations, distance
from spellock.ownership.cutmix import cutmix
from spellock.ownership.queries import choose, shown
from spellock.ownership.registry import register_method
from spellock.ownership.suspect import Suspect
from spellock.ownership.verdict import Verdict

FORMS = ("cutmix", "wrong")


@register_method("sac")
@dataclass(frozen=True, kw_only=True)
class Sac(Verification):
    """d = mean |C_suspect - C_own|, C_ij = (1 - cos(O_i, O_j)) / 2; small distances speak for a copy.

    With a key in the case all images are edited with it, since a locked model names one class for all raw ones.

    Attributes:
        form: ``cutmix`` (SAC-m: pieces of other images) or ``wrong`` (SAC-w: images that the owner's model gets wrong;
            it must then know their classes).
        images: how many; for ``wrong`` at most.
        hard: use labels alone, as for a suspect that gives nothing else.
        alpha: threshold of the p-value where no copies are given. That needs 1 / alpha - 1 unrelated models at least;
            fewer are refused.
    """

    form: str = "cutmix"
    images: int = 100
    hard: bool = False
    alpha: float = 0.05

    def __post_init__(self) -> None:
        check_choice("form", self.form, FORMS)
        check_numbers(at_least=2, images=self.images)
        check_alpha(self.alpha)

    @property
    def needs(self) -> frozenset[Evidence]:
        """See `Verification.needs`."""
        needs = {Evidence.OWN, Evidence.UNRELATED}
        return frozenset(needs | {Evidence.LABELS} if self.form == "wrong" else needs)

    @property
    def uses(self) -> frozenset[Evidence]:
        """See `Verification.uses`."""
        return self.needs | {Evidence.LABELS, Evidence.KEY, Evidence.COPIES}

    def __call__(self, suspect: Suspect, case: Case) -> Verdict:
        """See `Verification`."""
        case.require(self.needs)
        assert case.own is not None  # require has seen it
        self._check_reach(len(case.unrelated), len(case.copies))
        pictures = self._samples(case)
        answers = suspect.ask(pictures)
        hard = case.own.num_classes if self.hard or answers.scores is None else None
        own = correlations(Suspect(case.own).ask(pictures), hard_classes=hard)
        found = distance(correlations(answers, hard_classes=hard), own)
        unrelated, copies = (
            [distance(correlations(Suspect(model).ask(pictures), hard_classes=hard), own) for model in models]
            for models in (case.unrelated, case.copies)
        )
        p = (1 + sum(one <= found for one in unrelated)) / (len(unrelated) + 1)
        least = 1 / (len(unrelated) + 1)
        if copies:
            best = best_threshold(copies, unrelated)
            threshold, match = (0.0, False) if best is None else (best, found <= best)
            rule = f"AUC {area(copies, unrelated):.3f}, " + (
                "so the copies given are no nearer than these and no distance tells" if best is None else
                f"threshold {best:.4f}"
            )  # fmt: skip
        else:
            threshold, match = self.alpha, p <= self.alpha + 1e-12
            rule = f"p = {p:.2g} by rank among them, {least:.2g} at least"
        words = (
            f"{'The suspect is' if match else 'Not shown that the suspect is'} as near to the owner's model as a copy: "
            f"correlation distance {found:.4f} on {len(pictures)} images, of "
            f"{_count(len(unrelated), 'unrelated model')} {min(unrelated):.4f} at least"
            + (f", of copies ({len(copies)}) {max(copies):.4f} at most" if copies else "")
            + f"; {rule}. A model trained on the same data may also be near."
        )
        return Verdict(
            method="sac",
            statistic=found,
            measured="correlation distance",
            p_value=p,
            threshold=threshold,
            match=match,
            queries=suspect.spent,
            words=words,
            facts={
                "form": self.form,
                "hard": hard is not None,
                "images": len(pictures),
                "unrelated": len(unrelated),
                "unrelated_nearest": min(unrelated),
                "copies": len(copies),
                "auc": area(copies, unrelated) if copies else None,
                "edited": case.key is not None,
                "seed": case.seed,
            },
        )

    def _check_reach(self, unrelated: int, copies: int) -> None:
        """Raise `ConfigError` where no suspect could match: a rank among so few is never so small."""
        least = 1 / (unrelated + 1)
        if not copies and least > self.alpha + 1e-12:
            raise ConfigError(
                f"{_count(unrelated, 'unrelated model')} give no p-value below {least:.2g}, expected {self.alpha:g} to "
                f"be reached; take {int(np.ceil(1 / self.alpha - 1e-9)) - 1} of them, or known copies, or for weaker "
                f"evidence alpha={np.ceil(1000 * least - 1e-9) / 1000:g}"
            )

    def _samples(self, case: Case) -> Tensor:
        assert case.own is not None
        if self.form == "cutmix":
            places = choose(case.images, self.images, seed=case.seed, labelled=case.labelled)
            return cutmix(shown(case.images, places, case.editor, case.own.input_size), seed=case.seed)
        places = np.arange(len(case.images))
        pictures = shown(case.images, places, case.editor, case.own.input_size)
        wrong = np.flatnonzero(Suspect(case.own).ask(pictures).labels != case.own_labels)
        if len(wrong) < 2:
            raise DataError(
                f"the owner's model gets {len(wrong)} of {len(pictures)} images wrong, expected 2 or more; "
                "give more of them"
            )
        chosen = np.random.default_rng([case.seed, 0x77726F6E]).permutation(wrong)[: self.images]
        return pictures[np.sort(chosen)]


def _count(number: int, name: str) -> str:
    return f"{number} {name}" + ("s" if number != 1 else "")
