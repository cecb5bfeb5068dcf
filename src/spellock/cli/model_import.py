"""`spellock model import`: a model folder from a file of weights, for the commands that take folders."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import tyro

from spellock.cli.usage import UsageError

#: What `--lock-class` says where the model has none.
_NONE: Final = "none"


@dataclass(frozen=True, kw_only=True)
class ModelImportArgs:
    """Make a model folder of a file of weights (.safetensors, .pth, .pt, .th, .bin), a suspect's for example.

    The architecture has to be known, and the names of the classes in the order of the outputs.
    """

    weights: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="WEIGHTS")]
    """File of weights; pickled ones are read so that they cannot run code."""
    out: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
    """Model folder to write; an existing one is never replaced."""
    architecture: str
    """Name of the network: one of spellock's, timm's or torchvision's, a detector's too."""
    classes: tuple[str, ...] = ()
    """Names of the classes, in the order of the outputs."""
    classes_file: Path | None = None
    """Text file with these names instead, one a line."""
    lock_class: str | None = None
    """Which of them is the lock class, or "none". None: nobody knows."""
    task: Literal["classification", "multilabel", "detection"] | None = None
    """What the outputs are. None: detection for a detector, else classification."""
    input_size: int | None = None
    """Side in pixels that images are squashed to. None: the architecture's own."""
    mean: tuple[float, float, float] | None = None
    """Mean of red, green and blue in [0, 1] that the model was trained with. None: the architecture's own."""
    std: tuple[float, float, float] | None = None
    """The same of the standard deviation."""
    json: bool = False
    """Print one JSON object."""


def run(args: ModelImportArgs) -> int:
    """Write the folder and say what is in it; returns 0.

    Raises:
        SpellockError: the weights cannot be read or are another network's, names are wrong, or the folder exists.
    """
    classes = _classes(args)
    lock = _lock_class(args.lock_class, classes)
    from spellock.errors import StorageError
    from spellock.tasks.checkpoint import save_model
    from spellock.tasks.detectors import is_detector
    from spellock.tasks.models import create_model
    from spellock.tasks.registry import make_task

    boxes = is_detector(args.architecture)
    task = make_task(args.task or ("detection" if boxes else "classification"))
    if task.has_boxes is not boxes:
        kind = "detector" if boxes else "classifier"
        raise UsageError(f"got --task {task.name} for the {kind} {args.architecture}, which do not go together")
    if args.out.exists():
        raise StorageError(f"{args.out} is there already; choose another place")
    model = create_model(
        args.architecture, num_classes=len(classes), weights=args.weights, input_size=args.input_size, mean=args.mean,
        std=args.std, strict_head=True,
    )  # fmt: skip
    save_model(model, args.out, classes=classes, lock_class=lock, task=task.name)
    parameters = sum(weight.numel() for weight in model.network.parameters())
    if args.json:
        said = {"model": str(args.out), "architecture": args.architecture, "classes": len(classes)}
        print(json_format.dumps(said | {"parameters": parameters, "input_size": model.input_size}))
        return 0
    print(
        f"{args.out} written: {args.architecture}, {len(classes)} classes, {parameters:,} parameters, images of "
        f"{model.input_size} px"
    )
    return 0


def _classes(args: ModelImportArgs) -> tuple[str, ...]:
    if bool(args.classes) == (args.classes_file is not None):
        raise UsageError("got both or neither of --classes and --classes-file, expected one; give the classes' names")
    if args.classes_file is None:
        found = args.classes
    else:
        try:
            text = args.classes_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"cannot read {args.classes_file}: {error}; expected a text file, one name a line"
            ) from error
        found = tuple(line.strip() for line in text.splitlines() if line.strip())
    if twice := sorted({name for name in found if found.count(name) > 1}):
        raise UsageError(f"got the class {twice[0]!r} twice, expected a name of its own for each output")
    return found


def _lock_class(word: str | None, classes: tuple[str, ...]) -> int | Literal["unknown"] | None:
    if word is None:
        return "unknown"
    if word == _NONE:
        return None
    if word not in classes:
        raise UsageError(f'got --lock-class {word}, expected one of the classes, or "none"')
    return classes.index(word)
