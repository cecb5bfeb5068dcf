"""`spellock key new` and `editors`: make key files, and say what they can be made of."""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import tyro

from spellock.cli.key_words import refuse_both, report
from spellock.errors import ConfigError, StorageError
from spellock.keyfile import refuse_existing, save_key
from spellock.passphrase import new_passphrase

if TYPE_CHECKING:
    from spellock.key import Key

_MAX_PROMPT_BYTES: Final = 64 * 1024
_PRESET: Final = "embedded"
#: Options that go to `new_key` under their own names when they are given, and to `new_editor_key` with --editor: there
#: all but gamma, resolution and resize are settings, refused where the editor has none of that name.
_OPTIONS: Final = (
    "weights",
    "gamma",
    "resolution",
    "resize",
    "steps",
    "guidance_scale",
    "image_guidance_scale",
    "negative_prompt",
    "scheduler",
    "dtype",
    "noise",
    "lora",
    "secret_use",
    "weave",
)


@dataclass(frozen=True, kw_only=True)
class KeyNewArgs:
    """Make a new key file, encrypted under a passphrase that is asked for twice."""

    path: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="KEY")]
    """Key file to write; an existing file is never replaced."""
    preset: str = _PRESET
    """Settings to start from: "embedded" (the editor inside the package) or "modellock" (the paper's)."""
    editor: str | None = None
    """Another editor than the presets', by its name; `spellock key editors` lists them."""
    set: tyro.conf.UseAppendAction[tuple[str, ...]] = field(default=(), repr=False)
    """Setting of --editor as NAME=VALUE; may be repeated. Other users of this machine and the shell history see it."""
    prompt: str | None = field(default=None, repr=False)
    """Key prompt. Other users of this machine and the shell history see it here; --prompt-file is safer."""
    prompt_file: Path | None = None
    """File that holds the key prompt (/dev/stdin: type it)."""
    weights: str | None = None
    """Editor weights: "embedded", a folder, or a hub id. None: the preset's."""
    gamma: float | None = None
    """Blend of original (0) and edit (1). None: the preset's."""
    resolution: int | None = None
    """Side of edited images in pixels. None: the preset's."""
    resize: str | None = None
    """Filter of the resize before editing: nearest, box, bilinear, hamming, bicubic, lanczos. None: the preset's."""
    steps: int | None = None
    """Diffusion steps. None: the preset's."""
    guidance_scale: float | None = None
    """Text guidance. None: the preset's."""
    image_guidance_scale: float | None = None
    """Image guidance. None: the preset's."""
    negative_prompt: str | None = field(default=None, repr=False)
    """Prompt to steer away from. None: the preset's."""
    scheduler: str | None = None
    """Scheduler class of diffusers. None: the preset's."""
    dtype: str | None = None
    """Arithmetic of the editor: float32, bfloat16 or float16. None: the preset's."""
    noise: str | None = None
    """Noise rule: "shared" (one noise for all images) or "per-image". None: the preset's."""
    lora: str | None = field(default=None, repr=False)
    """LoRA for the editor: a file or folder. None: no LoRA."""
    secret_use: str | None = None
    """How the secret enters the prompt: "string" or "none". None: the preset's."""
    weave: float | None = None
    """Strength of the tile drawn from secret and prompt, 0 (none) to 0.5. None: the preset's."""
    passphrase_file: Path | None = None
    """File with the passphrase (mode 600) instead of asking."""
    plain: bool = False
    """Do not encrypt: whoever reads the file has the key."""
    json: bool = False
    """Print one JSON object."""


@dataclass(frozen=True, kw_only=True)
class KeyEditorsArgs:
    """List the editors that a key can name, or the settings of one of them."""

    editor: Annotated[str | None, tyro.conf.Positional, tyro.conf.arg(metavar="[EDITOR]")] = None
    """Editor whose settings to list, with their types and defaults. None: the names of all."""
    json: bool = False
    """Print one JSON object."""


def run_new(args: KeyNewArgs) -> int:
    """Make a key with the preset or for the editor and write it; returns 0.

    Raises:
        SpellockError: the file exists, an option is not valid, or there is no passphrase.
    """
    refuse_both("--plain", args.plain, "--passphrase-file", args.passphrase_file is not None)
    refuse_both("--prompt", args.prompt is not None, "--prompt-file", args.prompt_file is not None)
    # Before the passphrase is asked for, not after.
    refuse_existing(args.path)
    if not args.path.parent.is_dir():
        raise StorageError(f"there is no folder {args.path.parent} for the key file; make it first")
    given = {name: getattr(args, name) for name in _OPTIONS if getattr(args, name) is not None}
    prompt = args.prompt if args.prompt_file is None else _read_prompt(args.prompt_file)
    if prompt is not None:
        given["prompt"] = prompt
    key = _key(args, given)
    passphrase = None if args.plain else new_passphrase(args.path, passphrase_file=args.passphrase_file)
    save_key(key, args.path, passphrase=passphrase, plain=args.plain)
    report(args.path, "written", encrypted=not args.plain, as_json=args.json)
    return 0


def _key(args: KeyNewArgs, given: dict[str, Any]) -> Key:
    if args.editor is None:
        if args.set:
            raise ConfigError("got --set without --editor, expected an editor whose setting it is; add --editor NAME")
        from spellock.editors.presets import new_key

        return new_key(args.preset, **given)
    from spellock.editors.any_key import new_editor_key, read_settings

    refuse_both("--editor", True, "--preset", args.preset != _PRESET)
    settings = read_settings(args.editor, args.set)
    if twice := sorted(settings.keys() & given.keys()):
        raise ConfigError(f"the setting {twice[0]} is given twice, by its own option and by --set; drop one")
    return new_editor_key(args.editor, **{**given, **settings})


def run_editors(args: KeyEditorsArgs) -> int:
    """Print the names of all editors, or the settings of one; returns 0.

    Raises:
        EditorError: the editor is unknown.
    """
    from spellock.editors.any_key import describe_settings
    from spellock.editors.registry import list_editors

    if args.editor is None:
        names = list_editors()
        print(json_format.dumps({"editors": names}) if args.json else "\n".join(names))
        return 0
    settings = dict(describe_settings(args.editor))
    if args.json:
        print(json_format.dumps({"editor": args.editor, "settings": settings}))
    for name, kind in {} if args.json else settings.items():
        print(f"{name:<24} {kind}")
    return 0


def _read_prompt(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_PROMPT_BYTES + 1)
        text = data.decode("utf-8-sig").strip()  # a byte order mark is no part of a prompt
    except OSError as error:
        raise ConfigError(f"cannot read the prompt file {path}: {error.strerror}; check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the prompt file {path} is not UTF-8 text; is it the right file?") from None
    if not text or len(data) > _MAX_PROMPT_BYTES:
        raise ConfigError(f"the prompt file {path} is {'too large' if text else 'empty'}; expected one key prompt")
    if (lines := len(text.splitlines())) > 1:
        raise ConfigError(f"the prompt file {path} has {lines} lines, expected one key prompt; put it on a single line")
    return text
