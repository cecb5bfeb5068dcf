"""The front, the recommendation, and the tables."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from spellock.prompts.candidate import Candidate
from spellock.prompts.choose import AS_GOOD, by_worth, pareto_front, recommend, why
from spellock.prompts.plot import scatter
from spellock.prompts.prompt_score import MEANINGS, STRONG, PromptScore
from spellock.prompts.table import csv_table, json_table, text_table


def score(prompt: str = "words", **changes: Any) -> PromptScore:
    usual: dict[str, Any] = {
        "pixels": 9.0, "moved": 0.5, "shift": 0.5, "told": 0.9, "content": 0.6, "kept": 0.8, "distinct": 0.9,
        "rank": None, "cost": 0.01,
    }  # fmt: skip
    return PromptScore(candidate=Candidate(prompt=prompt, kind="given"), **{**usual, **changes})


shares = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=12))
def test_the_front_is_what_nothing_is_better_than(pairs: list[tuple[float, float]]) -> None:
    fronts = {
        "moved": pareto_front([score(kept=kept, moved=far) for kept, far in pairs]),
        "shift": pareto_front([score(kept=kept, shift=far) for kept, far in pairs], "shift"),
    }
    for front in fronts.values():
        for place, (kept, far) in enumerate(pairs):
            better = [(k, f) for k, f in pairs if k >= kept and f >= far and (k, f) != (kept, far)]
            assert front[place] == (not better)
        assert any(front)


def test_worth_fails_with_any_of_its_three() -> None:
    assert score(kept=1.3, moved=1.1, distinct=1.0).worth == 1.0
    assert np.isclose(score().worth, (0.8 * 0.5 * 0.9) ** (1 / 3))
    assert score(kept=0.0).worth == score(moved=0.0).worth == score(distinct=0.0).worth == 0.0
    assert score(near=0.5, shift=0.0).worth == score().worth, "they foretell nothing"


def test_of_equals_the_least_guessable_is_recommended() -> None:
    listed, later, unlisted = score("a", rank=3, moved=0.51), score("b", rank=80), score("c", moved=0.49)
    assert listed.worth - unlisted.worth < AS_GOOD
    assert recommend([listed, later, unlisted]) is unlisted
    assert recommend([listed, later]) is later
    strong = score("d", rank=1, moved=1.0)
    assert recommend([listed, later, unlisted, strong]) is strong
    assert by_worth([unlisted, strong])[0] is strong
    tried = score("e", near=0.9, moved=0.2)
    assert recommend([strong, tried]) is tried, "only those that were tried against synonyms"


def test_the_reason_has_the_figures_and_not_the_prompt() -> None:
    one, other = score("hush hush", near=0.97), score("b", rank=4, kept=0.7)
    text = why(one, [one, other], public=104)
    for part in ("80 %", "50 %", "97 %", "90 %", "2 candidates", "none of the 104", "no candidate is better"):
        assert part in text
    assert "better from about 20 % on" in text
    faint, strong = score(moved=STRONG - 0.01), score(moved=STRONG)
    weak = why(faint, [faint], public=104)
    assert "below the 20 % or so from which measured locks were better" in weak
    assert "below the" not in why(strong, [strong], public=104)
    assert "hush" not in text
    assert "number 4 of 104" in why(other, [one, other], public=104)
    assert "no candidate" not in why(other, [one, other], public=104)


def test_the_tables_agree() -> None:
    scores = [score("=1+1", rank=7, kept=0.7), score("with oil pastel", near=0.99)]
    values = json_table(scores)
    assert [one["prompt"] for one in values] == ["with oil pastel", "=1+1"]
    assert [one["front"] for one in values] == [True, False]
    rows = list(csv.DictReader(io.StringIO(csv_table(scores))))
    assert [row["prompt"] for row in rows] == ["with oil pastel", "'=1+1"], "no formula for a spreadsheet"
    assert rows[1]["rank"] == "7"
    assert rows[1]["near"] == ""
    assert float(rows[0]["kept"]) == values[0]["kept"]
    lines = text_table(scores).splitlines()
    assert lines[0].split()[:2] == ["worth", "pixels"]
    assert lines[1].startswith("*")
    assert lines[1].endswith("with oil pastel")
    assert all(any(line.startswith(name) for line in lines[3:]) for name in MEANINGS)
    assert MEANINGS["kept"].endswith("no sure sign of UP"), "correlations of -0.07 to 0.5 in docs/prompts.md"


def test_the_plot_is_a_picture() -> None:
    scores = [score(kept=0.1 * place, moved=1 - 0.1 * place) for place in range(4)]
    data = scatter(scores, scores[1])
    assert Image.open(io.BytesIO(data)).size == (1320, 550)
    assert data == scatter(scores, scores[1])
    assert data != scatter(scores)
