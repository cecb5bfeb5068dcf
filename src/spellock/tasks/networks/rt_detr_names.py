"""Names of an RT-DETR's weights, which differ from version to version of transformers.

Files of other versions, the published ones among them, must fit all the same, and so must model folders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from torch import Tensor

#: What one version calls a part and what it is called here.
_SAME: Final = (
    (re.compile(r"^(?:detector\.)?(?:model\.)?"), ""),
    (re.compile(r"^(class_embed|bbox_embed)\."), r"decoder.\1."),
    (re.compile(r"^encoder\.aifi\."), "encoder.encoder."),
    (re.compile(r"\bo_proj\b"), "out_proj"),
    (re.compile(r"\blayers\.(\d+)\.mlp\.fc"), r"layers.\1.fc"),
)


def canonical(name: str) -> str:
    """One name for a part, whatever a version of transformers or a wrapper around the model calls it."""
    for pattern, replacement in _SAME:
        name = pattern.sub(replacement, name)
    return name


def renamed(source: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of ``source`` under those of ``names`` that mean the same part; a part that a model lists twice is
    given twice, and entries that mean nothing keep their names."""
    places: dict[str, list[str]] = {}
    for name in names:
        places.setdefault(canonical(name), []).append(name)
    return {place: tensor for name, tensor in source.items() for place in places.get(canonical(name), [name])}
