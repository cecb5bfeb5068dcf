"""`spellock lock`: a data set and a key to a locked set and a locked model."""

from __future__ import annotations

import json as json_format
import logging
from dataclasses import replace
from typing import Any

from spellock.cli.lock_args import LockArgs, defaults
from spellock.cli.lock_flags import plain, shallow
from spellock.cli.options import check_device, given_flags, record_run
from spellock.errors import ConfigError
from spellock.locking.config import LockConfig
from spellock.training.config import FinetuneConfig

__all__ = ["LockArgs", "defaults", "run"]

#: Flags that are options of tasks; each task knows its own.
_TASK_OPTIONS = ("loss", "gamma_neg", "gamma_pos", "clip", "positive_weights")
#: Flags without a use where nothing is trained, and those of training that are not called as their field.
_FOR_TRAINING = ("model", "weights", "pretrained", "input_size", "teacher", *_TASK_OPTIONS)
_OWN_FLAGS = {"--unauthorised-share": "--balanced"}
_ASYMMETRIC = ("gamma_neg", "gamma_pos", "clip")
_log = logging.getLogger(__name__)


def run(args: LockArgs) -> int:
    """Lock, and say where everything is; returns 0.

    Raises:
        SpellockError: an input does not fit; nothing that was finished is lost.
    """
    from spellock.cli.tiers import open_tiers
    from spellock.passphrase import open_key
    from spellock.recipes.lock_model import lock_model
    from spellock.recipes.model_choice import ModelChoice
    from spellock.recipes.processes import is_first
    from spellock.tasks.registry import make_task

    if args.model is None and not args.prepare_only:
        raise ConfigError(
            "no model to fine-tune was named; give --model NAME, or --prepare-only to write the set alone"
        )
    if args.prepare_only and args.locking.raw_twins:
        _log.warning(
            "the locked set will hold images both raw and edited, which shows whoever trains on it what the edit does; "
            "for a training service that you do not trust use --preset modellock"
        )
    if args.prepare_only and (idle := _idle(args)):
        _log.warning("--prepare-only trains nothing: %s did nothing here", ", ".join(idle))
    for flag, asked in (("--baseline", args.baseline), ("--from-baseline", args.from_baseline)):
        if args.prepare_only and asked:
            raise ConfigError(f"--prepare-only trains nothing, {flag} trains; drop one of them")
    options = {name: getattr(args, name) for name in _TASK_OPTIONS if getattr(args, name) is not None}
    task = make_task(args.task, options)
    if idle := [name for name in _ASYMMETRIC if name in options and args.loss != "asymmetric"]:
        raise ConfigError(f"--{idle[0].replace('_', '-')} is for --loss asymmetric; add that, or leave it out")
    device = check_device(args.device)
    key = open_key(args.key, passphrase_file=args.passphrase_file)
    tiers = open_tiers(
        args.tier, passphrase_files=args.tier_passphrase_file, share=args.tier_share, spread=args.tier_spread
    )
    images = task.open_images(args.data, split=args.split, on_error=args.locking.on_error)
    choice = None
    if args.model is not None and not args.prepare_only:
        choice = ModelChoice(
            name=args.model, weights=args.weights, pretrained=args.pretrained, input_size=args.input_size
        )
    locked = lock_model(
        images,
        key,
        args.out,
        choice=choice,
        lock=replace(plain(LockConfig, args.locking), task=args.task, seed=args.seed),
        training=replace(plain(FinetuneConfig, args.training), seed=args.seed),
        objective=args.objectives,
        # Without training a preset's objective is dropped, and its teacher is not asked.
        teacher=None if args.prepare_only else args.teacher,
        regularisation=args.regularisation,
        task=task,
        tiers=tiers,
        baseline=args.baseline,
        from_baseline=args.from_baseline,
        device=device,
    )
    if not is_first():
        return 0
    record_run(args.out / "owner" / "command.json", "lock", args)
    made = {
        "locked_set": str(locked.set_folder),
        "model": None if locked.model is None else str(locked.model),
        "baseline": None if locked.baseline is None else str(locked.baseline),
        "owner": str(args.out / "owner"),
        "validation": {name: round(100 * value, 2) for name, value in locked.validation.items()},
    }
    print(json_format.dumps(made) if args.json else _text(made))
    return 0


def _idle(args: LockArgs) -> list[str]:
    """Flags that are given and are for training alone. They are no mistake: the same command without --prepare-only
    goes on."""
    usual = defaults(["--preset", args.preset, "--task", args.task])
    training = given_flags(args.training, shallow(args.training), usual=usual.training)
    return given_flags(args, _FOR_TRAINING) + [_OWN_FLAGS.get(flag, flag) for flag in training]


def _text(made: dict[str, Any]) -> str:
    lines = [f"locked set   {made['locked_set']}"]
    lines += [f"{name:<12} {made[name]}" for name in ("model", "baseline") if made[name]]
    lines.append(f"owner        {made['owner']} (keep it secret)")
    if made["validation"]:
        figures = ", ".join(f"{name} {value:.1f}" for name, value in made["validation"].items())
        lines.append(f"validation   {figures} (percent)")
    return "\n".join(lines)
