"""`spellock evaluate`: what the key gives, and what everybody else gets."""

from __future__ import annotations

import json as json_format
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import tyro

from spellock.cli.evaluation_data import lock_class_of, scored_images
from spellock.cli.options import check_device, record_run, refuse_idle
from spellock.errors import ConfigError
from spellock.evaluation.requirements import Requirement, check_names, check_requirements

if TYPE_CHECKING:
    from spellock.evaluation.report import Report
    from spellock.key import Key

_OFFICIAL: Final = "modellock-official"
#: Options that a report card decides by itself, and those that the published checkpoint has no use for.
_NOT_ON_CARDS: Final = ("wrong_keys", "wrong_key_images", "unlabelled", "on_error", "weights")
_FOR_CARDS: Final = ("spare", "public", "mirror")
_NOT_OFFICIAL: Final = ("baseline", "lock_class", "unlabelled", "split", "on_error", "tier", "tier_passphrase_file")


@dataclass(frozen=True, kw_only=True)
class EvaluateArgs:
    """Measure a locked model: UP, LP and what a thief without the key makes of it.

    Writes report.json, report.csv and report.html to OUT, and prints the figures with their 95 % intervals. The preset
    modellock-official repeats the authors' protocol for their published checkpoint on a local Pets test set.
    """

    data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
    """Labelled test images that took no part in training: folder, parquet or Hugging Face id; for a multi-label model a
    table, for a detector COCO json or a Pascal VOC or Cityscapes folder. With the preset: Pets."""
    model: Path
    """Folder of the locked model; with the preset, the published checkpoint file."""
    out: Path
    """Folder for the report."""
    key: Path | None = None
    """Key file. Only the preset does without: it then takes the paper's settings."""
    preset: Literal["", "modellock-official"] = ""
    """"modellock-official": the authors' checkpoint and protocol."""
    baseline: Path | None = None
    """Folder of the same model fine-tuned without a lock. None: "baseline" beside MODEL, when it is there."""
    lock_class: str | None = None
    """Name of the lock class, or "none". None: as the model says, or the one class that the data does not have."""
    unlabelled: str | None = None
    """More raw images, for centring and BatchNorm. None: the half of the test images that is not being scored."""
    split: str | None = None
    """Split of the data, where it has several. None: "test", or the only one."""
    limit: int | None = None
    """Use only so many test images, drawn evenly over the classes."""
    on_error: Literal["fail", "skip"] = "fail"
    """At a test image that cannot be read: stop, or name it on standard error and go on."""
    wrong_keys: int | None = None
    """Number of wrong keys. None: 20; with the preset none."""
    wrong_key_images: int = 200
    """Test images that each wrong key is tried on."""
    tier: Annotated[tuple[tuple[Path, Path], ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY GROUPS")] = ()
    """A tier to measure as well: its key file and the groups it was locked with; may be repeated."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    tier_passphrase_file: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction] = ()
    """The same for the tiers' keys: once for all of them, or as often as --tier, in its order."""
    weights: str | None = None
    """Editor weights (a folder or hub id) for the preset without a key. None: the authors' editor."""
    attacks: Literal["", "standard", "full"] = ""
    """Write a report card as well: what every thief gets. "standard": a quarter of an hour for a small network; "full":
    every attack in all its forms, hours. Run again after an interruption, attacks that are done are kept."""
    spare: str | None = None
    """With --attacks: more labelled raw images, for the thief. None: half of the test images, the rest is scored."""
    public: Path | None = None
    """With --attacks: weights (a file, or a model folder) that the thief could have had anyway, for the control."""
    mirror: Literal["auto", "yes", "no"] = "auto"
    """With --attacks: whether thieves who train mirror images left-right; as in `spellock attack`."""
    require: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="FIGURE<=PERCENT")] = ()
    """End with exit code 3 where a figure of the report misses this bound, as "hardened_lp<=15" or "up>=85"; may be
    repeated."""
    batch_size: int = 64
    """Images a pass."""
    device: str = "cpu"
    """Device of models and editors, for example cuda."""
    seed: int = 0
    """Seed of halves, subsets and wrong keys."""
    json: bool = False
    """Print one JSON object, all figures in percent, instead of the table."""


