"""`spellock evaluate --attacks`: the report card, from the words of the command line to its three files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from spellock.cli.evaluate_args import check_used
from spellock.cli.evaluation_data import find_baseline, lock_class_of, scored_images, warn_of_training_images
from spellock.cli.measured_output import put_out
from spellock.errors import ConfigError
from spellock.evaluation.requirements import Requirement

if TYPE_CHECKING:
    from spellock.cli.evaluate_args import EvaluateArgs
    from spellock.evaluation.card import Card


def run_card(args: EvaluateArgs, device: str, required: Sequence[Requirement]) -> int:
    """Measure the card, write it to ``args.out`` and print it; returns 0.

    Raises:
        UnmetError: a ``required`` figure is missed; the card is written and printed.
        SpellockError: an input does not fit.
    """
    from spellock.evaluation.write_card import write_card
    from spellock.weightlocks.weight_header import is_weight_key

    assert args.key is not None  # `run` has looked
    card = _weight_card(args, device) if is_weight_key(args.key) else _image_card(args, device)
    return put_out(
        card, args, write=write_card, show=lambda done: print(done.to_text()), name="report card", required=required
    )


def _image_card(args: EvaluateArgs, device: str) -> Card:
    from spellock.cli.attack_inputs import thieves_mirror
    from spellock.cli.public_model import public_model
    from spellock.cli.tiers import open_tiers
    from spellock.evaluation.card_plans import card_plan
    from spellock.evaluation.halves import stratified_subset
    from spellock.evaluation.measure_card import measure_card
    from spellock.passphrase import open_key
    from spellock.tasks.checkpoint import load_model

    assert args.key is not None  # `run` has looked
    tiers = open_tiers(args.tier, passphrase_files=args.tier_passphrase_file)
    locked, baseline = load_model(args.model), find_baseline(args)
    check_used(args, locked.task)
    test = scored_images(args.data, args.split, task=locked.task)
    if args.limit is not None:
        test = test.subset(stratified_subset(locked.task.strata(test.labels), args.limit, seed=args.seed))
    lock = lock_class_of(args.lock_class, locked, test)
    public = None if args.public is None else public_model(args.public, locked, lock, args.seed)
    key = open_key(args.key, passphrase_file=args.passphrase_file)
    warn_of_training_images(test, args.model, key, locked.task)
    card = measure_card(
        locked.model.to(device),
        locked.classes,
        key,
        test,
        card_plan(args.attacks),
        plan_name=args.attacks,
        lock_class=lock,
        group_classes=locked.group_classes,
        tiers=tiers,
        baseline=None if baseline is None else baseline.model.to(device),
        baseline_classes=None if baseline is None else baseline.classes,
        spare=None if args.spare is None else locked.task.open_images(args.spare, split=None, on_error="fail"),
        public=None if public is None else public.model.to(device),
        work=args.out / "work",
        mirrored=thieves_mirror(args.mirror or "auto", args.model),
        seed=args.seed,
        batch_size=args.images_a_pass,
        device=device,
    )
    return card if public is None else replace(card, attacks=public.stated(card.attacks))


def _weight_card(args: EvaluateArgs, device: str) -> Card:
    from spellock.cli.attack_inputs import thieves_mirror
    from spellock.cli.public_model import public_model
    from spellock.data.open_images import open_images
    from spellock.evaluation.card_plans import card_plan
    from spellock.evaluation.halves import stratified_subset
    from spellock.evaluation.measure_weight_card import measure_weight_card
    from spellock.tasks.checkpoint import load_model
    from spellock.weightlocks.weight_keyfile import open_weight_key

    assert args.key is not None  # `run` has looked
    if args.tier or args.tier_passphrase_file or args.lock_class not in (None, "none"):
        raise ConfigError("a weight key has no tiers of classes and no lock class; leave --tier and --lock-class out")
    keyed, baseline = load_model(args.model), find_baseline(args)
    if keyed.task.name != "classification":
        raise ConfigError(
            f"{args.model} has task {keyed.task.name}; report cards of weight locks are for classification"
        )
    test = scored_images(args.data, args.split)
    if args.limit is not None:
        test = test.subset(stratified_subset(test.labels, args.limit, seed=args.seed))
    public = None if args.public is None else public_model(args.public, keyed, None, args.seed)
    card = measure_weight_card(
        keyed.model.to(device),
        keyed.classes,
        open_weight_key(args.key, passphrase_file=args.passphrase_file),
        test,
        card_plan(args.attacks),
        plan_name=args.attacks,
        baseline=None if baseline is None else baseline.model.to(device),
        baseline_classes=None if baseline is None else baseline.classes,
        spare=None if args.spare is None else open_images(args.spare),
        public=None if public is None else public.model.to(device),
        work=args.out / "work",
        mirrored=thieves_mirror(args.mirror or "auto", args.model),
        seed=args.seed,
        batch_size=args.images_a_pass,
    )
    return card if public is None else replace(card, attacks=public.stated(card.attacks))
