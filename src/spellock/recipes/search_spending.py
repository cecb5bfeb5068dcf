"""What a key search had reached after how many edits, in the order of its plan."""

from __future__ import annotations

from collections.abc import Sequence

from spellock.prompts.halving import Plan
from spellock.prompts.search_curve import Line, Point, running_best
from spellock.recipes.tried import Tried


def worth_by_edits(tried: Sequence[Tried], plan: Plan) -> list[Line]:
    """The best worth so far at each rung, of searched keys and of listed prompts."""
    lines, spent = [], 0
    for place, (rung, edits) in enumerate(zip(plan.rungs, plan.score_edits, strict=True)):
        cost = edits // rung.keys
        start = spent
        for listed in (False, True):
            own = [one.scores[place].worth for one in tried if one.trial.listed == listed and len(one.scores) > place]
            lines.append(Line(rung=place + 1, listed=listed, points=running_best(own, [cost] * len(own), start=start)))
            start += cost * len(own)
        spent += edits
    return lines


def pilots_by_edits(tried: Sequence[Tried], plan: Plan) -> list[Point]:
    """UP - hardened LP of each pilot, then of the confirming ones."""
    spent = sum(plan.score_edits)
    piloted = sorted((one for one in tried if one.pilot is not None), key=lambda one: one.trial.listed)
    points = []
    for one in piloted:
        spent += plan.pilot_edits
        kind = "listed" if one.trial.listed else "searched"
        points.append(Point(edits=spent, objective=one.objective, kind=kind))
    for one in piloted:
        if one.confirmed is not None:
            spent += plan.pilot_edits
            points.append(Point(edits=spent, objective=one.again, kind="confirmed"))
    return points
