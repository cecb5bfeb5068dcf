"""What goes with a BatchNorm's gain when a channel is taken out of a network, as CoreLocker does.

Without its gain and bias a channel is silent; the authors' code then cuts it out, with the filter that feeds it. That
filter is in the last matrix ahead of the gain in the model's order, if it has a row a channel. Where it has not, as in
DenseNets, whose BatchNorms stand before the convolutions, the channel's gain, bias and statistics are all.
"""

from __future__ import annotations

from collections.abc import Mapping

from spellock.weightlocks.kinds import Kind, kind_of
from spellock.weightlocks.places import Place, units_of
from spellock.weightlocks.states import TensorInfo


def companions_of(chosen: Mapping[str, Place], infos: Mapping[str, TensorInfo]) -> list[Place]:
    """Places of the channels whose gains are ``chosen``: biases, running statistics, and the filters before them."""
    names, found = list(infos), []
    for gain, place in chosen.items():
        if kind_of(gain, infos) is not Kind.BATCH_GAIN:
            continue
        stem, channels = gain.rpartition(".")[0], place.info.shape[0]
        beside = [f"{stem}.{last}" for last in ("bias", "running_mean", "running_var")]
        before = [name for name in names[: names.index(gain)] if kind_of(name, infos) is Kind.MATRIX][-1:]
        for name in [name for name in beside if name in infos] + before:
            if infos[name].shape[0] == channels:
                unit = units_of(infos[name], "unit")
                found.append(Place(name=name, info=infos[name], unit=unit, indices=place.indices))
    return found
