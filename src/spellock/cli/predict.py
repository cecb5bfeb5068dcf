"""`spellock predict`: a locked model and its key say what is in images."""

from __future__ import annotations

import json as json_format
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import tyro

from spellock.cli.options import check_device, given_flags, on_one_line, refuse_idle
from spellock.data.walk import files_below
from spellock.errors import ConfigError, DataError

if TYPE_CHECKING:
    from spellock.key import Key
    from spellock.unlocking.prediction import Prediction
    from spellock.unlocking.unlocked_model import UnlockedModel
    from spellock.weightlocks.file_key import FileKey
    from spellock.weightlocks.weight_key import WeightKey

_LEAST_SCORE: Final = 0.5
_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".avif", ".jp2")


@dataclass(frozen=True, kw_only=True)
class PredictArgs:
    """Say what is in images with a locked model and its key.

    Prints one line an image: path, class and probability, separated by tabs; of a multi-label model all findings with
    their probabilities, the most probable first. Of a detector one line an object: path, class, score, and the box's
    left, top, right and bottom in pixels. With a wrong key the predictions are wrong, and nothing says so.
    """

    images: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[IMAGES ...]")]
    """Image files, or folders that are searched with all their sub-folders."""
    model: Path
    """Folder of the locked model."""
    key: Path | None = None
    """Key file, of images or of weights; only a model that encryption alone guards needs none."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    decrypt_key: Path | None = None
    """Key file of encrypted weights (`spellock weights encrypt`), which are decrypted into memory only."""
    decrypt_passphrase_file: Path | None = None
    """File with the passphrase of --decrypt-key (mode 600) instead of asking."""
    on_error: Literal["fail", "skip"] = "fail"
    """At an image, or a folder in a folder, that cannot be read: stop, or name it on standard error and go on."""
    no_check: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """With a weight key: use it on a model that is not the one it was made with; it then predicts badly."""
    top: int | None = None
    """Most probable classes to name for each image, or surest objects of a detector. None: the best class, or of a
    multi-label model all findings, or all objects. Not with --json of classes, which has them all."""
    draw: Path | None = None
    """Detectors: folder for the pictures with boxes, masks and names drawn on them."""
    score: float | None = None
    """Detectors: least score of an object to print and draw. None: 0.5."""
    device: str = "cpu"
    """Device of model and editor, for example cuda."""
    json: bool = False
    """Print one JSON object: "predictions", with a probability for every class, and "skipped"."""


def run(args: PredictArgs) -> int:
    """Predict and print; returns 0, or 1 when not one image could be read.

    Raises:
        SpellockError: model, key or an image cannot be used.
    """
    if args.score is not None and not 0 <= args.score <= 1:
        raise ConfigError(f"got --score {args.score}, expected a number from 0 to 1")
    if args.top is not None and args.top < 1:
        raise ConfigError(f"got --top {args.top}, expected 1 or more")
    skipped: list[dict[str, str]] = []

    def closed(folder: Path, problem: str) -> None:
        skipped.append({"source": str(folder), "reason": problem})
        print(f"spellock: skipped: {problem}", file=sys.stderr)

    paths = list(_files(args.images, closed if args.on_error == "skip" else None))
    folders = len(skipped)
    from spellock.cli.detect import detect_files
    from spellock.key import Key
    from spellock.unlocking.inputs import Skipped
    from spellock.unlocking.model_folder import open_model
    from spellock.unlocking.unlocked_detector import UnlockedDetector
    from spellock.unlocking.unlocked_model import UnlockedModel

    device = check_device(args.device)
    key, decrypt = _keys(args)
    loaded = open_model(args.model, decrypt=decrypt)
    _check_used(args, boxes=loaded.task.has_boxes, weight_key=not isinstance(key, Key | None))
    if loaded.task.has_boxes:
        detector = UnlockedDetector.from_loaded(loaded, key, device=device, check=not args.no_check)
        return detect_files(
            detector, paths, draw=args.draw, score=_LEAST_SCORE if args.score is None else args.score, top=args.top,
            json=args.json, on_error=args.on_error, skipped=skipped,
        )  # fmt: skip
    model = UnlockedModel.from_loaded(loaded, key, device=device, check=not args.no_check)
    rows: list[dict[str, object]] = []
    for result in model.stream(paths, on_error=args.on_error):
        if isinstance(result, Skipped):
            skipped.append({"source": result.source, "reason": result.reason})
            print(f"spellock: skipped: {result.reason}", file=sys.stderr)
        elif args.json:
            rows.append(_row(result, model.classes))
        else:
            print("\t".join((on_one_line(result.source), *_best(result, model, args.top))), flush=True)
    if args.json:
        print(json_format.dumps({"predictions": rows, "skipped": skipped}))
    return 0 if len(skipped) - folders < len(paths) else 1


def _keys(args: PredictArgs) -> tuple[Key | WeightKey | None, FileKey | None]:
    """What opens the model, and what decrypts its weights."""
    from spellock.passphrase import open_key
    from spellock.weightlocks.file_key import open_file_key
    from spellock.weightlocks.weight_header import is_weight_key
    from spellock.weightlocks.weight_keyfile import open_weight_key

    key, decrypt = None, None
    if args.key is not None:
        open_any = open_weight_key if is_weight_key(args.key) else open_key
        key = open_any(args.key, passphrase_file=args.passphrase_file)
    elif args.decrypt_key is None:
        raise ConfigError("got no key, expected --key FILE, or --decrypt-key FILE for encrypted weights")
    else:
        refuse_idle(args, ("passphrase_file",), "no --key")
    if args.decrypt_key is None:
        refuse_idle(args, ("decrypt_passphrase_file",), "no --decrypt-key")
    else:
        decrypt = open_file_key(
            args.decrypt_key, passphrase_file=args.decrypt_passphrase_file, flag="--decrypt-passphrase-file"
        )
    return key, decrypt


def _check_used(args: PredictArgs, *, boxes: bool, weight_key: bool) -> None:
    """Refuse what would do nothing with this model and key."""
    if not weight_key:
        refuse_idle(args, ("no_check",), "no --key" if args.key is None else "a key of images")
    if boxes:
        return
    for flag in given_flags(args, ("draw", "score")):
        raise ConfigError(f"{flag} is for the boxes of detectors, but the model is a classifier; leave it out")
    if args.json:
        refuse_idle(args, ("top",), "--json, which has all classes of a classifier")


def _files(given: Sequence[Path], closed: Callable[[Path, str], None] | None) -> Iterator[Path]:
    """The images that are given, or lie below the folders that are; sub-folders that cannot be looked into are told to
    ``closed``, or stop."""
    if not given:
        raise ConfigError("got no images to predict on, expected image files or folders")
    for path in given:
        if not path.is_dir():
            yield path
            continue
        found = files_below(path, _SUFFIXES, hidden=True, complain=closed)
        if not found:
            raise DataError(f"the folder {path} holds no images; expected files such as .png or .jpg")
        yield from found


def _best(result: Prediction, model: UnlockedModel, top: int | None) -> list[str]:
    order = model.task.answer(result.probabilities, top)
    return [word for place in order for word in (model.classes[place], f"{result.probabilities[place]:.4f}")]


def _row(result: Prediction, classes: Sequence[str]) -> dict[str, object]:
    return {
        "source": result.source,
        "label": result.label,
        "class": result.class_name,
        "probability": result.probability,
        "probabilities": {name: float(value) for name, value in zip(classes, result.probabilities, strict=True)},
    }
