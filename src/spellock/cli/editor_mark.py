"""`spellock editor mark` and `verify`: a watermark in an editor's images, and whether other images have it."""

from __future__ import annotations

import json as json_format
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

if TYPE_CHECKING:
    from torch import Tensor

_STRENGTH = 0.02
_BITS = 32


@dataclass(frozen=True, kw_only=True)
class EditorMarkArgs:
    """Put a key's watermark into images that an editor made, before anybody gets them.

    Whoever trains a model of their own on inputs and marked outputs learns the mark too, and `spellock editor verify`
    finds it in what that model gives out.
    """

    images: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES")]
    """Folder of edited images, all of one size; each is written as PNG by the same name."""
    key: Path
    """Key file; its secret draws the mark."""
    out: Path
    """New folder for the marked images."""
    strength: float = _STRENGTH
    """Standard deviation of the mark, in units of a pixel's full range."""
    bits: int = _BITS
    """Length of the message."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""


@dataclass(frozen=True, kw_only=True)
class EditorVerifyArgs:
    """Say, with a p-value, whether images that a suspect image-to-image model made carry a key's watermark.

    Exit code 0 says that it was measured; the decision is in the output. "No match shown" never says that the suspect
    is innocent.
    """

    images: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES")]
    """Folder of the suspect's outputs, in the size in which yours were marked."""
    key: Path
    """Key file that the mark was drawn from."""
    inputs: Path | None = None
    """Folder of what the suspect was asked about, by the same names: far fewer images are then enough."""
    bits: int = _BITS
    """Length of the message, as for `spellock editor mark`."""
    moved: bool = False
    """Look for the mark at all places where its tile may begin: for cropped images."""
    alpha: float = 0.01
    """P-value up to which there is a match."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    json: bool = False
    """Print one JSON object instead of words."""


def run_mark(args: EditorMarkArgs) -> int:
    """Mark the images and say where they are; returns 0.

    Raises:
        SpellockError: an input does not fit.
    """
    from PIL import Image

    from spellock.artefacts import new_folder
    from spellock.data.image_files import image_files
    from spellock.editors.mark import Mark
    from spellock.passphrase import open_key
    from spellock.pixels import to_uint8
    from spellock.progress import track

    files = image_files(args.images)
    mark = Mark.of(open_key(args.key, passphrase_file=args.passphrase_file), bits=args.bits, strength=args.strength)
    with new_folder(args.out) as folder:
        for name, path in track(files.items(), total=len(files), label="marking"):
            pixels = to_uint8(mark.laid(_floats([path])))[0].permute(1, 2, 0).numpy()
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{name}.png", format="PNG")
    print(f"{len(files)} marked images in {args.out}", file=sys.stderr)
    return 0


def run_verify(args: EditorVerifyArgs) -> int:
    """Read the images and print the verdict; returns 0.

    Raises:
        SpellockError: an input does not fit.
    """
    from spellock.data.image_files import image_files, partners_of
    from spellock.ownership.image_mark import verify_images
    from spellock.passphrase import open_key

    files = image_files(args.images)
    inputs = None if args.inputs is None else _floats(list(partners_of(files, args.inputs).values()))
    verdict = verify_images(
        _floats(list(files.values())),
        open_key(args.key, passphrase_file=args.passphrase_file),
        inputs=inputs,
        bits=args.bits,
        moved=args.moved,
        alpha=args.alpha,
    )
    if args.json:
        print(json_format.dumps(verdict.to_dict()))
        return 0
    print(f"{'MATCH' if verdict.match else 'no match shown'} ({verdict.method}, {verdict.queries} images)")
    print(verdict.words)
    return 0


def _floats(paths: list[Path]) -> Tensor:
    """float32 (N, 3, H, W) in [0, 1]."""
    from spellock.data.image_files import pixels_of
    from spellock.pixels import from_uint8

    return from_uint8(pixels_of(paths))
