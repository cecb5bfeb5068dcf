"""Settings of the selection of a key, and presets after the papers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from spellock.errors import ConfigError
from spellock.weightlocks.scores import make_score

Granularity = Literal["unit", "block", "scalar"]
Measure = Literal["units", "scalars", "bytes"]


@dataclass(frozen=True, kw_only=True)
class SelectConfig:
    """Settings of the selection; `PRESETS` has those of this project and of the papers.

    Attributes:
        score: registry name of the score: l1, l2, fan-in-l1, batchnorm-gain, random, or bottom.
        granularity: "unit" (filters and rows: slices along the first axis), "block" (runs of up to 16 weights of one),
            or "scalar" (single weights).
        scope: rank all layers together ("global"), or take the same fraction of each tensor ("layer").
        fraction: size of the scored part of the key, in (0, 1].
        balance: with scope "layer", in [0, 1]: 0 takes the fraction of each tensor, 1 as much of each, which is more of
            the small ones (the early layers of a convolutional network); the sum stays the same.
        of: what the fraction counts: units, scalars, or bytes of the whole model.
        candidates: score "weights" (matrices and gains, as in the authors' code for vision) or "all" floating tensors
            but statistics (as in their code for language).
        include_head: the classifier is in the key, whatever its score.
        head: name of the classifier's module; None looks for the usual names.
        norms: normalisations: "scored" like other weights, "key" (gains, biases and statistics all in the key), or
            "frozen" (none of them).
        biases: "frozen", or "key": all biases but those of normalisations.
        companions: with a BatchNorm's gain, its channel's bias, statistics, and the filter that feeds it are taken.

    Raises:
        ConfigError: a value is out of range.
    """

    score: str = "fan-in-l1"
    granularity: Granularity = "unit"
    scope: Literal["global", "layer"] = "layer"
    fraction: float = 0.05
    balance: float = 0.0
    of: Measure = "scalars"
    candidates: Literal["weights", "all"] = "weights"
    include_head: bool = True
    head: str | None = None
    norms: Literal["scored", "key", "frozen"] = "key"
    biases: Literal["frozen", "key"] = "key"
    companions: bool = False

    def __post_init__(self) -> None:
        make_score(self.score)
        if not 0 < self.fraction <= 1:
            raise ConfigError(
                f"got a key fraction of {self.fraction}, expected more than 0 and at most 1, for example 0.05"
            )
        if not 0 <= self.balance <= 1:
            raise ConfigError(
                f"got a balance of {self.balance}, expected 0 (same share of each layer) to 1 (same size)"
            )
        if self.balance and self.scope != "layer":
            raise ConfigError("got a balance between layers with the scope global, which ranks all of them together")
        choices = {
            "granularity": get_args(Granularity),
            "scope": ("global", "layer"),
            "of": get_args(Measure),
            "candidates": ("weights", "all"),
            "norms": ("scored", "key", "frozen"),
            "biases": ("frozen", "key"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(allowed)}")


#: Ours: blocks by chance, three in ten of every layer, or three in five where the key holds differences. AdaLoc:
#: global L1 over filters, rows and single gains, 5 % of them, biases and statistics frozen (the authors' helper.py,
#: with its leaks closed). CoreLocker: the channels with the largest BatchNorm gains, 1 %.
PRESETS: Final = {
    "default": SelectConfig(score="random", granularity="block", fraction=0.3),
    "delta": SelectConfig(score="random", granularity="block", fraction=0.6),
    "adaloc": SelectConfig(
        score="l1", scope="global", of="units", include_head=False, norms="scored", biases="frozen", fraction=0.05
    ),
    "adaloc-text": SelectConfig(
        score="l1", granularity="scalar", scope="global", of="scalars", candidates="all", include_head=False,
        norms="scored", biases="frozen", fraction=0.05,
    ),
    "corelocker": SelectConfig(
        score="batchnorm-gain", scope="global", of="units", include_head=False, norms="scored", biases="frozen",
        fraction=0.01, companions=True,
    ),
}  # fmt: skip
