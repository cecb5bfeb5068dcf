"""The report card as one self-contained HTML page that a manager and an engineer can both read."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from html import escape
from typing import Final

from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.bits_stolen import Bits
from spellock.evaluation.card import Card
from spellock.evaluation.card_curves import curves
from spellock.evaluation.html_page import page, table
from spellock.evaluation.report_parts import Example
from spellock.evaluation.report_plots import picture_uri
from spellock.evaluation.report_text import interval, percent

_FIRST: Final = ("baseline", "up", "lp", "hardened_lp", "chance")
_COLOURS: Final = {
    "holds": "#1f6b50", "no gain": "#1f6b50", "in doubt": "#8a6d1d", "unclear": "#8a6d1d", "leaks": "#b3541e",
    "open": "#a63f2a", "keeps": "#1f6b50",
}  # fmt: skip
_HEAD: Final = (
    "attack", "the thief has", "{measure}", "95 %", "public weights", "random weights", "theft advantage", "95 %",
    "bits stolen", "images asked", "seconds",
)  # fmt: skip


def card_html(card: Card) -> str:
    """The whole page. It shows edited images beside raw ones, so it is for the owner's eyes only."""
    parts = [
        f"<h1>{escape(card.title)}</h1>",
        "<p class=note>For the owner only: the pictures show edited images beside raw ones, which helps a thief. "
        "The page holds neither the key prompt nor the secret.</p>",
        f"<p><b>{escape(card.summary())}</b></p>",
        _tiles(card),
        "<h2>What was locked</h2>",
        table(("", ""), [(escape(name), escape(str(value))) for name, value in card.locked.items()]),
        "<h2>What each thief gets</h2>",
        _verdicts(card),
        *_tiers_of(card),
        *curves(card),
        "<h2>Every attack</h2>",
        "<p>The controls are the same attack from public weights and from random ones, with the same images, labels "
        "and seeds; the theft advantage is what the stolen weights add to public ones. Bits stolen is what they save "
        "in coding the labels. An attack that could not be run says why.</p>",
        table([name.format(measure=card.attacks.measure) for name in _HEAD], [_row(row) for row in card.attacks.rows]),
        "<h2>Pictures</h2>",
        _examples(card.examples) if card.examples or card.sheet is None else _sheet(card.sheet),
        "<h2>All figures</h2>",
        table(
            ("figure", card.attacks.measure, "95 %", "images", "meaning"),
            [
                (escape(card.texts[name][0]), percent(one.value), interval(one), str(one.images),
                 escape(card.texts[name][1]))
                for name, one in card.figures.items()
            ],
        ),
        "<h2>What this does not say</h2>",
        f"<ul>{''.join(f'<li>{escape(limit)}</li>' for limit in card.limits)}</ul>",
        "<h2>How it was measured</h2>",
        table(("", ""), [(escape(name), escape(str(value))) for name, value in _facts(card).items()]),
    ]  # fmt: skip
    return page(card.title, parts)


def _tiles(card: Card) -> str:
    tiles = [
        f"<div class=card>{escape(card.texts[name][0])}<b>{percent(card.figures[name].value)}</b>"
        f"<span>{interval(card.figures[name]) or '&nbsp;'}</span></div>"
        for name in _FIRST
        if name in card.figures
    ]
    if (row := card.bits) is not None and row.bits is not None:
        tiles.append(
            f"<div class=card>Bits stolen, at most<b>{row.bits.value:.0f}</b><span>{escape(row.attack)}, "
            f"{row.bits.labels} labels</span></div>"
        )
    return f"<div class=cards>{''.join(tiles)}</div>"


def _verdicts(card: Card) -> str:
    lines = []
    for one, sentence in zip(card.attacks.verdicts, card.sentences, strict=True):
        colour = _COLOURS[one.outcome(chance=card.attacks.chance, up=card.up)]
        lines.append(
            f'<li><span style="color:{colour}">&#9632;</span> {escape(sentence)} '
            f"<small>By {escape(one.name)}.</small></li>"
        )
    return f"<ul style='list-style:none;padding-left:0'>{''.join(lines)}</ul>"


def _tiers_of(card: Card) -> list[str]:
    """What each tier's key releases and leaks; nothing for a model without tiers."""
    if not card.tiers:
        return []
    lines = []
    for one in card.tier_verdicts:
        square = "" if one.outcome == "releases" else f'<span style="color:{_COLOURS[one.outcome]}">&#9632;</span> '
        lines.append(f"<li>{square}{escape(one.text)}</li>")
    rows = [
        (escape(tier.name), escape(title), percent(one.value), interval(one), escape(meaning))
        for tier in card.tiers
        for title, one, meaning in tier.rows()
    ]
    return [
        "<h2>What each tier's key releases and leaks</h2>",
        f"<ul style='list-style:none;padding-left:0'>{''.join(lines)}</ul>",
        table(("tier", "figure", "accuracy", "95 %", "meaning"), rows),
    ]


def _row(row: AttackRow) -> tuple[str, ...]:
    attack = escape(row.attack + (f" ({row.variant})" if row.variant else ""))
    thief = escape(row.level + (f", {row.data}" if row.data else ""))
    if row.accuracy is None:
        return (attack, thief, "&ndash;", f"<small>{escape(row.skipped)}</small>", *[""] * (len(_HEAD) - 4))
    several = "" if row.best is None else f"<br><small>best of {row.candidates}: {percent(row.best.value)}</small>"
    if row.mirrored is not None:
        several += f"<br><small>mirrored: {percent(row.mirrored.value)}</small>"
    return (
        attack, thief, percent(row.accuracy.value) + several, _span(row.accuracy), _share(row.public),
        _share(row.random), _share(row.advantage), _span(row.advantage),
        _bits(row.bits), str(row.queries), f"{row.seconds:.1f}",
    )  # fmt: skip


def _span(figure: Estimate | None) -> str:
    return "" if figure is None else interval(figure).replace(" ", "&nbsp;")


def _share(figure: Estimate | None) -> str:
    return "" if figure is None else percent(figure.value).replace(" ", "&nbsp;")


def _bits(saved: Bits | None) -> str:
    return "" if saved is None else f"{saved.value:.0f}<br><small>{saved.low:.0f}&nbsp;to&nbsp;{saved.high:.0f}</small>"


def _sheet(png: bytes) -> str:
    return f'<img alt="what the detector finds" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _examples(examples: Sequence[Example]) -> str:
    if not examples:
        return "<p>None.</p>"
    rows = []
    for example in examples:
        cells = [escape(example.truth)]
        for view in example.views:
            sure = "" if math.isnan(view.probability) else f", {percent(view.probability)}"
            cells.append(
                f'<img alt="{escape(view.title)}" src="{picture_uri(view.image)}"><br>'
                f"<span class={'right' if view.right else 'wrong'}>{escape(view.prediction)}{sure}</span>"
            )
        rows.append(cells)
    return table(("true class", *(view.title for view in examples[0].views)), rows, cell="view")


def _facts(card: Card) -> dict[str, object]:
    return {"attacks": card.plan, **card.attacks.facts, "minutes": round(card.seconds / 60, 1)}
