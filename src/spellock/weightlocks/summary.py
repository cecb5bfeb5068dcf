"""What a selection amounts to: shares of units, scalars and bytes, and where in the network the key lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spellock.artefacts import storage_errors
from spellock.weightlocks.places import Place, encode_indices, units_of
from spellock.weightlocks.states import TensorInfo
from spellock.weightlocks.value_coding import EXACT, coded_bytes


@dataclass(frozen=True, kw_only=True)
class TensorShare:
    """The key's share of one tensor: scalars in the key, and of the tensor."""

    name: str
    shape: tuple[int, ...]
    in_key: int
    scalars: int


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Size and place of a key.

    Attributes:
        units: filters, rows and single gains that have a part in the key.
        of_units: those of the whole model.
        scalars, of_scalars: the same for values.
        value_bytes: size of the key's values.
        index_bytes: size of the list of their places.
        of_bytes: size of the model.
        tensors: every tensor of the model with its share, in order.
    """

    units: int
    of_units: int
    scalars: int
    of_scalars: int
    value_bytes: int
    index_bytes: int
    of_bytes: int
    tensors: tuple[TensorShare, ...]

    @property
    def key_bytes(self) -> int:
        """Values and places together."""
        return self.value_bytes + self.index_bytes

    def to_dict(self) -> dict[str, object]:
        """Plain JSON values; shares in [0, 1]."""
        return {
            "units": self.units,
            "unit_share": self.units / self.of_units,
            "scalars": self.scalars,
            "scalar_share": self.scalars / self.of_scalars,
            "key_bytes": self.key_bytes,
            "byte_share": self.key_bytes / self.of_bytes,
            "model_bytes": self.of_bytes,
            "tensors": {share.name: [share.in_key, share.scalars] for share in self.tensors if share.in_key},
        }

    def text(self) -> str:
        """A few lines for people."""
        lines = [
            f"units    {self.units:>12,} of {self.of_units:>14,}  {self.units / self.of_units:7.2%}",
            f"scalars  {self.scalars:>12,} of {self.of_scalars:>14,}  {self.scalars / self.of_scalars:7.2%}",
            f"bytes    {self.key_bytes:>12,} of {self.of_bytes:>14,}  {self.key_bytes / self.of_bytes:7.2%}",
        ]
        width = max((len(share.name) for share in self.tensors if share.in_key), default=0)
        for share in sorted(self.tensors, key=lambda share: _numbered(share.name)):
            if share.in_key:
                part = share.in_key / share.scalars
                lines.append(f"  {share.name:<{width}}  {'#' * round(20 * part):<20} {part:7.2%}")
        return "\n".join(lines)


def _numbered(name: str) -> list[tuple[int, str]]:
    """A sorting key that puts block 2 before block 10; files list their tensors by name."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split(".")]


def summarise(places: Mapping[str, Place], infos: Mapping[str, TensorInfo], *, coding: str = EXACT) -> Summary:
    """Size and place of the key that ``places`` make in a model of tensors ``infos``, its values held in ``coding``."""

    def units(place: Place) -> int:
        rows = units_of(place.info, "unit")
        return len(set((place.indices * place.unit // rows).tolist()))

    return Summary(
        units=sum(units(place) for place in places.values()),
        of_units=sum(info.scalars // units_of(info, "unit") for info in infos.values()),
        scalars=sum(place.scalars for place in places.values()),
        of_scalars=sum(info.scalars for info in infos.values()),
        value_bytes=sum(coded_bytes(len(place.indices), place.unit, place.info, coding) for place in places.values()),
        index_bytes=sum(
            0 if place.whole and place.unit == 1 else len(encode_indices(place.indices)) for place in places.values()
        ),
        of_bytes=sum(info.bytes for info in infos.values()),
        tensors=tuple(
            TensorShare(
                name=name,
                shape=info.shape,
                in_key=places[name].scalars if name in places else 0,
                scalars=info.scalars,
            )
            for name, info in infos.items()
        ),
    )


def plot_summary(summary: Summary, path: Path) -> None:
    """Draw where the key lies: a bar a tensor in the network's order, as wide as the tensor, filled by its share.

    Raises:
        StorageError: ``path`` cannot be written.
    """
    from matplotlib.figure import Figure

    shown = sorted((share for share in summary.tensors if share.scalars), key=lambda share: _numbered(share.name))
    total = sum(share.scalars for share in shown)
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    start = 0.0
    for number, share in enumerate(shown):
        width = share.scalars / total
        colour = "#9aa5b1" if number % 2 else "#c3cad2"
        axes.bar(start, 1, width=width, align="edge", color=colour, linewidth=0)
        axes.bar(start, share.in_key / share.scalars, width=width, align="edge", color="#b3261e", linewidth=0)
        if width > 0.07:
            axes.text(start + width / 2, 1.02, share.name, ha="center", va="bottom", fontsize=6, rotation=20)
        start += width
    axes.set(xlim=(0, 1), ylim=(0, 1.25), xlabel="position in the network, by number of weights", yticks=[0, 0.5, 1])
    axes.set_ylabel("share in the key (red)")
    axes.set_title(
        f"{summary.scalars / summary.of_scalars:.1%} of the weights, {summary.key_bytes / summary.of_bytes:.1%} of the "
        f"bytes ({summary.key_bytes:,})",
        fontsize=9,
    )
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    with storage_errors(path):
        figure.savefig(path, dpi=150, format="png")
