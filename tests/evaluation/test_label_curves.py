"""Curves over labels in a few numbers, against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from spellock.errors import DataError
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.label_curves import LabelCurve, label_curves


def curve(labels: tuple[int, ...], locked: tuple[float, ...], public: tuple[float, ...]) -> LabelCurve:
    return LabelCurve(name="ridge", labels=labels, locked=locked, public=public)


def test_height_and_area_are_signed() -> None:
    # Advantages 0.1, 0.3, -0.1 over two decades of equal width: areas 0.2 and 0.1, whose mean is 0.15.
    one = curve((10, 100, 1000), (0.3, 0.6, 0.7), (0.2, 0.3, 0.8))
    assert one.advantages == pytest.approx((0.1, 0.3, -0.1))
    assert one.most == (pytest.approx(0.3), 100)
    assert one.mean == pytest.approx(0.15)
    # One decade of three counts for one third: (0.1 + 2 * 0.4) / 3.
    assert curve((1, 10, 1000), (0.2, 0.4, 0.8), (0.2, 0.2, 0.2)).mean == pytest.approx(0.3)
    assert curve((5, 50), (0.1, 0.2), (0.4, 0.3)).mean == pytest.approx(-0.2)
    assert curve((5, 50), (0.1, 0.2), (0.2, 0.3)).most == (pytest.approx(-0.1), 5)


def test_the_discount_is_what_public_weights_need() -> None:
    one = curve((10, 100, 1000), (0.4, 0.5, 0.9), (0.2, 0.4, 0.6))
    found = one.discounts
    assert [(each.labels, each.bound) for each in found] == [(10, ""), (100, ""), (1000, "at least")]
    # 0.4 is reached with 100 labels, 0.5 half of a decade above these, 0.9 not with 1,000.
    assert [each.factor for each in found] == pytest.approx([10, math.sqrt(10), 1])
    assert [each.factor for each in curve((10, 100), (0.2, 0.4), (0.2, 0.4)).discounts] == pytest.approx([1, 1])
    worse = curve((10, 100), (0.1, 0.15), (0.2, 0.4)).discounts
    assert [(each.factor, each.bound) for each in worse] == [(1, "at most"), (0.1, "at most")]
    # A dip of the public curve does not put off what it reached before: 0.5 with 10 * 10 ** 0.75 labels.
    dipped = curve((10, 100, 1000), (0.5, 0.5, 0.5), (0.2, 0.6, 0.4)).discounts
    assert dipped[0].factor == pytest.approx(10**0.75)
    assert dipped[2].factor == pytest.approx(10**0.75 / 100)


@pytest.mark.parametrize(
    ("labels", "locked"), [((10,), (0.1,)), ((10, 10), (0.1, 0.2)), ((0, 10), (0.1, 0.2)), ((10, 20), (0.1,))]
)
def test_what_is_no_curve_is_refused(labels: tuple[int, ...], locked: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="two rising numbers"):
        curve(labels, locked, tuple(0.1 for _ in labels))


def share(value: float) -> Estimate:
    return Estimate(value=value, low=value, high=value, images=10)


def test_reports_hold_the_curves_that_there_are() -> None:
    def row(attack: str, labels: int, value: float, public: float | None, variant: str = "") -> AttackRow:
        control = None if public is None else share(public)
        return AttackRow(
            attack=attack, variant=variant, level="labels", labels=labels, accuracy=share(value), public=control
        )

    rows = (
        row("ridge", 100, 0.5, 0.4), row("ridge", 10, 0.3, 0.2), row("ridge", 10, 0.9, 0.1, "bn"),
        row("mlp", 10, 0.3, None), row("mlp", 100, 0.3, None),
        AttackRow(attack="mlp", variant="", level="labels", labels=7, skipped="no time"),
    )  # fmt: skip
    (found,) = label_curves(rows)
    assert (found.name, found.labels, found.locked, found.public) == ("ridge", (10, 100), (0.3, 0.5), (0.2, 0.4))
    report = AttackReport(rows=rows, strongest={}, chance=0.1, facts={})
    (plain,) = report.to_dict()["label_curves"]
    assert (plain["advantage_most"], plain["advantage_most_at"], plain["advantage_mean"]) == (10, 10, 10)
    assert plain["label_discounts"] == [
        {"labels": 10, "factor": 3.162}, {"labels": 100, "factor": 1.0, "bound": "at least"},
    ]  # fmt: skip
    assert "label_curves" not in AttackReport(rows=rows[3:], strongest={}, chance=0.1, facts={}).to_dict()
