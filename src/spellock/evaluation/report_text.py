"""The report as text: a table with colours on a terminal, plain aligned lines elsewhere, and CSV."""

from __future__ import annotations

import csv
import io

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.report import Report
from spellock.evaluation.report_parts import FindingResult

_STRONG = {"baseline", "up", "lp", "hardened_lp"}


def percent(value: float) -> str:
    """A share as a percentage with one decimal."""
    return f"{100 * value:.1f} %"


def interval(figure: Estimate) -> str:
    """The 95 % interval, empty where the figure is no measurement."""
    return "" if figure.low == figure.high else f"{100 * figure.low:.1f} to {100 * figure.high:.1f}"


def with_interval(figure: Estimate) -> str:
    """The percentage, and the 95 % interval in brackets where there is one."""
    limits = interval(figure)
    return f"{percent(figure.value)} ({limits})" if limits else percent(figure.value)


def plain_table(report: Report) -> str:
    """Aligned lines without colours or frames."""
    rows = [
        (report.texts[name][0], percent(one.value), interval(one), report.texts[name][1])
        for name, one in report.figures.items()
    ]
    for tier in report.tiers:
        rows.append(("", "", "", ""))
        rows += [
            (f"{tier.name}: {title}", percent(one.value), interval(one), meaning) for title, one, meaning in tier.rows()
        ]
    for finding in report.findings:
        rows.append((finding.name, "", "", finding_line(finding)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{title:<{widths[0]}}  {value:>{widths[1]}}  {limits:>{widths[2]}}  {meaning}".rstrip()
        for title, value, limits, meaning in rows
    ]
    return "\n".join([*lines, "", cost_line(report)])


def finding_line(finding: FindingResult) -> str:
    """A finding's figures with their intervals, in a row."""
    figures = [f"{name} {with_interval(one)}" for name, one in finding.figures.items()]
    return ", ".join([*figures, f"{finding.positives} positives"])


def cost_line(report: Report) -> str:
    """One sentence on the cost of unlocking."""
    cost = report.cost
    return (
        f"Unlocking: {cost.edit_ms:.1f} ms an image beside {cost.inference_ms:.2f} ms of plain inference "
        f"({cost.ratio:.1f} times in all). Hardened LP comes from: {report.hardened_from}. {report.seconds:.0f} s."
    )


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the figures: a coloured table on a terminal, plain lines when the output goes elsewhere."""
    console = console or Console()
    if not console.is_terminal:
        console.print(plain_table(report), soft_wrap=True, highlight=False, markup=False)
        return
    table = Table("figure", title="What the key gives, and what everybody else gets")
    table.add_column(report.measure, justify="right")
    table.add_column("95 %", justify="right")
    table.add_column("meaning")
    for name, one in report.figures.items():
        title, meaning = report.texts[name]
        table.add_row(title, percent(one.value), interval(one), meaning, style="bold" if name in _STRONG else "")
    for tier in report.tiers:
        table.add_section()
        for title, one, meaning in tier.rows():
            table.add_row(escape(f"{tier.name}: {title}"), percent(one.value), interval(one), escape(meaning))
    if report.findings:
        table.add_section()
    for finding in report.findings:
        table.add_row(escape(finding.name), "", "", escape(finding_line(finding)))
    console.print(table)
    console.print(cost_line(report), highlight=False, markup=False)


def to_csv(report: Report) -> str:
    """One line a figure, then one a wrong key: name, value, low, high, images; in percent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "value", "low", "high", "images"))
    for name, one in report.figures.items():
        writer.writerow((name, f"{100 * one.value:.4f}", f"{100 * one.low:.4f}", f"{100 * one.high:.4f}", one.images))
    for wrong in report.wrong_keys:
        one = wrong.accuracy
        writer.writerow(
            (wrong.name, f"{100 * one.value:.4f}", f"{100 * one.low:.4f}", f"{100 * one.high:.4f}", one.images)
        )
    for finding in report.findings:
        for name, one in finding.figures.items():
            limits = (f"{100 * one.value:.4f}", f"{100 * one.low:.4f}", f"{100 * one.high:.4f}")
            writer.writerow((f"{finding.name}: {name}", *limits, one.images))
    for tier in report.tiers:
        for title, one, _ in tier.rows():
            limits = (f"{100 * one.value:.4f}", f"{100 * one.low:.4f}", f"{100 * one.high:.4f}")
            writer.writerow((f"{tier.name}: {title}", *limits, one.images))
    return text.getvalue()