def run(args: EvaluateArgs) -> int:
    """Evaluate, write the report and print it; returns 0.

    Raises:
        UnmetError: a required figure is missed; the report is written and printed.
        SpellockError: an input does not fit.
    """
    required = [Requirement.parse(text) for text in args.require]
    check_names(required)
    if args.key is None and args.preset != _OFFICIAL:
        raise ConfigError(f"got no --key, expected the key of the locked model; only --preset {_OFFICIAL} does without")
    if args.limit is not None and args.limit < 2:
        raise ConfigError(f"got --limit {args.limit}, expected at least 2 images")
    if args.attacks and args.preset:
        raise ConfigError(f"--preset {_OFFICIAL} has no report card; leave --attacks out")
    if args.preset == _OFFICIAL:
        refuse_idle(args, _NOT_OFFICIAL, f"--preset {_OFFICIAL}")
    if args.attacks:
        refuse_idle(args, _NOT_ON_CARDS, f"--attacks {args.attacks}")
    else:
        refuse_idle(args, _FOR_CARDS, "no attacks", instead="add --attacks standard or full, or leave it out")
    from spellock.artefacts import storage_errors
    from spellock.evaluation.report_text import print_report
    from spellock.evaluation.write_report import write_report

    device = check_device(args.device)
    with storage_errors(args.out):
        args.out.mkdir(parents=True, exist_ok=True)
    if args.attacks:
        from spellock.cli.card import run_card

        return run_card(args, device, required)
    report = _official(args, device) if args.preset == _OFFICIAL else _usual(args, device)
    page = write_report(report, args.out)
    record_run(args.out / "command.json", "evaluate", args)
    if args.json:
        print(json_format.dumps({**report.to_dict(), "report": str(page)}))
    else:
        print_report(report)
        print(f"report: {page}", file=sys.stderr)
    check_requirements(required, report.figures)
    return 0


def _usual(args: EvaluateArgs, device: str) -> Report:
    from spellock.cli.tiers import open_tiers
    from spellock.evaluation.evaluate import evaluate
    from spellock.evaluation.halves import stratified_subset
    from spellock.evaluation.wrong_keys import DEFAULT_COUNT
    from spellock.tasks.checkpoint import load_model

    tiers = open_tiers(args.tier, passphrase_files=args.tier_passphrase_file)
    locked = load_model(args.model)
    task = locked.task
    test = scored_images(args.data, args.split, on_error=args.on_error, task=task)
    if args.on_error == "skip":
        test = test.readable()
    if args.limit is not None:
        test = test.subset(stratified_subset(task.strata(test.labels), args.limit, seed=args.seed))
    beside = args.model.resolve().parent / "baseline"
    folder = args.baseline or (beside if (beside / "config.json").is_file() else None)
    baseline = None if folder is None else load_model(folder)
    return evaluate(
        locked.model.to(device),
        locked.classes,
        _key(args),
        test,
        lock_class=lock_class_of(args.lock_class, locked, test),
        group_classes=locked.group_classes,
        tiers=tiers,
        baseline=None if baseline is None else baseline.model.to(device),
        baseline_classes=None if baseline is None else baseline.classes,
        unlabelled=None if args.unlabelled is None else task.open_images(args.unlabelled, split=None, on_error="fail"),
        wrong_keys=DEFAULT_COUNT if args.wrong_keys is None else args.wrong_keys,
        wrong_key_images=args.wrong_key_images,
        batch_size=args.batch_size,
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
        wrong_key_images=args.wrong_key_images,
        batch_size=args.batch_size,
        seed=args.seed,
        device=device,
    )


def _key(args: EvaluateArgs) -> Key:
    from spellock.editors.presets import new_key
    from spellock.passphrase import open_key

    if args.key is None:
        return new_key("modellock", weights=args.weights)
    return open_key(args.key, passphrase_file=args.passphrase_file)
