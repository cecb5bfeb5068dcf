"""By the key: does the suspect tell more about images edited with this key than with any of many random keys?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.key import Key
from spellock.ownership.base import Verification, check_alpha, check_choice, check_numbers
from spellock.ownership.case import Case, Evidence
from spellock.ownership.information import shared_bits, told_bits
from spellock.ownership.key_answers import KeyAnswers, nested_places
from spellock.ownership.knockout import knock_out, plan_rounds
from spellock.ownership.queries import choose, edited, raw
from spellock.ownership.random_keys import KINDS, kind_of, random_keys
from spellock.ownership.registry import register_method
from spellock.ownership.significance import normal_p, rank_p
from spellock.ownership.suspect import Answers, Suspect
from spellock.ownership.verdict import Verdict
from spellock.progress import track

Statistic = Callable[[Answers], float]


@register_method("key")
@dataclass(frozen=True, kw_only=True)
class ByKey(Verification):
    """T(k) = I(answer to images edited with k; true class), or H(mean p) - mean H(p) without labels: the key's rank.

    Some keys edit gently and are easy for every model. So a match also needs a gain T(key) - T(raw images) above 0, as
    a lock has it and a plain model has not; or, where the case has unrelated models, above the gain of each of them.

    That takes ``images`` times (``keys`` + 2) queries. A suspect that may be asked fewer is asked in rounds
    (`spellock.ownership.knockout`); the p-value is as exact.

    Attributes:
        images: raw images, each edited with every key; in rounds at most.
        keys: random keys, M.
        alpha: a suspect matches where the p-value of the rank is at most this.
        others: what random keys differ in: ``secret``, ``prompt``, ``setting``, or ``auto`` (see `kind_of`).
        stop: drawing ends once so many random keys did as well as the right one, which saves queries on suspects that
            do not match; 0 draws them all.

    Raises:
        ConfigError: an option is out of range, or so many keys cannot give a p-value of ``alpha``.
    """

    images: int = 100
    keys: int = 99
    alpha: float = 0.01
    others: str = "auto"
    stop: int = 10

    def __post_init__(self) -> None:
        check_numbers(at_least=2, images=self.images)
        check_numbers(keys=self.keys)
        check_numbers(at_least=0, stop=self.stop)
        check_alpha(self.alpha)
        check_choice("others", self.others, KINDS)
        if self.alpha * (self.keys + 1) < 1 - 1e-9:
            raise ConfigError(
                f"{self.keys} random keys give no p-value below {1 / (self.keys + 1):.2g}, expected {self.alpha} to be "
                f"reached; take {int(np.ceil(1 / self.alpha - 1e-9)) - 1} keys or a larger alpha"
            )

    @property
    def needs(self) -> frozenset[Evidence]:
        """See `Verification.needs`."""
        return frozenset({Evidence.KEY})

    @property
    def uses(self) -> frozenset[Evidence]:
        """See `Verification.uses`."""
        return self.needs | {Evidence.LABELS, Evidence.UNRELATED}

    def __call__(self, suspect: Suspect, case: Case) -> Verdict:
        """See `Verification`. Unrelated models are asked about the right key and raw images alone."""
        case.require(self.needs)
        assert case.key is not None  # require has seen it
        if case.labelled and len(np.unique(case.images.labels)) < 2:
            raise ConfigError(
                f"{case.images.name} has images of one class, expected two or more; say that its labels do not count"
            )
        kind = kind_of(case.key, self.others)
        drawn = random_keys(case.key, self.keys, kind=kind, seed=case.seed)
        places = choose(case.images, self.images, seed=case.seed, labelled=case.labelled)
        statistic = _statistic(case.images.labels[places] if case.labelled else None)
        bare = raw(case.images, places, case.key.resolution)
        if suspect.left is not None and suspect.left < self.images * (self.keys + 2):
            return self._in_rounds(suspect, case, drawn, kind, queries=suspect.left)
        shown = edited(case.images, places, case.make_editor(case.key))
        right = statistic(suspect.ask(shown))
        gains = [statistic(one.ask(shown)) - statistic(one.ask(bare)) for one in map(Suspect, case.unrelated)]
        random: list[float] = []
        for key in track(drawn, total=len(drawn), label="random keys"):
            random.append(statistic(suspect.ask(edited(case.images, places, case.make_editor(key)))))
            if self.stop and sum(value >= right for value in random) == self.stop:
                break
        gain = right - statistic(suspect.ask(bare))
        stopped = bool(self.stop) and sum(value >= right for value in random) == self.stop
        p, extension = rank_p(right, random, stopped=stopped), normal_p(right, random)
        how = (
            f"with {len(random)} random keys of another {kind} {np.mean(random):.3f} on average and {max(random):.3f} "
            f"at best. p = {p:.2g} by rank, {extension:.2g} if the keys' figures are normally distributed"
        )
        facts: dict[str, Scalar] = {
            "images": self.images, "random_keys": len(random), "random_mean": float(np.mean(random)),
            "random_highest": max(random), "p_if_normal": extension, "stopped": stopped, "rounds": 1,
        }  # fmt: skip
        return self._verdict(right, p, how, facts, gain, gains, kind, suspect.spent, case)

    def _in_rounds(self, suspect: Suspect, case: Case, drawn: list[Key], kind: str, *, queries: int) -> Verdict:
        assert case.key is not None
        labels = case.images.labels if case.labelled else None
        plan = plan_rounds(len(drawn), queries=queries, images=self.images)
        places = nested_places(case, [one.images for one in plan])
        told = KeyAnswers(suspect, case, [case.key, *drawn], places)

        def statistic(answers: Answers) -> float:
            return _statistic(None if labels is None else labels[places[: len(answers.labels)]])(answers)

        def score(numbers: Sequence[int], images: int) -> list[float]:
            asked = track(numbers, total=len(numbers), label=f"keys, {images} images")
            return [statistic(told.of(number, images)) for number in asked]

        found = knock_out(plan, score)
        places = places[: found.images]
        bare = raw(case.images, places, case.key.resolution)
        shown = edited(case.images, places, case.make_editor(case.key)) if case.unrelated else bare
        gains = [statistic(one.ask(shown)) - statistic(one.ask(bare)) for one in map(Suspect, case.unrelated)]
        gain = found.statistic - statistic(suspect.ask(bare))
        p = (1 + found.better) / (len(drawn) + 1)
        highest = max(found.others, default=0.0)
        how = (
            f"in round {found.rounds} of {len(plan)} with {found.images} images; {len(found.others)} random keys of "
            f"another {kind} were still in, {highest:.3f} at best. Of all {len(drawn)} random keys {found.better} did "
            f"as well or better: p = {p:.2g} by rank"
        )
        facts: dict[str, Scalar] = {
            "images": found.images, "random_keys": len(drawn), "random_highest": highest, "better": found.better,
            "rounds": found.rounds,
        }  # fmt: skip
        return self._verdict(found.statistic, p, how, facts, gain, gains, kind, suspect.spent, case)

    def _verdict(
        self, right: float, p: float, how: str, facts: dict[str, Scalar], gain: float, gains: list[float], kind: str,
        queries: int, case: Case,
    ) -> Verdict:  # fmt: skip
        least = max(gains, default=0.0)
        match = p <= self.alpha and gain > least
        unit = "bits shared with the true classes" if case.labelled else "bits told"
        beside = (
            f"above the highest of {len(gains)} unrelated models, {least:.3f}, which one model more of their kind is "
            f"with probability {1 / (len(gains) + 1):.2g} at most"
            if gains
            else "above 0, as models that are not locked seldom have it"
        )
        words = (
            f"{'The suspect answers to this key' if match else 'Not shown that the suspect answers to this key'}: "
            f"{right:.3f} {unit} with the key, {how}. {_BOUND.format(self.alpha)}{_CAVEATS[kind]}. The gain over raw "
            f"images is {gain:.3f}; a match must have it {beside}."
        )
        return Verdict(
            method="key",
            statistic=right,
            measured=unit,
            p_value=p,
            threshold=self.alpha,
            match=match,
            queries=queries,
            words=words,
            facts={
                **facts,
                "differ_in": kind,
                "gain": gain,
                "gain_needed_above": least,
                "unrelated": len(gains),
                "seed": case.seed,
            },
        )


_BOUND = "A model that does not know the key matches with probability {} at most, "
_CAVEATS = {
    "secret": "over keys drawn by chance before the suspect was seen",
    "prompt": "over keys whose prompts were drawn by chance, as the other prompts were, before the suspect was seen",
    "setting": "over keys whose settings were drawn by chance, as the others were, before the suspect was seen",
}


def _statistic(labels: NDArray[np.int64] | None) -> Statistic:
    return told_bits if labels is None else (lambda answers: shared_bits(answers, labels))
