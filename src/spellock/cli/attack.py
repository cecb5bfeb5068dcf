"""`spellock attack`: play the thief, with the owner's key only to make the images that leaked."""

from __future__ import annotations

import json as json_format
import sys
from typing import TYPE_CHECKING, Final

from spellock.cli.attack_args import AttackArgs
from spellock.cli.key_words import refuse_both
from spellock.cli.options import check_device, record_run
from spellock.cli.vision_flags import vision_model
from spellock.errors import ConfigError

if TYPE_CHECKING:
    from spellock.evaluation.attack_report import AttackReport

__all__ = ["AttackArgs", "run"]
_NO_PUBLIC: Final = (
    "no theft advantage: add --public with the weights that the model was fine-tuned from, for the same attacks on them"
)


def run(args: AttackArgs) -> int:
    """Attack, write the tables and print them; returns 0.

    Raises:
        SpellockError: an input does not fit.
    """
    from spellock.artefacts import storage_errors, write_bytes, write_json

    with storage_errors(args.out):
        args.out.mkdir(parents=True, exist_ok=True)
    report = _attack(args)
    write_json(args.out / "attacks.json", report.to_dict())
    write_bytes(args.out / "attacks.csv", report.to_csv().encode())
    record_run(args.out / "command.json", "attack", args)
    if args.json:
        print(json_format.dumps(report.to_dict()))
    else:
        print(report.to_text())
        if args.public is None:
            print(_NO_PUBLIC)
        print(f"tables: {args.out / 'attacks.json'}", file=sys.stderr)
    return 0


def _attack(args: AttackArgs) -> AttackReport:
    from spellock.attacks.budget import Budget
    from spellock.cli.attack_inputs import (
        USUAL_ASKED,
        USUAL_LEAKED,
        LabelAmount,
        amounts,
        attack_options,
        check_counts,
        given_leaks,
        label_counts,
        leaked_counts,
        leaked_part,
        refuse_idle_queries,
        thieves_mirror,
    )
    from spellock.cli.evaluation_data import lock_class_of, scored_images
    from spellock.cli.known_editor import known_editor
    from spellock.cli.public_model import public_model
    from spellock.data.open_images import open_images
    from spellock.evaluation.attack_plan import AttackPlan, trials
    from spellock.evaluation.attacked import evaluate_attacks
    from spellock.evaluation.halves import stratified_subset
    from spellock.passphrase import open_key
    from spellock.tasks.checkpoint import load_model

    check_counts(args)
    labels = None if args.labels is None else tuple(map(LabelAmount.read, args.labels))
    refuse_both("--key", args.key is not None, "--editor", args.editor is not None)
    refuse_both("--local-model", args.local_model is not None, "--endpoint", args.endpoint is not None)
    looker = vision_model(args)
    names = [word.strip() for word in args.name.split(",") if word.strip()]
    chosen = trials(names, attack_options(names, args.set))
    refuse_idle_queries(args, chosen)
    device = check_device(args.device)
    budget = Budget(queries=args.queries, steps=args.steps, seconds=args.seconds, candidates=args.candidates)
    key = None if args.key is None else open_key(args.key, passphrase_file=args.passphrase_file)
    given = given_leaks(args, key)
    locked = load_model(args.model)
    if locked.task.name != "classification":
        raise ConfigError(
            f"{args.model} has task {locked.task.name}, and `spellock attack` is for classification; its report card "
            "has the attacks that mean something there: `spellock evaluate --attacks standard`"
        )
    known = None
    if args.editor is not None:
        known = known_editor(args.editor, locked.model.input_size, passphrase_file=args.passphrase_file)
    test = scored_images(args.data, args.split)
    if args.limit is not None:
        test = test.subset(stratified_subset(test.labels, args.limit, seed=args.seed))
    spare = None if args.spare is None else open_images(args.spare)
    have = len(test) // 2 if spare is None else len(spare)
    plan = AttackPlan(
        labels=label_counts(labels, have),
        leaked=leaked_counts(amounts(args.leaked, USUAL_LEAKED, have), given),
        asked=amounts(None, USUAL_ASKED, min(have, args.unlabelled)),
        draws=args.draws,
        candidate_images=args.candidate_images,
        black_box=args.black_box,
        mirrored=thieves_mirror(args.mirror, args.model),
        budget=budget,
        seed=args.seed,
    )
    lock = lock_class_of(args.lock_class, locked, test)
    public = None if args.public is None else public_model(args.public, locked, lock, args.seed)
    report = evaluate_attacks(
        locked.model.to(device),
        locked.classes,
        key,
        test,
        chosen,
        plan,
        lock_class=lock,
        group_classes=locked.group_classes,
        spare=spare,
        public=None if public is None else public.model.to(device),
        unlabelled=args.unlabelled,
        work=args.out / "work",
        looker=looker,
        key_part=leaked_part(args, locked.model),
        given=given,
        known=known,
    )
    return report if public is None else public.stated(report)
