"""What a tensor is for, told by its name and shape alone, so that it works for files as well as for modules."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

import torch

from spellock.errors import ConfigError
from spellock.weightlocks.states import TensorInfo

_STATISTICS: Final = ("running_mean", "running_var", "num_batches_tracked")
_COUNTERS: Final = (torch.int32, torch.int64)
_HEADS: Final = (
    "box_predictor", "cls_logits",  # of detectors
    "head.fc", "heads.head", "head", "fc", "classifier", "score", "lm_head", "linear", "output_layer",
)  # fmt: skip


class Kind(Enum):
    """A tensor's part in a network."""

    MATRIX = "matrix"  # weights of a linear layer, a convolution or an embedding: two or more axes
    BATCH_GAIN = "batch_gain"  # gains of a BatchNorm
    GAIN = "gain"  # gains of another normalisation: one axis
    BIAS = "bias"
    STATISTIC = "statistic"  # running mean and variance of a BatchNorm, and its counter
    OTHER = "other"  # tokens, positions, scales: floating, but not named a weight
    FIXED = "fixed"  # whole numbers, truth values: never in a key unless they are statistics


def kind_of(name: str, infos: Mapping[str, TensorInfo]) -> Kind:
    """The kind of the tensor ``name`` among all of a model's."""
    stem, _, last = name.rpartition(".")
    info = infos[name]
    # Not bytes with a scale beside them: in 8 bits a magnitude alone says nothing of a weight's part.
    floating = info.dtype.is_floating_point and info.dtype.itemsize >= 2
    if last in _STATISTICS and (floating or info.dtype in _COUNTERS):
        return Kind.STATISTIC
    if not floating:
        return Kind.FIXED
    if "weight" in last:
        if len(info.shape) >= 2:
            return Kind.MATRIX
        return Kind.BATCH_GAIN if f"{stem}.running_mean" in infos else Kind.GAIN
    return Kind.BIAS if "bias" in last else Kind.OTHER


def norm_tensors(infos: Mapping[str, TensorInfo]) -> list[str]:
    """Names of everything that belongs to normalisations: gains, their biases, statistics."""
    kinds = {name: kind_of(name, infos) for name in infos}
    stems = {
        name.rpartition(".")[0] for name, kind in kinds.items() if kind in (Kind.BATCH_GAIN, Kind.GAIN, Kind.STATISTIC)
    }
    # What has one axis and is called a weight may be the scale of a matrix in 8 bits, which is beside it then.
    left_out = (Kind.MATRIX, Kind.FIXED)
    return [name for name in infos if name.rpartition(".")[0] in stems and kinds[name] not in left_out]


def head_tensors(infos: Mapping[str, TensorInfo], head: str | None = None) -> list[str]:
    """Names of the classifier's tensors.

    Args:
        head: the name of the classifier's module; None looks for the usual ones.

    Raises:
        ConfigError: there is no module of that name, or none of the usual ones.
    """
    for wanted in [head] if head is not None else _HEADS:
        found = [name for name in infos if name.startswith(f"{wanted}.") or f".{wanted}." in name]
        matrices = [name for name in found if kind_of(name, infos) == Kind.MATRIX]
        # A "head" of several layers (norm, fc) is one by name; a whole network inside another of that name is none.
        if matrices and (head is not None or len(matrices) <= 2):
            return found
    if head is not None:
        raise ConfigError(f"the model has no module {head!r} with weights; names begin like {next(iter(infos), '')!r}")
    raise ConfigError(
        "cannot tell which module is the classifier; name it with --head, for example --head classifier, or leave "
        "it out with --no-include-head where the model has none"
    )
