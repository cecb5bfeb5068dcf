"""Measure a lock: what the key gives, and what everybody else gets.

Logits are collected once per condition; all figures are then computed from those arrays.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import ImageSet
from spellock.errors import ConfigError, ModelError
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.conditions import Edited, batch_for, raw
from spellock.evaluation.cost import unlock_cost
from spellock.evaluation.evaluate_boxes import evaluate_boxes
from spellock.evaluation.examples import make_examples
from spellock.evaluation.folds import gathered
from spellock.evaluation.hardened import highest
from spellock.evaluation.image_run import ImageRun, WrongKeys
from spellock.evaluation.judge import Question
from spellock.evaluation.judges import make_judge
from spellock.evaluation.keyless import Unlabelled, raw_readings
from spellock.evaluation.labels import aligned_labels, lock_index
from spellock.evaluation.real_view import real_view
from spellock.evaluation.report import Report
from spellock.evaluation.report_parts import TierResult
from spellock.evaluation.tiers import group_places, tier_results
from spellock.evaluation.wrong_key_trials import EditorMaker
from spellock.evaluation.wrong_keys import DEFAULT_COUNT, choose_wrong_keys
from spellock.key import Key
from spellock.locking.tiers import Tier
from spellock.tasks.collect import collect
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.registry import make_task


def evaluate(
    model: PixelModel,
    classes: Sequence[str],
    key: Key,
    test: ImageSet,
    *,
    lock_class: int | str | None,
    group_classes: Sequence[int] = (),
    tiers: Sequence[Tier] = (),
    baseline: PixelModel | None = None,
    baseline_classes: Sequence[str] | None = None,
    unlabelled: ImageSet | None = None,
    wrong_keys: int = DEFAULT_COUNT,
    wrong_key_images: int = 200,
    examples: int = 6,
    batch_size: int = 64,
    seed: int = 0,
    device: str = "cpu",
    make_editor: EditorMaker | None = None,
) -> Report:
    """Every keyed and keyless figure of a locked model on test images that were in no training set.

    Args:
        model: the locked model.
        classes: its class names in logit order, lock class included.
        key: the right key.
        test: raw test images with true classes, matched to the model's by name; their labels say which task it is.
        lock_class: name or place of the lock class; ``None`` for a lock target without one.
        group_classes: places of classes that are groups of a tier; left out where ``tiers`` name them all. No figure
            but those of tiers takes them for classes.
        tiers: to measure as well, each with its key and groups.
        baseline: the same fine-tuning without a lock; its figure is absent without it.
        baseline_classes: class names of the baseline; by default the model's without the lock class.
        unlabelled: raw images, none of them in ``test``, for centring and BatchNorm; by default the half of the test
            images that is not being scored serves, both ways.
        wrong_keys: how many, chosen by the rule of `choose_wrong_keys`.
        wrong_key_images: test images that each wrong key is tried on, drawn evenly over the classes.
        examples: pictures in the report.
        batch_size: images a pass.
        seed: of halves, subset and wrong keys.
        device: where the editors run; ``model`` stays where it is.
        make_editor: builds an editor from a key; by default the registry does.

    Raises:
        ConfigError, DataError, ModelError, EditorError: something does not fit; the message says what.
    """
    started = time.perf_counter()
    if len(classes) != model.num_classes:
        raise ModelError(
            f"got {len(classes)} class names for a model of {model.num_classes} classes, expected one each"
        )
    if min(batch_size, wrong_key_images) < 1 or examples < 0:
        raise ConfigError(
            "got a batch size, number of wrong key images or of examples below its least, expected at least 1"
        )
    lock = lock_index(classes, lock_class)
    whole, names, whole_lock = model, tuple(classes), lock
    task = make_task(test.task)
    if (tiers or group_classes) and not task.has_tiers:
        raise ConfigError(f"the task {task.name} has no tiers; leave them out")
    if task.has_boxes:
        return evaluate_boxes(
            model,
            classes,
            key,
            test,
            lock=lock,
            baseline=baseline,
            baseline_classes=baseline_classes,
            chosen=choose_wrong_keys(key, count=wrong_keys, seed=seed),
            wrong_key_images=wrong_key_images,
            examples=examples,
            seed=seed,
            device=device,
            build=make_editor or _registry(device),
        )
    groups = sorted({*group_classes, *group_places(tiers, classes)})
    if groups:
        view = real_view(model, classes, groups, lock)
        model, classes, lock = view.model, view.classes, view.lock
    for tier in tiers:
        tier.check(classes[:-1])
    labels = aligned_labels(test, classes, lock)
    judge = make_judge(
        task, Question(labels=labels, classes=tuple(classes), lock=lock, patients=test.patients, seed=seed)
    )
    split, facts = judge.split, judge.facts()
    chosen = choose_wrong_keys(key, count=wrong_keys, seed=seed)
    build = make_editor or _registry(device)
    editor = build(key)
    run = ImageRun(model=model, classes=classes, lock=lock, test=test, judge=judge, batch_size=batch_size)

    figures: dict[str, Estimate] = {}
    conditions: dict[str, NDArray[np.float32]] = {}
    if baseline is not None:
        figures |= run.baseline(baseline, baseline_classes)
    pool = None if unlabelled is None else Unlabelled(source=raw(unlabelled), count=len(unlabelled))
    readings = raw_readings(model, raw(test), labels, split, unlabelled=pool, batch_size=batch_size, seed=seed)
    keyless = judge.readings(readings)
    figures |= judge.keyless(keyless)
    figures |= run.path(editor)
    edited = Edited(test, editor)
    batch = batch_for(editor, batch_size)
    unlocked = collect(model, edited, range(len(test)), batch_size=batch, label="edited images")
    figures |= judge.unlocked(unlocked)
    conditions |= {"up": unlocked, "lp": gathered(readings[""])}

    hardened = judge.hardened(keyless)
    subset = judge.subset(wrong_key_images)
    tried: WrongKeys | None = None
    if chosen:
        tried = run.wrong_keys(chosen, subset, build, shown=examples)
        figures |= tried.figures
        hardened = highest(hardened, tried.best)
    figures |= {"hardened_lp": hardened.honest, "hardened_lp_naive": hardened.naive}
    levels: tuple[TierResult, ...] = ()
    if tiers:
        rest = [*groups, *([] if whole_lock is None else [whole_lock])]
        levels = tier_results(whole, names, rest, tiers, test, split, build, batch_size=batch_size, seed=seed)
    figures |= judge.chance()

    sample = [int(index) for index in subset[: min(64, len(subset))]]
    cost = unlock_cost(model, raw(test)(sample), edit_seconds=edited.seconds, edited_images=edited.images)
    shown = make_examples(model, judge, raw(test), edited, sample[:examples], tried.pictures if tried else {})
    return Report(
        figures={name: figures[name] for name in judge.texts if name in figures},
        hardened_from=hardened.name,
        wrong_keys=tried.results if tried else (),
        cost=cost,
        seconds=time.perf_counter() - started,
        facts={
            **facts,
            "lock class": None if whole_lock is None else names[whole_lock],
            "images a wrong key": len(subset) if tried else 0,
            "centred on": "the other half of the test images"
            if unlabelled is None
            else f"{len(unlabelled)} unlabelled images",
            "seed": seed,
            "editor ran on": device,
        },
        examples=shown,
        tiers=levels,
        texts=judge.texts,
        measure=judge.measure,
        findings=judge.findings(conditions),
    )


def _registry(device: str) -> EditorMaker:
    from spellock.editors.registry import load_editor

    return lambda key: load_editor(key, device=device)
