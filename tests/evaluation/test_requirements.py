"""What a lock must reach before it is released."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.errors import ConfigError, UnmetError
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.requirements import Requirement, check_requirements


def _figures(**values: float) -> dict[str, Estimate]:
    return {name: Estimate(value=value, low=0.0, high=1.0, images=10) for name, value in values.items()}


@given(value=st.floats(0, 1), bound=st.integers(0, 100), at_least=st.booleans())
def test_exactly_one_side_of_a_bound_is_met(value: float, bound: int, at_least: bool) -> None:
    one = Requirement.parse(f"up{'>=' if at_least else '<='}{bound}")
    expected = 100 * value >= bound if at_least else 100 * value <= bound
    assert (one.unmet(_figures(up=value)) is None) == expected


@pytest.mark.parametrize("text", ["hardened_lp<=15", " hardened_lp <= 15.0 % "])
def test_forms(text: str) -> None:
    assert Requirement.parse(text) == Requirement(figure="hardened_lp", at_least=False, percent=15.0)


@pytest.mark.parametrize("text", ["", "up", "up=85", "up>85", "up>=", "up>=-1", "<=15", "UP>=85", "up>=nan"])
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected FIGURE<=PERCENT"):
        Requirement.parse(text)


def test_no_percentage_is_refused() -> None:
    with pytest.raises(ConfigError, match="up is required to be 850, expected 0 to 100"):
        Requirement.parse("up>=850")


def test_all_that_is_unmet_is_named_and_the_rest_is_not() -> None:
    required = [Requirement.parse(text) for text in ("up>=85", "hardened_lp<=15", "lp<=5")]
    with pytest.raises(UnmetError, match=r"up is 80\.0 %, required at least 85 %; hardened_lp is 27\.4 %") as caught:
        check_requirements(required, _figures(up=0.8, hardened_lp=0.274, lp=0.01))
    assert "lp is 1" not in str(caught.value)
    check_requirements(required, _figures(up=0.9, hardened_lp=0.12, lp=0.01))


def test_an_unknown_figure_is_no_pass() -> None:
    with pytest.raises(ConfigError, match="hardened_pl"):
        check_requirements([Requirement.parse("hardened_pl<=15")], _figures(hardened_lp=0.1))
