"""What `spellock evaluate` is told: its flags, and which of them go together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import tyro

from spellock.cli.options import refuse_idle
from spellock.errors import ConfigError

if TYPE_CHECKING:
    from spellock.tasks.task import Task

OFFICIAL: Final = "modellock-official"
#: Options that a report card decides by itself, and those that the published checkpoint has no use for.
_NOT_ON_CARDS: Final = ("wrong_keys", "wrong_key_images", "unlabelled", "on_error", "weights")
_FOR_CARDS: Final = ("spare", "public", "mirror")
_NOT_OFFICIAL: Final = ("baseline", "lock_class", "unlabelled", "split", "on_error", "tier", "tier_passphrase_file")
#: Options that evaluations of detectors have no use for: nothing is centred, and batches are small.
_NOT_FOR_BOXES: Final = ("unlabelled", "batch_size", "mirror")


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
    """More raw images, for centring and BatchNorm; not for detectors. None: the half of the test images that is not
    being scored."""
    split: str | None = None
    """Split of the data, where it has several. None: "test", or the only one."""
    limit: int | None = None
    """Use only so many test images, drawn evenly over the classes."""
    on_error: Literal["fail", "skip"] = "fail"
    """At a test image that cannot be read: stop, or name it on standard error and go on."""
    wrong_keys: int | None = None
    """Number of wrong keys. None: 20; with the preset none."""
    wrong_key_images: int | None = None
    """Test images that each wrong key is tried on. None: 200."""
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
    mirror: Literal["auto", "yes", "no"] | None = None
    """With --attacks: whether thieves who train mirror images left-right, as in `spellock attack`; not of detectors.
    None: auto."""
    require: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="FIGURE<=PERCENT")] = ()
    """End with exit code 3 where a figure of the report misses this bound, as "hardened_lp<=15" or "up>=85"; may be
    repeated."""
    batch_size: int | None = None
    """Images a pass; not for detectors. None: 64."""
    device: str = "cpu"
    """Device of models and editors, for example cuda."""
    seed: int = 0
    """Seed of halves, subsets and wrong keys."""
    json: bool = False
    """Print one JSON object, all figures in percent, instead of the table."""

    # None tells whether an option is given: at its usual value too it may do nothing.
    @property
    def images_a_wrong_key(self) -> int:
        """``wrong_key_images``, as given or as usual."""
        return 200 if self.wrong_key_images is None else self.wrong_key_images

    @property
    def images_a_pass(self) -> int:
        """``batch_size``, as given or as usual."""
        return 64 if self.batch_size is None else self.batch_size


def check_together(args: EvaluateArgs) -> None:
    """Refuse flags that contradict each other, before anything is loaded.

    Raises:
        ConfigError: they do.
    """
    if args.key is None and args.preset != OFFICIAL:
        raise ConfigError(f"got no --key, expected the key of the locked model; only --preset {OFFICIAL} does without")
    if args.limit is not None and args.limit < 2:
        raise ConfigError(f"got --limit {args.limit}, expected at least 2 images")
    if args.attacks and args.preset:
        raise ConfigError(f"--preset {OFFICIAL} has no report card; leave --attacks out")
    if args.key is not None:
        refuse_idle(args, ("weights",), "--key", instead="a key says which weights its editor has; leave it out")
    elif args.passphrase_file is not None:
        raise ConfigError("--passphrase-file is for a key; add --key FILE, or leave it out")
    if args.preset == OFFICIAL:
        refuse_idle(args, _NOT_OFFICIAL, f"--preset {OFFICIAL}")
    if not (args.wrong_keys or (args.wrong_keys is None and args.preset != OFFICIAL)):
        refuse_idle(args, ("wrong_key_images",), "no wrong keys", instead="add --wrong-keys 20, or leave it out")
    if args.attacks:
        refuse_idle(args, _NOT_ON_CARDS, f"--attacks {args.attacks}")
    else:
        refuse_idle(args, _FOR_CARDS, "no attacks", instead="add --attacks standard or full, or leave it out")


def check_used(args: EvaluateArgs, task: Task) -> None:
    """Refuse flags that do nothing for models of ``task``.

    Raises:
        ConfigError: one is given.
    """
    if task.has_boxes:
        refuse_idle(args, _NOT_FOR_BOXES, "a detector")
