"""`spellock evaluate`: what the key gives, and what everybody else gets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spellock.cli.evaluate_args import OFFICIAL, EvaluateArgs, check_together, check_used
from spellock.cli.evaluation_data import find_baseline, lock_class_of, scored_images, warn_of_training_images
from spellock.cli.measured_output import put_out
from spellock.cli.options import check_device
from spellock.evaluation.requirements import Requirement, check_names

if TYPE_CHECKING:
    from spellock.evaluation.report import Report
    from spellock.key import Key


def run(args: EvaluateArgs) -> int:
    """Evaluate, write the report and print it; returns 0.

    Raises:
        UnmetError: a required figure is missed; the report is written and printed.
        SpellockError: an input does not fit.
    """
    required = [Requirement.parse(text) for text in args.require]
    check_names(required)
    check_together(args)
    from spellock.artefacts import storage_errors
    from spellock.evaluation.report_text import print_report
    from spellock.evaluation.write_report import write_report

    device = check_device(args.device)
    with storage_errors(args.out):
        args.out.mkdir(parents=True, exist_ok=True)
    if args.attacks:
        from spellock.cli.card import run_card

        return run_card(args, device, required)
    report = _official(args, device) if args.preset == OFFICIAL else _usual(args, device)
    return put_out(report, args, write=write_report, show=print_report, name="report", required=required)


def _usual(args: EvaluateArgs, device: str) -> Report:
    from spellock.cli.tiers import open_tiers
    from spellock.evaluation.evaluate import evaluate
    from spellock.evaluation.halves import stratified_subset
    from spellock.evaluation.wrong_keys import DEFAULT_COUNT
    from spellock.tasks.checkpoint import load_model

    tiers = open_tiers(args.tier, passphrase_files=args.tier_passphrase_file)
    locked = load_model(args.model)
    task = locked.task
    check_used(args, task)
    test = scored_images(args.data, args.split, on_error=args.on_error, task=task)
    if args.on_error == "skip":
        test = test.readable()
    if args.limit is not None:
        test = test.subset(stratified_subset(task.strata(test.labels), args.limit, seed=args.seed))
    key, baseline = _key(args), find_baseline(args)
    warn_of_training_images(test, args.model, key, task)
    return evaluate(
        locked.model.to(device),
        locked.classes,
        key,
        test,
        lock_class=lock_class_of(args.lock_class, locked, test),
        group_classes=locked.group_classes,
        tiers=tiers,
        baseline=None if baseline is None else baseline.model.to(device),
        baseline_classes=None if baseline is None else baseline.classes,
        unlabelled=None if args.unlabelled is None else task.open_images(args.unlabelled, split=None, on_error="fail"),
        wrong_keys=DEFAULT_COUNT if args.wrong_keys is None else args.wrong_keys,
        wrong_key_images=args.images_a_wrong_key,
        batch_size=args.images_a_pass,
        seed=args.seed,
        device=device,
    )


def _official(args: EvaluateArgs, device: str) -> Report:
    from spellock.evaluation.official import evaluate_official

    return evaluate_official(
        args.model,
        Path(args.data),
        _key(args),
        limit=args.limit,
        wrong_keys=args.wrong_keys or 0,
        wrong_key_images=args.images_a_wrong_key,
        batch_size=args.images_a_pass,
        seed=args.seed,
        device=device,
    )


def _key(args: EvaluateArgs) -> Key:
    from spellock.editors.presets import new_key
    from spellock.passphrase import open_key

    if args.key is None:
        return new_key("modellock", weights=args.weights)
    return open_key(args.key, passphrase_file=args.passphrase_file)
