"""Finding an editor's weights, and telling them apart: the package's own, a local folder, or a hub id."""

from __future__ import annotations

import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from spellock.errors import EditorError

EMBEDDED: Final = "embedded"
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")
#: What files of weights end in, which no hub id of an editor does.
_FILES: Final = (".safetensors", ".pth", ".pt", ".th", ".bin", ".ckpt")
_PARTS: Final = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")
_WEIGHTS: Final = re.compile(r"(diffusion_pytorch_model|model)(-\d{5}-of-\d{5})?\.safetensors")
_CHUNK: Final = 1 << 20


def find_weights(weights: str) -> Path:
    """The local folder of ``weights``: ``embedded``, a folder, or a hub id (downloaded unless HF_HUB_OFFLINE is set).

    What is called as a file of weights, or would lie in a folder that is here, is a path and never asked the hub for.

    Raises:
        EditorError: there is no such folder, or the hub does not give it.
    """
    if weights == EMBEDDED:
        folder = Path(__file__).resolve().parents[1] / "assets" / EMBEDDED
        if not (folder / "model_index.json").is_file():
            raise EditorError("this installation lacks the embedded editor's weights; install the package again")
        return folder
    folder = user_path(weights)
    if os.path.isdir(folder):  # Path.is_dir raises where a name is too long
        if not (folder / "model_index.json").is_file():
            raise EditorError(
                f"the editor folder {weights} has no model_index.json, expected a diffusers checkpoint; check the path"
            )
        return folder
    if os.path.isfile(folder):
        raise EditorError(f"got the file {weights} as editor weights, expected a diffusers folder; give the folder")
    if not is_hub_id(weights):
        raise EditorError(
            f"there is no editor folder {weights}; give a diffusers folder, a hub id (owner/name), or {EMBEDDED!r}"
        )
    return _download(weights)


def text_encoder_config(weights: str) -> Path:
    """The text encoder's configuration of ``weights``, a folder or a hub id, of which no more is downloaded.

    It need not be there.

    Raises:
        EditorError: the hub does not give it.
    """
    name = "text_encoder/config.json"
    if os.path.isdir(user_path(weights)) or not is_hub_id(weights):
        return user_path(weights) / name
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    if isinstance(here := try_to_load_from_cache(weights, name), str):
        return Path(here)
    try:
        return Path(hf_hub_download(weights, name))
    except Exception as error:  # as in `_download`
        raise EditorError(
            f"the hub did not give the editor {weights} ({type(error).__name__}); check the id"
        ) from error


def is_hub_id(weights: str) -> bool:
    """Whether ``weights``, which is no folder, can be an owner and a name on the hub, and no path here."""
    owner, _, name = weights.partition("/")
    return bool(_HUB_ID.fullmatch(weights)) and not name.endswith(_FILES) and not os.path.isdir(owner)


def user_path(path: str) -> Path:
    """``path`` with ``~`` spelled out, or as it is where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def weights_digest(weights: str) -> str:
    """SHA-256 (64 hexadecimal digits) of every file that takes part in an edit, names included.

    Raises:
        EditorError: as `find_weights`, or a file cannot be read.
    """
    folder = find_weights(weights)
    try:
        files = _files(folder)
        stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
        return _digest(str(folder), stamps)
    except OSError as error:
        raise EditorError(f"cannot read the editor's weights in {folder}: {error.strerror}; check it") from error


def _files(folder: Path) -> list[Path]:
    """Configurations, tokenisers and plain-precision safetensors weights; no variants, checkers or previews."""
    found = [folder / "model_index.json"]
    for part in _PARTS:
        for path in (folder / part).glob("*") if (folder / part).is_dir() else ():
            if path.suffix in (".json", ".txt") or _WEIGHTS.fullmatch(path.name):
                found.append(path)
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


@lru_cache(maxsize=64)
def _digest(folder: str, stamps: tuple[tuple[str, int, int], ...]) -> str:
    total = hashlib.sha256()
    for name, size, _ in stamps:
        total.update(f"{Path(name).relative_to(folder).as_posix()}\0{size}\0".encode())
        with Path(name).open("rb") as file:
            while chunk := file.read(_CHUNK):
                total.update(chunk)
    return total.hexdigest()


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    wanted = ["model_index.json"]
    for part in _PARTS:
        wanted += [f"{part}/*.json", f"{part}/*.txt"]
        wanted += [f"{part}/{kind}{end}" for kind in ("diffusion_pytorch_model", "model")
                   for end in (".safetensors", "-?????-of-?????.safetensors")]  # fmt: skip
    try:
        folder = Path(snapshot_download(name, allow_patterns=wanted))
    except (OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        raise EditorError(
            f"the editor {name} is not on this machine and the hub cannot be reached; go online once, or give a folder"
        ) from error
    except Exception as error:  # the hub's client raises what its network library does, which changes between versions
        raise EditorError(f"the hub did not give the editor {name} ({type(error).__name__}); check the id") from error
    if not (folder / "model_index.json").is_file():
        raise EditorError(f"the hub repository {name} has no model_index.json, expected a diffusers checkpoint")
    return folder
