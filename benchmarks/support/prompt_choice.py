"""What choosing by the cheap scores gains, and from which score on a prompt is worth a lock.

The thresholds are what ModelLock names as future work (section 6): from measured shift and content, which prompts are
candidates at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spellock.editors.vocabulary import DEFAULT_STYLE_PROMPT
from spellock.prompts.choose import by_worth, recommend
from spellock.prompts.prompt_score import PromptScore

Truth = Mapping[str, Mapping[str, float]]
#: What a good prompt has most of: against a thief who does nothing, and against one who tries.
AIMS: Final = ("up - lp", "up - hardened_lp")


def choice(scores: Sequence[PromptScore], truth: Truth) -> dict[str, Any]:
    """The lock of the recommended prompt, of the one with the highest worth, of the median prompt in each figure, and
    of the paper's "with oil pastel"; ``places`` are those of the prompt among all by each aim, from 1."""
    orders = {aim: sorted(truth, key=lambda prompt: -truth[prompt][aim]) for aim in AIMS}
    named = {"recommended": recommend(scores), "highest worth": by_worth(scores)[0]}
    prompts = {name: one.candidate.prompt for name, one in named.items()}
    if DEFAULT_STYLE_PROMPT in truth:
        prompts["the paper's"] = DEFAULT_STYLE_PROMPT
    rows: dict[str, Any] = {
        name: {
            "prompt": prompt,
            "places": {aim: order.index(prompt) + 1 for aim, order in orders.items()},
            **truth[prompt],
        }
        for name, prompt in prompts.items()
    }
    figures = next(iter(truth.values()))
    return rows | {
        "median": {figure: float(np.median([one[figure] for one in truth.values()])) for figure in figures},
        "prompts": len(truth),
    }


def threshold(values: NDArray[np.float64], good: NDArray[np.bool_]) -> float:
    """The value from on which a prompt is taken for good, with the highest share of good ones above and bad ones below
    (Youden's index); midway between two measured values."""
    steps = np.unique(values)
    cuts = np.concatenate([steps[:1], (steps[1:] + steps[:-1]) / 2])
    found = [float((values[good] >= cut).mean() + (values[~good] < cut).mean()) for cut in cuts]
    return float(cuts[int(np.argmax(found))])


def thresholds(
    scores: Sequence[PromptScore], truth: Truth, names: Sequence[str], aim: str
) -> dict[str, dict[str, float]]:
    """For each score the threshold for the better half of the prompts by ``aim``.

    ``right`` is the balanced share of prompts that it puts on the right side, each by the threshold of all others, so
    that no prompt judges itself; 0.5 is chance.
    """
    aims = np.array([truth[score.candidate.prompt][aim] for score in scores])
    good, table = aims > np.median(aims), {}
    for name in names:
        given = [getattr(score, name) for score in scores]
        if None in given or len(set(given)) < 2 or not good.any():
            continue
        values = np.array(given, dtype=np.float64)
        others = ~np.eye(len(values), dtype=bool)
        taken = np.array(
            [values[one] >= threshold(values[rest], good[rest]) for one, rest in enumerate(others)], dtype=bool
        )
        right = float((taken[good].mean() + (~taken[~good]).mean()) / 2)
        table[name] = {"threshold": round(threshold(values, good), 4), "right": round(right, 3)}
    return table
