"""What `spellock lock` is told: its flags, and what the preset says where they say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from spellock.cli.lock_flags import LockingFlags, TrainingFlags, shallow
from spellock.cli.usage import given
from spellock.locking.config import LockConfig
from spellock.training.objective_config import ObjectiveConfig
from spellock.training.regularisation_config import RegularisationConfig


@dataclass(frozen=True, kw_only=True)
class LockArgs:
    """Edit a data set with a key and fine-tune a model that needs the key.

    A preset gives the other options their defaults: ``hardened`` is made against a thief who drops the lock class,
    centres the outputs, recomputes BatchNorm statistics or tries wrong keys, at twice the steps, half as many edits
    again and the training of a teacher; ``hardened-leaks`` also against one who has edited images, for some UP and
    four times the decoys; ``modellock`` is the paper's way; ``fmlock`` has FMLock's two loss terms.

    OUT gets ``locked_set`` (for a training service), ``model`` (to give away), ``baseline`` when asked for, and
    ``owner`` (to keep secret). Interrupted work is resumed by the same command. The checkpoint with the best score on
    the held-out pairs is kept: score = UP - 0.02 hardened LP.
    """

    data: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="DATA")]
    """Image folder with one sub-folder a class, parquet file or folder, or the id of a Hugging Face data set; with
    ``--task multilabel`` a table of labels (CSV or parquet) with the images beside it; with ``--task detection`` COCO
    json, a folder with such files, or a Pascal VOC or Cityscapes folder."""
    key: Path
    """Key file, made with `spellock key new`."""
    out: Path
    """Folder for everything that is made."""
    task: str = "classification"
    """What the labels are: classification (one class an image), multilabel (several findings an image) or detection
    (boxes, and masks where data and model have them)."""
    preset: str = "hardened"
    """Where the defaults of the options below come from: hardened, hardened-leaks, modellock or fmlock."""
    model: str | None = None
    """Model to fine-tune: a name of ours, of timm or torchvision, a detector's such as maskrcnn_resnet50 or
    rtdetr_resnet18, or a folder. Needed unless --prepare-only."""
    weights: Path | None = None
    """Weights to start from: a local .safetensors, .pth, .pt or .th file."""
    pretrained: bool = False
    """Start from the library's own weights, fetched from the network."""
    input_size: int | None = None
    """Side in pixels that the model sees. None: the architecture's own."""
    prepare_only: bool = False
    """Write the locked set and stop, for a training service. Options of training do nothing then, but --baseline,
    --from-baseline, --objective, --regularisers and --combination are refused; the same command without this one goes
    on and trains."""
    baseline: bool = False
    """Also fine-tune the same model on the raw images without a lock, for as many steps."""
    from_baseline: bool = False
    """Fine-tune on the raw images first, and start the locked model from that. Keeps more with the key where images are
    few."""
    teacher: Path | None = None
    """Folder of the plain model that --objective asks. None: the baseline, which is then trained first."""
    split: str | None = None
    """Split of the data to lock, where it has several. None: the training split."""
    loss: Literal["bce", "asymmetric"] | None = None
    """Multi-label: binary cross-entropy, or the asymmetric loss (arXiv 2009.14119). None: bce."""
    gamma_neg: float | None = None
    """Focusing of the asymmetric loss on negatives. None: 4."""
    gamma_pos: float | None = None
    """Focusing of the asymmetric loss on positives. None: 1."""
    clip: float | None = None
    """Probability below which a negative costs nothing under the asymmetric loss. None: 0.05."""
    positive_weights: Literal["none", "balanced"] | None = None
    """Multi-label: weigh a finding's positives by its negatives over its positives, up to 20. None: none."""
    tier: Annotated[tuple[tuple[Path, Path], ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="KEY GROUPS")] = ()
    """Another key file, and a JSON file with the group of each class ({"cat": "animal", ...}) that it releases instead
    of classes; may be repeated."""
    tier_share: float = 1.0
    """Share of the training images that is also edited under each tier's key."""
    tier_spread: float = 0.0
    """Share of the probability that images of a tier learn evenly over the classes of their group."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    tier_passphrase_file: Annotated[tuple[Path, ...], tyro.conf.UseAppendAction] = ()
    """The same for the tiers' keys: once for all of them, or as often as --tier, in its order."""
    device: str = "cpu"
    """Device for editing and fine-tuning, for example cuda."""
    seed: int = 0
    """Seed of all random choices."""
    json: bool = False
    """Print one JSON object."""
    locking: tyro.conf.OmitArgPrefixes[LockingFlags] = field(default_factory=LockingFlags)
    training: tyro.conf.OmitArgPrefixes[TrainingFlags] = field(default_factory=TrainingFlags)
    objectives: tyro.conf.OmitArgPrefixes[ObjectiveConfig] = field(default_factory=ObjectiveConfig)
    regularisation: tyro.conf.OmitArgPrefixes[RegularisationConfig] = field(default_factory=RegularisationConfig)


def defaults(words: Sequence[str]) -> LockArgs:
    """What is not said in ``words``: the preset's settings.

    Raises:
        ConfigError: there is no such preset.
    """
    from spellock.recipes.presets import DEFAULT_PRESET, get_preset

    name = given(words, "--preset") or DEFAULT_PRESET
    preset = get_preset(name, task=given(words, "--task") or LockConfig.task)
    # A number of decoys takes the place of the preset's share of them.
    lock = preset.lock if given(words, "--decoys") is None else replace(preset.lock, decoy_share=None)
    # Flags are read with underscores too.
    trains_nothing = any(word.replace("_", "-") == "--prepare-only" for word in words)
    return LockArgs(
        data=tyro.MISSING,
        key=tyro.MISSING,
        out=tyro.MISSING,
        preset=name,
        task=preset.lock.task,
        locking=LockingFlags(**shallow(lock)),
        training=TrainingFlags(**shallow(preset.training)),
        # Where nothing is trained here, what the preset says of training asks for nothing.
        objectives=ObjectiveConfig() if trains_nothing else preset.objective,
        regularisation=RegularisationConfig() if trains_nothing else preset.regularisation,
    )
