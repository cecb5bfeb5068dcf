"""Run attacks on a model, and on public and random weights beside it, and count their hits."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.levels import LEVELS, Asset, level_of
from spellock.errors import ConfigError, ModelError
from spellock.evaluation.accuracy import Estimate, mean_over_keys
from spellock.evaluation.attack_figures import bits_of, difference_of_draws, mean_of_draws, strongest_of
from spellock.evaluation.attack_plan import Amount, AttackPlan, Trial, amounts_of
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.attack_store import AttackStore, Done
from spellock.evaluation.halves import halves, stratified_subset
from spellock.evaluation.hardened import Candidate, best_of
from spellock.evaluation.one_attack import PICTURES, OneAttack, Scored
from spellock.evaluation.thief import Thief
from spellock.evaluation.verdicts import Tried, verdicts
from spellock.progress import track
from spellock.tasks.pixel_model import PixelModel

_log = logging.getLogger(__name__)


def run_attacks(
    model: PixelModel,
    thief: Thief,
    scored: Scored,
    chosen: Sequence[Trial],
    plan: AttackPlan,
    *,
    public: PixelModel | None = None,
    random: PixelModel | None = None,
    store: AttackStore | None = None,
    batch_size: int = 128,
) -> AttackReport:
    """Run every trial with every amount of data that it takes, and its controls.

    Public weights are attacked in the same way where that means something: with labels, and with raw images alone,
    since a public classifier may know the classes. Random weights only with labels: without, they give chance.

    Raises:
        ConfigError: nothing to run.
        ModelError: there is one attack, and a model that it asks gives no answer; among several its row says so.
    """
    if not chosen:
        raise ConfigError("got no attack to run, expected one at least; list_attacks() names all")
    split = halves(scored.labels, seed=plan.seed)
    subset = stratified_subset(scored.labels, plan.candidate_images, seed=plan.seed)
    one = OneAttack(thief=thief, scored=scored, subset=subset, plan=plan, store=store, batch_size=batch_size)
    starts = {"locked": model, "public": public, "random": random}
    rows: list[AttackRow] = []
    hits: dict[str, dict[str, dict[str, Candidate]]] = {}
    tried: list[Tried] = []
    pictures: dict[str, tuple[tuple[bytes, int], ...]] = {}
    past: dict[int, list[dict[str, list[Done]]]] = {}
    alone = len({trial.name for trial in chosen}) == 1
    work = [
        (number, trial, amount, following)
        for number, trial in enumerate(chosen)
        for amount, following in _with_following(amounts_of(trial, plan))
    ]
    for number, trial, amount, following in track(work, total=len(work), label="attacks"):
        before = past.setdefault(number, [])
        row, found, done = _attacked(one, trial, amount, following, before, starts, split, alone=alone)
        rows.append(row)
        if not done:
            continue
        before.append(done)
        tried.append(Tried(level=row.level, amount=amount, candidates=found))
        pictures[row.name] = done["locked"][0].pictures
        for start, candidates in found.items():
            hits.setdefault(row.data or "raw images alone", {}).setdefault(start, {}).update(candidates)
    return AttackReport(
        rows=tuple(rows),
        strongest={name: strongest_of(by_start, split, len(scored.labels)) for name, by_start in hits.items()},
        chance=1 / thief.classes,
        facts={
            "scored images": len(scored.labels),
            "unlabelled images": min(thief.unlabelled, len(thief.pool)),
            "images a candidate": len(subset),
            "draws": plan.draws,
            "black box": plan.black_box,
            "thieves mirror images": plan.mirrored,
            "seed": plan.seed,
        },
        verdicts=verdicts(tried, split, len(scored.labels)),
        pictures=pictures,
        shown=tuple(int(place) for place in scored.places[subset[:PICTURES]]),
        spared=0.0 if store is None else store.spared,
    )


def _with_following(amounts: list[Amount]) -> list[tuple[Amount, int | None]]:
    """Each amount with the labels of the next one, None where there is none."""
    following = [amount.labels or None for amount in amounts[1:]] + [None]
    return list(zip(amounts, following, strict=False))


def _attacked(
    one: OneAttack,
    trial: Trial,
    amount: Amount,
    following: int | None,
    past: list[dict[str, list[Done]]],
    starts: Mapping[str, PixelModel | None],
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    alone: bool,
) -> tuple[AttackRow, dict[str, dict[str, Candidate]], dict[str, list[Done]]]:
    """The row, the hits of each of its predictors from each start, and what each draw got from each start.

    ``past`` is what the same attack got with fewer labels, from few to many; ``alone`` tells that no other is run.
    """
    needs, plan, thief = trial.attack.needs, one.plan, one.thief
    black_box = plan.black_box or trial.black_box
    level = level_of(needs)
    if level == "query" and not black_box:
        level = "weights"
    row = AttackRow(attack=trial.name, variant=trial.variant, level=level, **asdict(amount))
    if skipped := _skipped(needs, thief, black_box=black_box):
        return replace(row, skipped=skipped), {}, {}
    draws, least = plan.draws if amount.labels else 1, amounts_of(trial, plan)[0].labels
    wanted = {"locked", "public", "random"} if amount.labels or amount.asked else {"locked"}
    if needs <= {Asset.QUERIES, Asset.WEIGHTS, Asset.UNLABELLED, Asset.PUBLIC, Asset.KEY_PART}:
        wanted.add("public")
    done: dict[str, list[Done]] = {}
    for start, model in starts.items():
        if model is not None and start in wanted:
            try:
                done[start] = [one(trial, start, model, row, draw, following=following) for draw in range(draws)]
            except (ConfigError, ModelError) as error:
                if start == "locked":
                    if alone and isinstance(error, ModelError):
                        raise  # there is nothing else to tell of
                    return replace(row, skipped=str(error)), {}, {}
                # Hours of other attacks are worth more than one control.
                _log.warning("%s: no control with %s weights, because %s", row.name, start, error)
    first = {start: np.stack([run.hits[0] for run in several]) for start, several in done.items()}
    locked = done["locked"][0]
    figures: dict[str, Estimate] = {
        start: mean_of_draws(hits, plan.seed) for start, hits in first.items() if start != "locked"
    }
    if "public" in first:
        figures["advantage"] = difference_of_draws(first["locked"], first["public"], plan.seed)
    places = np.arange(len(one.scored.labels)) if len(locked.hits) == 1 else one.subset
    if len(locked.hits) > 1:
        several = {str(place): Candidate(indices=places, hits=hits) for place, hits in enumerate(locked.hits)}
        figures |= {"mean": mean_over_keys(locked.hits, seed=plan.seed), "best": best_of(several, split).honest}
    row = replace(
        row,
        accuracy=mean_of_draws(first["locked"], plan.seed),
        candidates=len(locked.hits),
        bits=bits_of(past, "public", least),
        bits_random=bits_of(past, "random", least),
        found=locked.found,
        seconds=sum(run.seconds for run in done["locked"]),
        queries=max(run.queries for run in done["locked"]),
        **figures,  # type: ignore[arg-type]  # estimates by the names of their fields
    )
    found = {
        start: {
            f"{row.name} #{place}" if len(several[0].hits) > 1 else row.name: Candidate(indices=places, hits=hits)
            for place, hits in enumerate(several[0].hits, 1)
        }
        for start, several in done.items()
    }
    return row, found, done


def _skipped(needs: frozenset[Asset], thief: Thief, *, black_box: bool) -> str:
    """Why an attack with such needs cannot be run; empty where it can."""
    if black_box and not needs <= LEVELS["query"]:
        return "needs more than the model's answers"
    if Asset.EDITOR in needs and thief.editor is None:
        return "the key's editor takes no prompt"
    if Asset.TRIGGER in needs and thief.trigger is None:
        return "the key's editor takes a prompt, or there is none"
    if Asset.PUBLIC in needs and thief.public is None:
        return "there are no public weights to compare with"
    if Asset.KEY_PART in needs and thief.key_part is None:
        return "no part of a weight key leaked"
    if needs & {Asset.EDITED, Asset.PAIRS} and thief.leaked is None:
        return "the lock edits no images, so none can leak"
    if Asset.PAIRS in needs and thief.leaked_raw is None:
        return "the leaked images' raw versions did not leak"
    if Asset.CUSTOMER in needs and thief.asked is None:
        return "there is no unlocked model to ask"
    return ""
