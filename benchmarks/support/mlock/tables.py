"""The tables: ours beside the paper's, and what the paper does not give."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean, stdev
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

from support.mlock.data import TITLES
from support.mlock.paper import BASELINE, CERTIFICATES, STRATEGIES, PaperCell, paper_cells
from support.mlock.settings import TARGETS

Runs = dict[str, dict[str, dict[str, dict[str, Any]]]]

#: One table a certificate: its title, and where the paper has it.
HEADINGS: Final = {
    "motif I": "Certificate motif I, fixed place (Table 1, and the left half of Table 2)",
    "motif II": "Certificate motif II, fixed place (Table 1)",
    "motif I, random place": "Certificate motif I, random place (the right half of Table 2)",
}
#: Figures that the paper does not give.
HARDENED: Final = {
    "lp_permuted": "renamed", "lp_centred": "centred", "lp_bn": "BN", "lp_permuted_bn": "renamed, BN",
    "wrong_key_mean": "wrong keys, mean", "wrong_key_max": "wrong keys, best", "hardened_lp": "hardened LP",
}  # fmt: skip
COLUMNS: Final = (
    "strategy", "data", "seeds", "clean: paper", "clean: ours", "trusted: paper", "trusted: ours", "unverified: paper",
    "unverified: ours", *HARDENED.values(),
)  # fmt: skip


def cell_text(values: list[float]) -> str:
    """Mean, with the deviation over seeds where there are several; empty without values."""
    if not values:
        return ""
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def baselines(runs: Runs, data: str) -> list[float]:
    """The baseline of each seed of a data set."""
    found = {
        seed: run["baseline"] for row in runs.get(data, {}).values() for seed, run in row.items() if "baseline" in run
    }
    return [found[seed] for seed in sorted(found)]


def rows(runs: Runs, certificate: str) -> Iterator[tuple[str, ...]]:
    """Rows of one certificate's table, those of data sets or cells without results left out."""
    paper = paper_cells()
    for strategy in STRATEGIES:
        for data, title in TITLES.items():
            found = list(runs.get(data, {}).get(f"{strategy}, {certificate}", {}).values())
            if found:
                name = f"{strategy}, {TARGETS[strategy]}"
                yield _row(name, title, data, paper[strategy, data, certificate], found, baselines(runs, data))


def _row(
    name: str, title: str, data: str, paper: PaperCell, found: list[dict[str, Any]], clean: list[float]
) -> tuple[str, ...]:
    ours = {figure: cell_text([run[figure] for run in found if figure in run]) for figure in ("up", "lp", *HARDENED)}
    return (
        name, title, str(len(found)), f"{BASELINE[data]:.1f}", cell_text(clean),
        f"{paper.trusted:.1f} ± {paper.trusted_deviation:.1f}", ours["up"],
        f"{paper.unverified:.1f} ± {paper.unverified_deviation:.1f}", ours["lp"],
        *(ours[figure] for figure in HARDENED),
    )  # fmt: skip


def markdown(runs: Runs) -> str:
    """All tables for a page."""
    parts = []
    for certificate in CERTIFICATES:
        lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
        found = [f"| {' | '.join(row)} |" for row in rows(runs, certificate)]
        lines = [*lines, *found] if found else ["No results yet."]
        parts.append(f"### {HEADINGS[certificate]}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def print_tables(runs: Runs) -> None:
    """All tables on the terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=240)
    for certificate in CERTIFICATES:
        table = Table(title=HEADINGS[certificate], box=box.SIMPLE, title_justify="left")
        for column in COLUMNS:
            table.add_column(
                column, justify="left" if column in COLUMNS[:2] else "right", no_wrap=column in COLUMNS[:2]
            )
        for row in rows(runs, certificate):
            table.add_row(*row)
        console.print(table)
