"""The curve of a key search."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spellock.prompts.search_curve import Line, Point, draw_curve, running_best


@given(st.lists(st.tuples(st.floats(-1, 1), st.integers(1, 50)), max_size=20), st.integers(0, 100))
def test_the_best_so_far_never_falls_and_costs_add_up(found: list[tuple[float, int]], start: int) -> None:
    points = running_best([value for value, _ in found], [cost for _, cost in found], start=start)
    for place, (spent, best) in enumerate(points):
        assert spent == start + sum(cost for _, cost in found[: place + 1])
        assert best == max(value for value, _ in found[: place + 1])


def test_a_picture_is_drawn() -> None:
    lines = [
        Line(rung=1, listed=False, points=((16, 0.2), (32, 0.3))),
        Line(rung=1, listed=True, points=((48, 0.1),)),
        Line(rung=2, listed=False, points=((64, 0.25),)),
    ]
    points = [
        Point(edits=400, objective=0.3, kind="searched"),
        Point(edits=500, objective=0.2, kind="searched"),
        Point(edits=600, objective=0.1, kind="listed"),
        Point(edits=700, objective=-0.1, kind="confirmed"),
    ]
    image = Image.open(io.BytesIO(draw_curve(lines, points)))
    assert image.size == (990, 440)
    assert len(image.convert("RGB").getcolors(1 << 20) or []) > 10
