"""Parts of the pages: one style, tables, plots; pictures inline, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

CSS = """
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
td.scene, th.scene { text-align: center; font-size: .85rem; } td.scene img { width: 256px; height: auto; }
.right { color: #1f6b50; } .wrong { color: #a63f2a; }
"""


def page(title: str, parts: Sequence[str]) -> str:
    """A whole page of ``parts``, which are HTML already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def plot(title: str, uri: str, caption: str) -> str:
    """A picture under a heading, with its caption."""
    return f'<h2>{escape(title)}</h2><p>{escape(caption)}</p><img class=plot alt="{escape(caption)}" src="{uri}">'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, cell: str = "") -> str:
    """A table of cells that are HTML already; ``cell`` is the class of all but the first of a row."""
    mark = f" class={cell}" if cell else ""
    body = "".join(
        f"<tr><td>{row[0]}</td>" + "".join(f"<td{mark}>{value}</td>" for value in row[1:]) + "</tr>" for row in rows
    )
    heads = f"<tr><th>{escape(head[0])}</th>" + "".join(f"<th{mark}>{escape(name)}</th>" for name in head[1:]) + "</tr>"
    heads = heads if any(head) else ""
    return f"<div class=scroll><table>{heads}{body}</table></div>"
