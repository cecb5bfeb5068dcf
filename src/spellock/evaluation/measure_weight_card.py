"""Fill in the report card of a weight lock, whose key is a part of the model's own weights and edits no images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import ImageSet
from spellock.errors import ConfigError
from spellock.evaluation.accuracy import Estimate, argmax_hits, proportion
from spellock.evaluation.attacked import evaluate_attacks
from spellock.evaluation.card import Card
from spellock.evaluation.card_pictures import card_examples
from spellock.evaluation.card_plans import CardPlan
from spellock.evaluation.conditions import raw
from spellock.evaluation.judge import Question
from spellock.evaluation.judges import make_judge
from spellock.evaluation.keyless import raw_readings
from spellock.evaluation.labels import aligned_labels
from spellock.evaluation.measure_card import thiefs_images
from spellock.hidden import Scalar
from spellock.tasks.collect import collect
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.registry import make_task
from spellock.weightlocks.unlocking import unlocked
from spellock.weightlocks.weight_key import WeightKey

_TEXTS: Final = {
    "up": ("UP", "unlocked performance: the key's weights put back"),
    "lp": ("LP", "locked performance: the keyed model as it is"),
    "hardened_lp": (
        "Hardened LP",
        "the best cheap reading of the keyed model, chosen on one half, scored on the other",
    ),
    "chance": ("Chance", "one over the number of classes"),
    "baseline": ("Baseline", "the same fine-tuning without a lock"),
}


def measure_weight_card(
    keyed: PixelModel,
    classes: Sequence[str],
    key: WeightKey,
    test: ImageSet,
    plan: CardPlan,
    *,
    plan_name: str,
    baseline: PixelModel | None = None,
    baseline_classes: Sequence[str] | None = None,
    spare: ImageSet | None = None,
    public: PixelModel | None = None,
    work: Path | None = None,
    mirrored: bool = False,
    seed: int = 0,
    batch_size: int = 64,
    title: str = "What the lock is worth",
) -> Card:
    """UP with the key's weights put back, LP without, and the attacks that need no edited images.

    Args:
        keyed: the keyed model; used unlocked for a moment and keyed again after it.
        classes, test, plan, plan_name, baseline, baseline_classes, spare, public, work, mirrored, seed, batch_size: see
            `measure_card`.

    Raises:
        ModelError, ConfigError, DataError: something does not fit; the message says what.
    """
    if key.image_key is not None:
        raise ConfigError(
            "the key wants edited images as well, and this card is of raw ones; open the model with "
            "`spellock weights unlock`, and measure it with `spellock evaluate` and the image key"
        )
    started = time.perf_counter()
    labels, places = aligned_labels(test, classes, None), range(len(test))
    source = raw(test)

    def accuracy(model: PixelModel, truth: NDArray[np.int64], label: str) -> Estimate:
        logits = collect(model, source, places, batch_size=batch_size, label=label)
        return proportion(argmax_hits(logits, truth))

    figures = {}
    if baseline is not None:
        own = aligned_labels(test, classes if baseline_classes is None else baseline_classes, None)
        figures["baseline"] = accuracy(baseline, own, "baseline")
    with unlocked(keyed.network, key):
        figures["up"] = accuracy(keyed, labels, "unlocked")
    figures["lp"] = accuracy(keyed, labels, "keyed")
    judge = make_judge(make_task(test.task), Question(labels=labels, classes=tuple(classes), lock=None, seed=seed))
    readings = raw_readings(keyed, source, labels, judge.split, batch_size=batch_size, seed=seed)
    figures["hardened_lp"] = judge.hardened(judge.readings(readings)).honest
    chance = 1 / len(classes)
    figures["chance"] = Estimate(value=chance, low=chance, high=chance, images=len(test))
    attacks = evaluate_attacks(
        keyed, classes, None, test, plan.trials(thiefs_images(test, spare)),
        plan.attack_plan(seed=seed, mirrored=mirrored), lock_class=None, spare=spare, public=public,
        unlabelled=plan.unlabelled, work=work,
    )  # fmt: skip
    card = Card(
        title=title, plan=plan_name, locked=_facts(keyed, classes, key), figures=figures, texts=_TEXTS,
        attacks=attacks, classes=tuple(classes), seconds=0.0,
    )  # fmt: skip
    best = card.best_unlabelled
    attacked = {} if best is None else {f"best attack ({best.name})": attacks.pictures[best.name]}
    examples = card_examples(keyed, classes, test, attacks.shown, {"keyed": source}, attacked, tuple(classes))
    return card.finished(examples, seconds=time.perf_counter() - started)


def _facts(model: PixelModel, classes: Sequence[str], key: WeightKey) -> dict[str, Scalar | None]:
    parameters = sum(parameter.numel() for parameter in model.network.parameters())
    taken = sum(place.indices.size * place.unit for place in key.places.values())
    return {
        "network": model.architecture or type(model.network).__name__,
        "parameters": parameters,
        "input side": model.input_size,
        "classes": len(classes),
        "lock": "weights",
        "parameters in the key, percent": round(100 * taken / parameters, 1),
    }
