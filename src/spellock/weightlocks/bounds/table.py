"""A `ChangeBound` as text: layer by layer, then the whole, then in words what it says and what not."""

from __future__ import annotations

from typing import Final

from spellock.weightlocks.bounds.change import ChangeBound, LayerChange
from spellock.weightlocks.bounds.residual import CONSTANT

_COLUMNS: Final = (
    "layer",
    "kind",
    "norm",
    "changed",
    "difference",
    "norm of D",
    "by chance",
    "entries changed",
    "energy removed",
    "adds",
)


def as_text(found: ChangeBound) -> str:
    """The table and the words, as plain text with lines of a Markdown table."""
    rows = [_COLUMNS, tuple("---" for _ in _COLUMNS), *(_row(layer) for layer in found.layers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([*lines, "", *_whole(found), "", *_words(found)]) + "\n"


def _row(layer: LayerChange) -> tuple[str, ...]:
    norms = [f"{value:.4g}" for value in (layer.norm, layer.changed_norm, layer.change_norm)]
    if layer.residual is None:
        return (layer.name, layer.kind, *norms, "", "", "", "", f"{layer.added:.4g}")
    change = layer.residual
    share = change.removed_energy / change.energy if change.energy else 0.0
    return (
        layer.name,
        layer.kind,
        *norms,
        f"{change.spectral:.4g}",
        f"{change.chance:.4g}",
        f"{100 * change.changed:.2f} %",
        f"{change.removed_energy:.4g} ({100 * share:.1f} %)",
        f"{layer.added:.4g}",
    )


def _whole(found: ChangeBound) -> list[str]:
    lines = ["| over the inputs | mean | largest |", "|---|---|---|"]
    for name, values in {
        "norm of the input": found.input_norms,
        "norm of the output, measured": found.output_norms,
        "change of the output, measured": found.measured,
        "upper bound for these inputs": found.bound_here,
        "upper bound for every input of that norm": found.bound,
    }.items():
        lines.append(f"| {name} | {sum(values) / len(values):.4g} | {max(values):.4g} |")
    return lines


def _words(found: ChangeBound) -> list[str]:
    lines = [
        "What this proves: no input of such a norm has its output moved further than the last line, and these inputs "
        "not further than the line before it. So a restricted update (key weights only) differs from the full one by "
        "no more.",
        "What it does not prove: that the output moves at all. An upper bound says nothing about how bad the model is "
        "without its key; only measured accuracy does.",
    ]
    if total := sum(found.measured):
        lines.append(
            f"The bounds are {sum(found.bound_here) / total:.3g} and {sum(found.bound) / total:.3g} times what was "
            "measured. They grow looser with every layer; one far above the outputs themselves says nothing at all."
        )
    lines.append(
        "norm, changed, difference: upper bounds of the layer's operator norm before, after, and of the difference; "
        "adds: of what the layer's change adds to the difference, given the norms of the inputs. norm of D: measured, "
        f"of the change of the weights as a matrix. By chance: C s (sqrt p + sqrt q + {found.t:g}) with C = "
        f"{CONSTANT:.3f} and s estimated from the entries; independent entries of mean zero exceed it with probability "
        f"{found.chance_failure:.2g} at most, about others it says nothing."
    )
    return lines
