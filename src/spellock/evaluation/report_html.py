"""The report as one self-contained HTML page: pictures inline, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from spellock.evaluation.html_page import page, plot, table
from spellock.evaluation.report import Report
from spellock.evaluation.report_parts import Example
from spellock.evaluation.report_plots import figure_bars, picture_uri, wrong_key_histogram
from spellock.evaluation.report_text import cost_line, interval, percent, with_interval

_STRONG = ("baseline", "up", "lp", "hardened_lp")


def to_html(report: Report, *, title: str = "What the lock is worth") -> str:
    """The whole page. It shows edited images beside raw ones, so it is for the owner's eyes only."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        "<p class=note>For the owner only: the pictures show edited images beside raw ones, which helps a thief. "
        "The page holds neither the key prompt nor the secret.</p>",
        _cards(report),
        plot("All figures", figure_bars(report), f"{report.measure} with 95 % intervals; the dashed line is chance."),
        _figure_table(report),
        f"<p>{escape(cost_line(report))}</p>",
    ]
    if report.findings:
        names = list(report.findings[0].figures)
        lines = [
            (
                escape(one.name),
                str(one.positives),
                str(one.negatives),
                *(with_interval(one.figures[name]) for name in names),
            )
            for one in report.findings
        ]
        parts += ["<h2>Findings</h2>", table(("finding", "positives", "negatives", *names), lines)]
    for tier in report.tiers:
        rows = [
            (escape(title), f"<span class=n>{percent(one.value)}</span>", interval(one), escape(meaning))
            for title, one, meaning in tier.rows()
        ]
        parts += [f"<h2>Tier {escape(tier.name)}</h2>", table(("figure", "accuracy", "95 %", "meaning"), rows)]
    if report.wrong_keys:
        parts += [
            plot("Wrong keys", wrong_key_histogram(report), "How many wrong keys unlock how far."),
            _wrong_key_table(report),
        ]
    if report.examples:
        parts += ["<h2>Pictures</h2>", _examples(report.examples, scenes=report.sheet is not None)]
    facts = [(escape(name), escape(str(value))) for name, value in report.facts.items()]
    parts += ["<h2>How it was measured</h2>", table(("", ""), facts)]
    return page(title, parts)


def _cards(report: Report) -> str:
    cards = []
    for name in (*_STRONG, "chance"):
        if name in report.figures:
            one = report.figures[name]
            limits = interval(one)
            note = f"95 %: {limits}" if limits else "&nbsp;"
            cards.append(
                f"<div class=card>{escape(report.texts[name][0])}<b>{percent(one.value)}</b><span>{note}</span></div>"
            )
    return f"<div class=cards>{''.join(cards)}</div>"


def _figure_table(report: Report) -> str:
    rows = []
    for name, one in report.figures.items():
        title, meaning = report.texts[name]
        strong = " class=strong" if name in _STRONG else ""
        rows.append(
            f"<tr{strong}><td>{escape(title)}</td><td class=n>{percent(one.value)}</td><td class=n>{interval(one)}</td>"
            f"<td class=n>{one.images}</td><td>{escape(meaning)}</td></tr>"
        )
    head = (
        f"<tr><th>figure</th><th class=n>{escape(report.measure)}</th><th class=n>95 %</th><th class=n>images</th>"
        "<th>meaning</th></tr>"
    )
    return f"<div class=scroll><table>{head}{''.join(rows)}</table></div>"


def _wrong_key_table(report: Report) -> str:
    rows = [
        (
            escape(one.name),
            escape(one.shown),
            f"<span class=n>{percent(one.accuracy.value)}</span>",
            interval(one.accuracy),
            percent(one.suppressed.value),
        )
        for one in sorted(report.wrong_keys, key=lambda one: -one.accuracy.value)
    ]
    return table(("key", "prompt or setting that is other", report.measure, "95 %", "lock class dropped"), rows)


def _examples(examples: Sequence[Example], *, scenes: bool) -> str:
    """Pictures in a table; ``scenes`` are larger, and what is said of them is a list of objects."""
    titles = [view.title for view in examples[0].views]
    rows = []
    for example in examples:
        cells = [escape(example.truth)]
        for view in example.views:
            verdict = "right" if view.right else "wrong"
            sure = "" if scenes else f", {percent(view.probability)}"
            cells.append(
                f'<img alt="{escape(view.title)}" src="{picture_uri(view.image)}"><br>'
                f"<span class={verdict}>{escape(view.prediction)}{sure}</span>"
            )
        rows.append(cells)
    first, cell = ("true objects", "scene") if scenes else ("true class", "view")
    return table((first, *titles), rows, cell=cell)
