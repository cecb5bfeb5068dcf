"""What a lock must reach before it is released: ``hardened_lp<=15``, ``up>=85``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spellock.errors import ConfigError, UnmetError
from spellock.named import no_such

if TYPE_CHECKING:
    from spellock.evaluation.accuracy import Estimate

_FORM = re.compile(r"\s*(?P<figure>[a-z_]+)\s*(?P<sign><=|>=)\s*(?P<percent>[0-9]+(\.[0-9]+)?)\s*%?\s*")


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One figure's bound.

    Attributes:
        figure: its name in the report.
        at_least: whether the bound is the least or the most that the figure may be.
        percent: the bound, 0 to 100.

    Raises:
        ConfigError: the bound is no percentage.
    """

    figure: str
    at_least: bool
    percent: float

    def __post_init__(self) -> None:
        if not 0 <= self.percent <= 100:
            raise ConfigError(f"{self.figure} is required to be {self.percent:g}, expected 0 to 100 percent")

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """From ``FIGURE<=PERCENT`` or ``FIGURE>=PERCENT``.

        Raises:
            ConfigError: it is neither.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ConfigError(f"got the requirement {text!r}, expected FIGURE<=PERCENT or FIGURE>=PERCENT, in quotes")
        return cls(figure=found["figure"], at_least=found["sign"] == ">=", percent=float(found["percent"]))

    def unmet(self, figures: Mapping[str, Estimate]) -> str | None:
        """What is wrong, in words, or None where ``figures`` (shares in [0, 1]) meet it as they stand.

        Raises:
            ConfigError: there is no such figure.
        """
        if self.figure not in figures:
            raise no_such("figure", self.figure, figures)
        got = 100 * figures[self.figure].value
        if got >= self.percent if self.at_least else got <= self.percent:
            return None
        return f"{self.figure} is {got:.1f} %, required {'at least' if self.at_least else 'at most'} {self.percent:g} %"


def check_names(requirements: Iterable[Requirement]) -> None:
    """Refuse, before anything is measured, a figure that no report has.

    Raises:
        ConfigError: there is one.
    """
    from spellock.evaluation.box_figures import BOX_FIGURES
    from spellock.evaluation.figure_texts import FIGURES
    from spellock.evaluation.multilabel_figures import MULTILABEL_FIGURES

    known = {*FIGURES, *MULTILABEL_FIGURES, *BOX_FIGURES}
    for one in requirements:
        if one.figure not in known:
            raise no_such("figure", one.figure, sorted(known))


def check_requirements(requirements: Iterable[Requirement], figures: Mapping[str, Estimate]) -> None:
    """Check that ``figures`` (shares in [0, 1]) meet all ``requirements``; intervals play no part.

    Raises:
        UnmetError: some are not met; all of these are named.
        ConfigError: there is no such figure.
    """
    unmet = [text for one in requirements if (text := one.unmet(figures)) is not None]
    if unmet:
        raise UnmetError(f"the lock does not meet what is required of it: {'; '.join(unmet)}; do not release it")
