"""Attacks on models of other tasks than one class an image: the loop over trials, and which attacks mean nothing there.

What an attack is worth there (a ranking of findings, detections) is measured by the task's own `TaskAttacks`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol

from spellock.attacks.base import Stolen
from spellock.attacks.levels import Asset, level_of
from spellock.errors import ConfigError, ModelError
from spellock.evaluation.accuracy import Estimate, mean_of_values
from spellock.evaluation.attack_plan import Amount, AttackPlan, Trial, amounts_of
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.hardened import Measured, best_of
from spellock.evaluation.judge import Halves
from spellock.evaluation.verdicts import Tried, verdicts
from spellock.hidden import Scalar
from spellock.progress import track

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Got:
    """What an attack got from one start.

    Attributes:
        measured: each predictor's ways to be read, the one that counts first; at least one of each.
        stolen: the predictors.
        seconds, queries: its price.
    """

    measured: tuple[Mapping[str, Measured], ...]
    stolen: tuple[Stolen, ...]
    seconds: float = 0.0
    queries: int = 0

    @property
    def first(self) -> Measured:
        """What the thief trusts most."""
        return next(iter(self.measured[0].values()))


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """Which attacks a task can be attacked with: by name why not, and those that are.

    ``otherwise`` is said of attacks that neither names.
    """

    runs: frozenset[str]
    reasons: Mapping[str, str] = field(default_factory=dict)
    otherwise: str = "not made for this task"

    def reason(self, attack: str) -> str:
        """Why the attack called so is not run; empty where it is."""
        return "" if attack in self.runs else self.reasons.get(attack, self.otherwise)


class TaskAttacks(Protocol):
    """One locked model under attack, measured as its task is."""

    @property
    def fitting(self) -> Fitting: ...

    @property
    def measure(self) -> str: ...

    @property
    def chance(self) -> float: ...

    @property
    def split(self) -> Halves:
        """Disjoint halves of the scored images."""

    @property
    def images(self) -> int:
        """Scored images."""

    @property
    def facts(self) -> Mapping[str, Scalar]: ...

    def lacks(self, trial: Trial, *, black_box: bool) -> str:
        """What the thief here has not that the attack needs; empty where nothing."""

    def starts(self, trial: Trial) -> Sequence[str]:
        """``locked``, and the controls that mean something for the attack."""

    def attack(self, trial: Trial, start: str, row: AttackRow) -> Got:
        """Run it. Raises `ConfigError` where it cannot be run, `ModelError` where a model it asks does not answer."""

    def more(self, got: Mapping[str, Got]) -> dict[str, Estimate]:
        """Further figures of the row, by its fields."""


def run_task_attacks(one: TaskAttacks, chosen: Sequence[Trial], plan: AttackPlan) -> AttackReport:
    """Every trial with every amount of data that it takes; one that cannot be run says why in its row.

    Raises:
        ConfigError: nothing to run.
    """
    if not chosen:
        raise ConfigError("got no attack to run, expected one at least; list_attacks() names all")
    rows: list[AttackRow] = []
    tried: list[Tried] = []
    work = [(trial, amount) for trial in chosen for amount in amounts_of(trial, plan)]
    for trial, amount in track(work, total=len(work), label="attacks"):
        row, candidates = _attacked(one, trial, amount, plan)
        if candidates:
            tried.append(Tried(level=row.level, amount=amount, candidates=candidates))
        elif (trial.name, trial.variant, row.level, row.skipped) in {
            (other.attack, other.variant, other.level, other.skipped) for other in rows
        }:
            continue  # once is enough for what no amount of data would change
        rows.append(row)
    return AttackReport(
        rows=tuple(rows),
        strongest={},
        chance=one.chance,
        facts=one.facts,
        verdicts=verdicts(tried, one.split, one.images),
        measure=one.measure,
    )


def _attacked(
    one: TaskAttacks, trial: Trial, amount: Amount, plan: AttackPlan
) -> tuple[AttackRow, dict[str, dict[str, Measured]]]:
    black_box = plan.black_box or trial.black_box
    level = level_of(trial.attack.needs)
    level = "weights" if level == "query" and not black_box else level
    row = AttackRow(attack=trial.name, variant=trial.variant, level=level, **asdict(amount))
    reason = one.fitting.reason(trial.name)
    reason = reason or one.lacks(trial, black_box=black_box)
    if reason:
        return replace(row, skipped=reason), {}
    got: dict[str, Got] = {}
    for start in one.starts(trial):
        try:
            got[start] = one.attack(trial, start, row)
        except (ConfigError, ModelError) as error:
            if start == "locked":
                return replace(row, skipped=str(error)), {}
            # Hours of other attacks are worth more than one control.
            _log.warning("%s: no control with %s weights, because %s", row.name, start, error)
    locked, figures = got["locked"], one.more(got)
    leading = {str(place): next(iter(ways.values())) for place, ways in enumerate(locked.measured)}
    if len(leading) > 1:
        worths = [measured.worth() for measured in leading.values()]
        figures["mean"] = mean_of_values(worths, len(locked.first.indices), seed=plan.seed)
        figures["best"] = best_of(leading, one.split).honest
    row = replace(
        row,
        accuracy=locked.first.estimate(),
        candidates=len(locked.measured),
        found=locked.stolen[0].found,
        seconds=locked.seconds,
        queries=locked.queries,
        **figures,  # type: ignore[arg-type]  # estimates by the names of their fields
    )
    return row, {start: _named(row.name, several) for start, several in got.items()}


def _named(name: str, got: Got) -> dict[str, Measured]:
    found: dict[str, Measured] = {}
    for number, ways in enumerate(got.measured, 1):
        for way, measured in ways.items():
            words = [f"{name} #{number}" if len(got.measured) > 1 else name, *([way] if way else [])]
            found[", ".join(words)] = measured
    return found


def lacking(
    needs: frozenset[Asset], *, prompts: bool, trigger: bool, edited: bool, public: bool, black_box: bool
) -> str:
    """What is missing of an attack's needs, in words; empty where nothing is."""
    missing = {
        Asset.EDITOR: (prompts, "the key's editor takes no prompt"),
        Asset.TRIGGER: (trigger, "the key's editor takes a prompt"),
        Asset.EDITED: (edited, "no edited image leaked"),
        Asset.PAIRS: (edited, "no edited image leaked"),
        Asset.PUBLIC: (public, "there are no public weights to compare with"),
        Asset.WEIGHTS: (not black_box, "needs more than the model's answers"),
    }
    return next((words for asset, (here, words) in missing.items() if asset in needs and not here), "")
