"""The report card's curves as HTML: what a thief gets with more leaked images, labels, answers and keys tried."""

from __future__ import annotations

from html import escape
from typing import Final

from spellock.evaluation.card import Card
from spellock.evaluation.card_plots import TRIED, accuracy_curves, bits_curves, curves_of
from spellock.evaluation.html_page import plot, table
from spellock.evaluation.label_curves import label_curves
from spellock.evaluation.report_text import percent

_CURVES: Final = {
    "leaked": ("Leaked images", "leaked edited images"),
    "labels": ("Labelled images", "labelled raw images"),
    "asked": ("Answers", "answers of an unlocked model"),
    TRIED: ("Keys tried", "different keys tried"),
}


def curves(card: Card) -> list[str]:
    """A plot for each amount that some attack has two of, the numbers of those over labels, and the bits stolen."""
    parts = []
    for amount, (title, axis) in _CURVES.items():
        if found := curves_of(card.attacks, amount):
            measure = card.attacks.measure
            caption = f"{measure[0].upper()}{measure[1:]} over {axis}"
            controls = any(row.public is not None for rows in found.values() for row in rows)
            caption += "; dashed: the same from public weights." if controls else "."
            parts.append(plot(title, accuracy_curves(card.attacks, amount, axis, up=card.figures.get("up")), caption))
    parts += _label_curves(card)
    if card.bits is not None:
        caption = "Bits that the stolen weights save in coding the labels, against public weights; above 0 is theft."
        parts.append(plot("Bits stolen", bits_curves(card.attacks), caption))
    return parts


def _label_curves(card: Card) -> list[str]:
    """The curves over labels in three numbers an attack; nothing without public weights."""
    curves = label_curves(card.attacks.rows)
    if not curves:
        return []
    rows = []
    for one in curves:
        most, at = one.most
        discount = one.discounts[0]
        words = f"{discount.bound} {discount.factor:.2g}".strip()
        rows.append(
            (escape(one.name), f"{percent(most)} with {at}", percent(one.mean), f"{words} at {discount.labels}")
        )
    return [
        table(("attack", "largest theft advantage, labels", "mean over log(labels)", "label discount, labels"), rows),
        "<p class=note>Label discount: public weights need so many times the labels to do as well; 1 is nothing "
        "stolen. The largest of several figures reads a little high.</p>",
    ]
