"""Run attacks on a model, and on public and random weights beside it, and count their hits."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.levels import LEVELS, Asset, level_of
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError
from spellock.evaluation.accuracy import Estimate, mean_over_keys, proportion
from spellock.evaluation.attack_plan import AttackPlan, Trial, amounts_of
from spellock.evaluation.attack_report import AttackReport, AttackRow, Strongest, paired_difference
from spellock.evaluation.attack_store import AttackStore, Done
from spellock.evaluation.halves import halves, stratified_subset
from spellock.evaluation.hardened import Best, Candidate, best_of, highest
from spellock.evaluation.thief import Thief, predictions
from spellock.progress import track
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Images that nothing was attacked with: uint8 (N, 3, H, W) and their real classes (N,)."""

    images: Tensor
    labels: NDArray[np.int64]


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
    """
    if not chosen:
        raise ConfigError("got no attack to run, expected one at least; list_attacks() names all")
    split = halves(scored.labels, seed=plan.seed)
    subset = stratified_subset(scored.labels, plan.candidate_images, seed=plan.seed)
    run = _Run(thief=thief, scored=scored, subset=subset, plan=plan, store=store, batch_size=batch_size)
    starts = {"locked": model, "public": public, "random": random}
    rows: list[AttackRow] = []
    hits: dict[str, dict[str, dict[str, Candidate]]] = {}
    work = [(trial, labels, leaked) for trial in chosen for labels, leaked in amounts_of(trial.attack, plan)]
    for trial, labels, leaked in track(work, total=len(work), label="attacks"):
        row, found = _attacked(run, trial, labels, leaked, starts, split)
        rows.append(row)
        for start, candidates in found.items():
            hits.setdefault(_holding(row), {}).setdefault(start, {}).update(candidates)
    return AttackReport(
        rows=tuple(rows),
        strongest={name: _strongest(by_start, split, len(scored.labels)) for name, by_start in hits.items()},
        chance=1 / thief.classes,
        facts={
            "scored images": len(scored.labels),
            "unlabelled images": min(thief.unlabelled, len(thief.pool)),
            "images a candidate": len(subset),
            "draws": plan.draws,
            "black box": plan.black_box,
            "seed": plan.seed,
        },
    )


@dataclass(frozen=True, kw_only=True)
class _Run:
    thief: Thief
    scored: Scored
    subset: NDArray[np.int64]
    plan: AttackPlan
    store: AttackStore | None
    batch_size: int

    def attack(self, trial: Trial, start: str, model: PixelModel, row: AttackRow, draw: int) -> Done:
        """Hits of one attack on one model, out of the store where it is done already."""
        name = f"{trial.attack!r} {start} {row.level} {row.labels} {row.leaked} {draw}"
        done = None if self.store is None else self.store.load(name)
        if done is not None:
            return done
        lock = self.thief.lock_class if start == "locked" else None
        seed = self.plan.seed + draw
        view = self.thief.view(model, row.level, labels=row.labels, leaked=row.leaked, lock_class=lock, seed=seed)
        started = time.perf_counter()
        stolen = trial.attack(view, None if self.store is None else self.store.work(name))
        seconds = time.perf_counter() - started
        _release(view)
        places = np.arange(len(self.scored.labels)) if len(stolen) == 1 else self.subset
        images, labels = self.scored.images[places], self.scored.labels[places]
        answers = [predictions(one.predict, images, batch_size=self.batch_size) for one in stolen]
        done = Done(hits=np.stack([answer == labels for answer in answers]), found=stolen[0].found, seconds=seconds)
        if self.store is not None:
            self.store.save(name, done)
        return done


def _release(view: AttackerView) -> None:
    if view.query is not None:
        view.query.release()


def _attacked(
    run: _Run,
    trial: Trial,
    labels: int,
    leaked: int,
    starts: Mapping[str, PixelModel | None],
    split: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[AttackRow, dict[str, dict[str, Candidate]]]:
    """The row, and the hits of each of its predictors from each start."""
    needs, plan = trial.attack.needs, run.plan
    level = level_of(needs)
    if level == "query" and not plan.black_box:
        level = "weights"
    row = AttackRow(attack=trial.name, variant=trial.variant, level=level, labels=labels, leaked=leaked)
    if plan.black_box and not needs <= LEVELS["query"]:
        return replace(row, skipped="needs more than the model's answers"), {}
    if Asset.EDITOR in needs and run.thief.editor is None:
        return replace(row, skipped="the key's editor takes no prompt"), {}
    draws = plan.draws if labels else 1
    wanted = {"locked", "public", "random"} if labels else {"locked"}
    if needs <= {Asset.QUERIES, Asset.WEIGHTS, Asset.UNLABELLED}:
        wanted.add("public")
    done: dict[str, list[Done]] = {}
    for start, model in starts.items():
        if model is not None and start in wanted:
            try:
                done[start] = [run.attack(trial, start, model, row, draw) for draw in range(draws)]
            except ConfigError as error:
                if start == "locked":
                    return replace(row, skipped=str(error)), {}
                raise
    first = {start: np.stack([one.hits[0] for one in several]) for start, several in done.items()}
    locked = done["locked"][0]
    figures: dict[str, Estimate] = {start: _mean(hits, plan.seed) for start, hits in first.items() if start != "locked"}
    if "public" in first:
        figures["advantage"] = _difference(first["locked"], first["public"], plan.seed)
    places = np.arange(len(run.scored.labels)) if len(locked.hits) == 1 else run.subset
    if len(locked.hits) > 1:
        several = {str(place): Candidate(indices=places, hits=hits) for place, hits in enumerate(locked.hits)}
        figures |= {"mean": mean_over_keys(locked.hits, seed=plan.seed), "best": best_of(several, split).honest}
    row = replace(
        row,
        accuracy=_mean(first["locked"], plan.seed),
        candidates=len(locked.hits),
        found=locked.found,
        seconds=sum(one.seconds for one in done["locked"]),
        **figures,  # type: ignore[arg-type]  # estimates by the names of their fields
    )
    found = {
        start: {
            f"{row.name} #{place}" if len(several[0].hits) > 1 else row.name: Candidate(indices=places, hits=hits)
            for place, hits in enumerate(several[0].hits, 1)
        }
        for start, several in done.items()
    }
    return row, found


def _mean(hits: NDArray[np.bool_], seed: int) -> Estimate:
    """Accuracy from hits (draws, N)."""
    return proportion(hits[0]) if len(hits) == 1 else mean_over_keys(hits, seed=seed)


def _difference(first: NDArray[np.bool_], second: NDArray[np.bool_], seed: int) -> Estimate:
    """Difference of accuracies from hits (draws, N) on the same images and draws."""
    if len(first) == 1:
        return paired_difference(first[0], second[0])
    each = first.mean(axis=1) - second.mean(axis=1)
    places = np.random.default_rng([seed, 0x64696666]).integers(len(each), size=(2000, len(each)))
    low, high = np.quantile(each[places].mean(axis=1), [0.025, 0.975])
    value = float(each.mean())
    return Estimate(value=value, low=min(value, float(low)), high=max(value, float(high)), images=first.shape[1])


def _holding(row: AttackRow) -> str:
    """What the thief had, by which the strongest attacks are compared."""
    if row.labels:
        return f"{row.labels} labels"
    return f"{row.leaked} {'pairs' if row.level == 'pairs' else 'edited'}" if row.leaked else "raw images alone"


def _strongest(
    by_start: Mapping[str, Mapping[str, Candidate]], split: tuple[NDArray[np.int64], NDArray[np.int64]], images: int
) -> Strongest:
    def best(candidates: Mapping[str, Candidate]) -> Best:
        # Predictors that were tried on fewer images compete among themselves; see `highest`.
        whole = {name: one for name, one in candidates.items() if len(one.indices) == images}
        part = {name: one for name, one in candidates.items() if len(one.indices) < images}
        return highest(*(best_of(some, split) for some in (whole, part) if some))

    locked = best(by_start["locked"])
    public = best(by_start["public"]).honest if "public" in by_start else None
    return Strongest(locked=locked.honest, name=locked.name, public=public)
