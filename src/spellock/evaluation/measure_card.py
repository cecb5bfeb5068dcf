"""Fill in a report card: evaluate a locked model, attack it, and show some images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from spellock.data.image_set import ImageSet
from spellock.editors.registry import load_editor
from spellock.evaluation.card import Card
from spellock.evaluation.card_attacks import Attacked, attack_for_card, check_attacked
from spellock.evaluation.card_pictures import card_examples
from spellock.evaluation.card_plans import CardPlan
from spellock.evaluation.conditions import Edited, raw
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.labels import lock_index
from spellock.evaluation.one_attack import PICTURES
from spellock.evaluation.tiers import group_places
from spellock.evaluation.wrong_key_trials import EditorMaker
from spellock.evaluation.wrong_keys import choose_wrong_keys
from spellock.hidden import Scalar
from spellock.key import Key
from spellock.locking.tiers import Tier
from spellock.tasks.collect import ImageSource
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.registry import make_task


def measure_card(
    model: PixelModel,
    classes: Sequence[str],
    key: Key,
    test: ImageSet,
    plan: CardPlan,
    *,
    plan_name: str,
    lock_class: int | str | None,
    group_classes: Sequence[int] = (),
    tiers: Sequence[Tier] = (),
    baseline: PixelModel | None = None,
    baseline_classes: Sequence[str] | None = None,
    spare: ImageSet | None = None,
    public: PixelModel | None = None,
    work: Path | None = None,
    mirrored: bool = False,
    seed: int = 0,
    batch_size: int = 64,
    device: str = "cpu",
    make_editor: EditorMaker | None = None,
    title: str = "What the lock is worth",
) -> Card:
    """Evaluate, attack, and put both on one card. Attacks that an earlier run left in ``work`` are not run again.

    Args:
        model, classes, key, test, lock_class, group_classes, tiers, baseline, baseline_classes, seed, batch_size,
            device: see `evaluate`.
        plan, plan_name: which attacks, and what that is called.
        spare, public, work, make_editor: see `evaluate_attacks`.
        mirrored: see `AttackPlan`.

    Raises:
        ConfigError, DataError, ModelError, EditorError: something does not fit; the message says what.
    """
    started = time.perf_counter()
    make = make_editor or (lambda wanted: load_editor(wanted, device=device))
    task = make_task(test.task)
    groups = sorted({*group_classes, *group_places(tiers, classes)})
    stolen = Attacked(
        model=model,
        classes=tuple(classes),
        key=key,
        test=test,
        chosen=plan.trials(thiefs_images(test, spare)),
        plan=plan.attack_plan(seed=seed, mirrored=mirrored),
        lock_class=lock_class,
        group_classes=groups,
        spare=spare,
        public=public,
        unlabelled=plan.unlabelled,
        work=work,
        make=make,
    )
    check_attacked(task, stolen)
    report = evaluate(
        model,
        classes,
        key,
        test,
        lock_class=lock_class,
        group_classes=group_classes,
        tiers=tiers,
        baseline=baseline,
        baseline_classes=baseline_classes,
        wrong_keys=plan.wrong_keys,
        wrong_key_images=plan.wrong_key_images,
        examples=PICTURES,
        batch_size=batch_size,
        seed=seed,
        device=device,
        make_editor=make,
    )
    attacks = attack_for_card(task, stolen)
    lock = lock_index(classes, lock_class)
    real = tuple(name for place, name in enumerate(classes) if place != lock and place not in groups)
    card = Card(
        title=title,
        plan=plan_name,
        locked=locked_facts(model, real, key, lock=None if lock is None else classes[lock]),
        figures=report.figures,
        texts=report.texts,
        attacks=attacks,
        classes=real,
        seconds=0.0,
        tiers=report.tiers,
        findings=report.findings,
        sheet=report.sheet,
    )
    examples = report.examples
    if attacks.pictures:
        sources: dict[str, ImageSource] = {"raw": raw(test), "right key": Edited(test, make(key))}
        if others := choose_wrong_keys(key, count=1, seed=seed):
            sources[f"wrong key ({others[0].kind})"] = Edited(test, make(others[0].key))
        best = card.best_unlabelled
        attacked = {} if best is None else {f"best attack ({best.name})": attacks.pictures[best.name]}
        examples = card_examples(model, classes, test, attacks.shown, sources, attacked, real)
    return card.finished(examples, seconds=time.perf_counter() - started)


def thiefs_images(test: ImageSet, spare: ImageSet | None) -> int:
    """Raw images that a thief can be given: the spare ones, or half of the test set."""
    return len(test) // 2 if spare is None else len(spare)


def locked_facts(model: PixelModel, real: Sequence[str], key: Key, *, lock: str | None) -> dict[str, Scalar | None]:
    """What was locked, without anything of the prompt or the secret."""
    return {
        "network": model.architecture or type(model.network).__name__,
        "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
        "input side": model.input_size,
        "classes": len(real),
        "lock class": lock,
        "editor": key.editor,
        "own LoRA": key.settings.get("lora") is not None,
        "blend": key.gamma,
        "edit side": key.resolution,
    }
