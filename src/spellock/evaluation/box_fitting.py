"""Which attacks run on detectors, and why the others do not."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from spellock.evaluation.task_attacks import Fitting

_ANSWERS: Final = "listens to a classifier's answers, and a detector gives boxes"
_LABELS: Final = "takes one label an image, and detectors have boxes"
FITTING: Final = Fitting(
    runs=frozenset(
        {"suppressed", "random-prompts", "colour-transfer", "spectrum-transfer", "translator", "surrogate-prompt"}
        | {"hard-prompt", "textual-inversion", "weave-reading"}
    ),
    reasons=MappingProxyType(
        {
            **dict.fromkeys(("centred", "whitened", "reversed", "tent", "shot-im", "transntl"), _ANSWERS),
            **dict.fromkeys(("trigger-inversion", "weave-inversion", "input-adapter", "warp-adapter"), _ANSWERS),
            **dict.fromkeys(("jailntl", "disguise"), _ANSWERS),
            **dict.fromkeys(("prompt-search", "monte-carlo", "parameter-search"), _ANSWERS),
            **dict.fromkeys(("knockoff", "few-call"), _ANSWERS),
            **dict.fromkeys(
                ("permuted", "ridge", "prototypes", "random-features", "mlp", "finetune", "pruning"), _LABELS
            ),
            **dict.fromkeys(("public-fill", "key-places", "key-part"), "is for weight locks of classifiers"),
        }
    ),
    otherwise="not made for detectors",
)
