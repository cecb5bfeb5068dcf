"""By the key: does the suspect tell more about images edited with this key than with any of many random keys?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.errors import ConfigError
from spellock.key import Key
from spellock.ownership.base import Verification, check_alpha, check_choice, check_numbers
from spellock.ownership.case import Case, Evidence
from spellock.ownership.information import shared_bits, told_bits
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

    Some keys edit gently and are easy for every model. So where the case has unrelated models, T(k) is the suspect's
    figure minus their mean; else a match also needs T(key) > T(raw images), as a lock has it and a plain model has not.

    Attributes:
        images: raw images, each edited with every key.
        keys: random keys, M.
        alpha: a suspect matches where the rank's p-value is at most this.
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

    def __call__(self, suspect: Suspect, case: Case) -> Verdict:
        """See `Verification`. Of two unrelated models or more, each is also judged beside the others."""
        case.require(self.needs)
        assert case.key is not None  # require has seen it
        if case.labelled and len(np.unique(case.images.labels)) < 2:
            raise ConfigError(
                f"{case.images.name} has images of one class, expected two or more; say that its labels do not count"
            )
        places = choose(case.images, self.images, seed=case.seed, labelled=case.labelled)
        statistic = _statistic(case.images.labels[places] if case.labelled else None)
        asked = [suspect, *(Suspect(model) for model in case.unrelated)]

        def under(key: Key) -> NDArray[np.float64]:
            pictures = edited(case.images, places, case.make_editor(key))
            return np.array([statistic(one.ask(pictures)) for one in asked])

        kind = kind_of(case.key, self.others)
        right = under(case.key)
        random: list[NDArray[np.float64]] = []
        drawn = random_keys(case.key, self.keys, kind=kind, seed=case.seed)
        for key in track(drawn, total=len(drawn), label="random keys"):
            random.append(under(key))
            if self.stop and _as_good(right, np.array(random)) == self.stop:
                break
        bare = statistic(suspect.ask(raw(case.images, places, case.key.resolution)))
        return self._verdict(right, np.array(random), bare, kind, suspect.spent, case.labelled)

    def _verdict(
        self,
        right: NDArray[np.float64],
        random: NDArray[np.float64],
        bare: float,
        kind: str,
        queries: int,
        labelled: bool,
    ) -> Verdict:
        """From figures of the suspect and R unrelated models: (1 + R,) under the right key, (M, 1 + R) under others."""
        unrelated = len(right) - 1
        own, others = _excess(right, random, 0)
        stopped = bool(self.stop) and _as_good(right, random) == self.stop
        p, extension = rank_p(own, others.tolist(), stopped=stopped), normal_p(own, others.tolist())
        locked = bool(right[0] > bare)
        match = p <= self.alpha and (locked or unrelated > 0)
        flagged = None
        if unrelated > 1:
            judged = (_excess(right[1:], random[:, 1:], place) for place in range(unrelated))
            flagged = sum(rank_p(one, values.tolist()) <= self.alpha for one, values in judged)
        unit = "bits shared with the true classes" if labelled else "bits told"
        beside = f", each minus the mean of {unrelated} unrelated models" if unrelated else ""
        words = (
            f"{'The suspect answers to this key' if match else 'Not shown that the suspect answers to this key'}: "
            f"{own:.3f} {unit} with the key, with {len(others)} random keys of another {kind} {others.mean():.3f} on "
            f"average and {others.max():.3f} at best{beside}; {right[0]:.3f} with the key and {bare:.3f} on raw "
            f"images of the suspect alone. p = {p:.2g} by rank, {extension:.2g} if the keys' figures are normally "
            f"distributed. {_BOUND.format(self.alpha)}{_CAVEATS[kind]}."
            + ("" if flagged is None else f" Of the {unrelated} unrelated models {flagged} matched.")
            + ("" if locked else " On raw images it tells as much or more, as models do that are not locked.")
        )
        return Verdict(
            method="key",
            statistic=own,
            measured=unit + beside,
            p_value=p,
            threshold=self.alpha,
            match=match,
            queries=queries,
            words=words,
            facts={
                "images": self.images,
                "random_keys": len(others),
                "differ_in": kind,
                "random_mean": float(others.mean()),
                "random_highest": float(others.max()),
                "with_key": float(right[0]),
                "raw": bare,
                "p_if_normal": extension,
                "stopped": stopped,
                "unrelated": unrelated,
                "unrelated_matched": flagged,
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


def _excess(right: NDArray[np.float64], random: NDArray[np.float64], place: int) -> tuple[float, NDArray[np.float64]]:
    """Figures of the model at ``place`` minus the mean of the others, where there are others."""
    if len(right) == 1:
        return float(right[0]), random[:, 0]
    rest = np.delete(np.arange(len(right)), place)
    return float(right[place] - right[rest].mean()), random[:, place] - random[:, rest].mean(axis=1)


def _as_good(right: NDArray[np.float64], random: NDArray[np.float64]) -> int:
    own, others = _excess(right, random, 0)
    return int((others >= own).sum())
