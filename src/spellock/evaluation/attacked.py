"""Attack a locked model and measure what comes of it: the views of a thief, the attacks, their controls, the table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.leaked_part import LeakedPart
from spellock.data.image_set import ImageSet
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, DataError, ModelError
from spellock.evaluation.attack_plan import Amount, AttackPlan, Trial, most_of
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.attack_runs import run_attacks
from spellock.evaluation.attack_store import AttackStore, weights_of
from spellock.evaluation.halves import halves, stratified_subset
from spellock.evaluation.labels import aligned_labels, lock_index
from spellock.evaluation.leaked_folder import Leaks
from spellock.evaluation.one_attack import Scored
from spellock.evaluation.random_control import random_control
from spellock.evaluation.real_view import real_view
from spellock.evaluation.thief import Thief, leaks, pictures, public_editor, public_trigger
from spellock.evaluation.unlocked_answers import unlocked_answers
from spellock.evaluation.wrong_key_trials import EditorMaker
from spellock.key import Key
from spellock.tasks.pixel_model import PixelModel
from spellock.vision import VisionModel


def evaluate_attacks(
    model: PixelModel,
    classes: Sequence[str],
    key: Key | None,
    test: ImageSet,
    chosen: Sequence[Trial],
    plan: AttackPlan,
    *,
    lock_class: int | str | None,
    group_classes: Sequence[int] = (),
    spare: ImageSet | None = None,
    public: PixelModel | None = None,
    unlabelled: int = 1000,
    work: Path | None = None,
    make_editor: EditorMaker | None = None,
    looker: VisionModel | None = None,
    key_part: LeakedPart | None = None,
    given: Leaks | None = None,
    known: Key | None = None,
) -> AttackReport:
    """Run ``chosen`` attacks and measure them on test images that no attack has seen.

    Args:
        model: the locked model, on the device where attacks shall run.
        classes: its class names in logit order, lock class included.
        key: the right key. It edits the leaked images, and no attack sees it. None where the lock edits no images, as
            that of a weight key: then none leak and nobody is asked.
        test: raw images with true classes, none of them in the locked set.
        lock_class, group_classes: see `spellock.evaluation.evaluate.evaluate`.
        spare: more such images, for the thief. None: the thief gets half of ``test``, and the other half is scored.
        public: public weights with as many outputs as there are real classes, for the control; best the ones that the
            locked model was fine-tuned from.
        unlabelled: raw images without labels that the thief gets.
        work: folder that an interrupted run goes on from.
        make_editor: builds an editor from a key; by default the registry does. The thief gets it too, for keys of its
            own, so it must hold none.
        looker: a vision-language model, which the attack `surrogate-prompt` shows leaked images; None for none.
        key_part: what leaked of the weight key of a keyed ``model``; None where nothing did.
        given: images that really leaked, in the place of ones that the key makes; then ``key`` may be left out.
        known: without ``key``, any key of the lock's editor, whose public part is what the thief knows of it. None:
            nothing of the editor is public.

    Raises:
        ConfigError, DataError, ModelError, EditorError: something does not fit; the message says what.
    """
    if len(classes) != model.num_classes:
        raise ModelError(
            f"got {len(classes)} class names for a model of {model.num_classes} classes, expected one each"
        )
    lock = lock_index(classes, lock_class)
    if group_classes:
        view = real_view(model, classes, group_classes, lock)
        model, classes, lock = view.model, view.classes, view.lock
    real = len(classes) - (lock is not None)
    if public is not None and public.num_classes != real:
        raise ModelError(f"the public model has {public.num_classes} outputs, expected {real}, one a real class")
    labels = _real(aligned_labels(test, classes, lock), lock)
    scored_places = np.arange(len(test))
    if spare is None:
        thief_places, scored_places = halves(labels, seed=plan.seed)
        pool, pool_labels, pool_places = test, labels[thief_places], thief_places
    else:
        pool, pool_labels = spare, _real(aligned_labels(spare, classes, lock), lock)
        pool_places = np.arange(len(spare))
    most = most_of(chosen, plan)
    _check_amounts(most, len(pool_places), unlabelled, edits=key is not None, given=given)
    public_part = known if key is None else key
    side = model.input_size if public_part is None else max(model.input_size, public_part.resolution)
    make = make_editor or load_editor
    editor = None if key is None else make(key)
    raw, edited = (None, None) if given is None else (given.raw, given.edited)
    if most.leaked and editor is not None and given is None:
        raw, edited = leaks(pool, pool_places[_leaked(pool_labels, most.leaked, seed=plan.seed)], editor)
    asked = None
    if most.asked and editor is not None:
        places = stratified_subset(pool_labels, unlabelled, seed=plan.seed)
        asked = (places, unlocked_answers(model, editor, pool, pool_places[places], lock_class=lock))
    thief = Thief(
        pool=pictures(pool, pool_places, side=side),
        labels=pool_labels,
        classes=real,
        lock_class=lock,
        leaked=edited,
        leaked_raw=raw,
        editor=None if public_part is None else public_editor(public_part, make),
        unlabelled=unlabelled,
        budget=plan.budget,
        asked=asked,
        public=public,
        trigger=None if public_part is None else public_trigger(public_part, make),
        looker=looker,
        key_part=key_part,
        mirrored=plan.mirrored,
    )
    scored = Scored(images=pictures(test, scored_places, side=side), labels=labels[scored_places], places=scored_places)
    random = None
    if public is not None or not group_classes:
        random = random_control(model if public is None else public, classes=real, seed=plan.seed)
    parts = [weights_of(one) for one in (model, public, random) if one is not None]
    run = hashlib.sha256(
        repr(
            (parts, plan.budget, plan.seed, plan.candidate_images, unlabelled, lock, _digest(thief), _digest(scored))
            + (thief.of_key, plan.mirrored)
            + (() if looker is None else (looker.name,))
            + (() if key_part is None else (key_part.digest,))
            + (() if given is None or given.raw is None else (hashlib.sha256(given.raw.numpy().tobytes()).hexdigest(),))
        ).encode()
    ).hexdigest()
    return run_attacks(model, thief, scored, chosen, plan, public=public, random=random, store=AttackStore(work, run))


def _check_amounts(most: Amount, pool: int, unlabelled: int, *, edits: bool, given: Leaks | None) -> None:
    """Refuse amounts that there are not: rows would name more than the thief had."""
    if unlabelled < 1:
        raise ConfigError(f"the thief shall get {unlabelled} raw images without labels, expected at least 1")
    if most.labels > pool:
        raise DataError(
            f"the thief shall get {most.labels} labelled images but there are {pool} that are not scored; "
            "ask for fewer labels or give more images as spare"
        )
    leaked = len(given) if given is not None else pool if edits else most.leaked
    if most.leaked > leaked:
        raise DataError(
            f"the thief shall get {most.leaked} leaked images but there are {leaked} of them; ask for fewer"
        )
    if edits and most.asked > min(pool, unlabelled):
        raise DataError(
            f"the thief shall get {most.asked} answers but has {min(pool, unlabelled)} raw images to ask about; ask "
            "for fewer, or give more images"
        )


def _real(labels: NDArray[np.int64], lock: int | None) -> NDArray[np.int64]:
    """Places among all classes as places among the real ones."""
    return labels if lock is None else labels - (labels > lock)


def _leaked(labels: NDArray[np.int64], count: int, *, seed: int) -> NDArray[np.int64]:
    """Places of leaked images, evenly over the classes, in an order by chance."""
    chosen = stratified_subset(labels, count, seed=seed)
    return np.random.default_rng([seed, 0x6C65616B]).permutation(chosen)


def _digest(images: Thief | Scored) -> str:
    arrays = (images.pool, images.leaked) if isinstance(images, Thief) else (images.images,)
    digest = hashlib.sha256(images.labels.tobytes())
    for array in arrays:
        if array is not None:
            digest.update(array.numpy().tobytes())
    return digest.hexdigest()
