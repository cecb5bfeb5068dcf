"""What a thief may hold, as levels from weak to strong."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Asset(StrEnum):
    """One thing that a thief may have."""

    QUERIES = "answers of the model"
    UNLABELLED = "raw images without labels"
    EDITOR = "the public editor, without prompt and secret"
    TRIGGER = "the kind of the trigger, without settings and secret"
    WEIGHTS = "the model's weights"
    EDITED = "leaked edited images"
    PAIRS = "leaked edited images with their raw ones"
    LABELS = "raw images with labels"
    CUSTOMER = "answers of an unlocked model"
    PUBLIC = "public weights that the model may come from"
    KEY_PART = "a part of the weight key"


#: Public weights cost nothing either: whoever may only ask can train a copy from them.
_FREE: Final = frozenset({Asset.QUERIES, Asset.UNLABELLED, Asset.EDITOR, Asset.TRIGGER, Asset.PUBLIC})
_STOLEN: Final = _FREE | {Asset.WEIGHTS}
#: From weak to strong. ``labels``, ``customer`` and ``part`` stand beside ``edited`` and ``pairs``: they hold no edited
#: image.
LEVELS: Final = MappingProxyType(
    {
        "query": _FREE,
        "weights": _STOLEN,
        "edited": _STOLEN | {Asset.EDITED},
        "pairs": _STOLEN | {Asset.EDITED, Asset.PAIRS},
        "labels": _STOLEN | {Asset.LABELS},
        "customer": _STOLEN | {Asset.CUSTOMER},
        "part": _STOLEN | {Asset.LABELS, Asset.KEY_PART},
    }
)


def level_of(needs: Iterable[Asset]) -> str:
    """The weakest level that grants all of ``needs``; every attack's needs lie within one level."""
    wanted = frozenset(needs)
    return next(name for name, assets in LEVELS.items() if wanted <= assets)
