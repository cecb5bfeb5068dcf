"""What goes with a BatchNorm's gain when a channel is taken out of a network, as CoreLocker does.

Without its gain and bias a channel is silent; the authors' code then cuts it out, with the filter that feeds it. Names
tell that filter, in files as in modules: ``conv1`` for ``bn1``, or the number before in a sequence, if it has a row a
channel. DenseNets have none, for their BatchNorms stand before the convolutions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from spellock.weightlocks.kinds import Kind, kind_of
from spellock.weightlocks.places import Place, units_of
from spellock.weightlocks.states import TensorInfo


def companions_of(chosen: Mapping[str, Place], infos: Mapping[str, TensorInfo]) -> list[Place]:
    """Places of the channels whose gains are ``chosen``: biases, running statistics, and the filters before them."""
    found = []
    for gain, place in chosen.items():
        if kind_of(gain, infos) is not Kind.BATCH_GAIN:
            continue
        stem, channels = gain.rpartition(".")[0], place.info.shape[0]
        beside = [f"{stem}.{last}" for last in ("bias", "running_mean", "running_var")]
        for name in [*beside, *_feeding(stem)]:
            if name in infos and infos[name].shape[:1] == (channels,) and kind_of(name, infos) is not Kind.FIXED:
                unit = units_of(infos[name], "unit")
                found.append(Place(name=name, info=infos[name], unit=unit, indices=place.indices))
    return found


def _feeding(stem: str) -> Iterator[str]:
    """Names that the layer before a BatchNorm may have."""
    path, dot, last = stem.rpartition(".")
    if "bn" in last:
        yield f"{path}{dot}{last.replace('bn', 'conv')}.weight"
    if re.fullmatch(r"[0-9]+", last) and int(last) > 0:
        yield f"{path}{dot}{int(last) - 1}.weight"
