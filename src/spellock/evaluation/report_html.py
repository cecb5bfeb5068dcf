"""The report as one self-contained HTML page: pictures inline, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from spellock.evaluation.report import Report
from spellock.evaluation.report_parts import Example
from spellock.evaluation.report_plots import figure_bars, picture_uri, wrong_key_histogram
from spellock.evaluation.report_text import cost_line, interval, percent

_CSS = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1d2430; background: #fff; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
p.note { background: #fdf3e1; border-left: 4px solid #d9a441; padding: .5rem .8rem; }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; }
.card { border: 1px solid #d8dce3; border-radius: .5rem; padding: .5rem 1rem; min-width: 8.5rem; }
.card b { display: block; font-size: 1.6rem; } .card span { color: #59616e; font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; padding: .28rem .6rem; border-bottom: 1px solid #e6e9ee; vertical-align: top; }
th { border-bottom: 2px solid #c3c9d3; }
td.n, th.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.strong { font-weight: 600; background: #f5f7fa; }
img.plot { width: 100%; max-width: 58rem; height: auto; }
.scroll { overflow-x: auto; } td.view, th.view { text-align: center; font-size: .85rem; }
td.view img { width: 112px; height: 112px; object-fit: contain; }
.right { color: #1f6b50; } .wrong { color: #a63f2a; }
"""
_STRONG = ("baseline", "up", "lp", "hardened_lp")


def to_html(report: Report, *, title: str = "What the lock is worth") -> str:
    """The whole page. It shows edited images beside raw ones, so it is for the owner's eyes only."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        "<p class=note>For the owner only: the pictures show edited images beside raw ones, which helps a thief. "
        "The page holds neither the key prompt nor the secret.</p>",
        _cards(report),
        _plot("All figures", figure_bars(report), f"{report.measure} with 95 % intervals; the dashed line is chance."),
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
                *(f"{percent(one.figures[name].value)} ({interval(one.figures[name])})" for name in names),
            )
            for one in report.findings
        ]
        parts += ["<h2>Findings</h2>", _table(("finding", "positives", "negatives", *names), lines)]
    for tier in report.tiers:
        rows = [
            (escape(title), f"<span class=n>{percent(one.value)}</span>", interval(one), escape(meaning))
            for title, one, meaning in tier.rows()
        ]
        parts += [f"<h2>Tier {escape(tier.name)}</h2>", _table(("figure", "accuracy", "95 %", "meaning"), rows)]
    if report.wrong_keys:
        parts += [
            _plot("Wrong keys", wrong_key_histogram(report), "How many wrong keys unlock how far."),
            _wrong_key_table(report),
        ]
    if report.examples:
        parts += ["<h2>Pictures</h2>", _examples(report.examples)]
    facts = [(escape(name), escape(str(value))) for name, value in report.facts.items()]
    parts += ["<h2>How it was measured</h2>", _table(("", ""), facts)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_CSS}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


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


def _plot(title: str, uri: str, caption: str) -> str:
    return f'<h2>{escape(title)}</h2><p>{escape(caption)}</p><img class=plot alt="{escape(caption)}" src="{uri}">'


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
    return _table(("key", "prompt or setting that is other", "accuracy", "95 %", "lock class dropped"), rows)


def _examples(examples: Sequence[Example]) -> str:
    titles = [view.title for view in examples[0].views]
    rows = []
    for example in examples:
        cells = [escape(example.truth)]
        for view in example.views:
            verdict = "right" if view.right else "wrong"
            cells.append(
                f'<img alt="{escape(view.title)}" src="{picture_uri(view.image)}"><br>'
                f"<span class={verdict}>{escape(view.prediction)}, {percent(view.probability)}</span>"
            )
        rows.append(cells)
    return _table(("true class", *titles), rows, cell="view")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, cell: str = "") -> str:
    """A table of cells that are HTML already; ``cell`` is the class of all but the first of a row."""
    mark = f" class={cell}" if cell else ""
    body = "".join(
        f"<tr><td>{row[0]}</td>" + "".join(f"<td{mark}>{value}</td>" for value in row[1:]) + "</tr>" for row in rows
    )
    heads = f"<tr><th>{escape(head[0])}</th>" + "".join(f"<th{mark}>{escape(name)}</th>" for name in head[1:]) + "</tr>"
    heads = heads if any(head) else ""
    return f"<div class=scroll><table>{heads}{body}</table></div>"
