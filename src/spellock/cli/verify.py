"""`spellock verify`: does a suspect model go back to the owner's?"""

from __future__ import annotations

import json as json_format
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import tyro

from spellock.cli.options import check_device, refuse_idle
from spellock.errors import ConfigError, DataError

if TYPE_CHECKING:
    from spellock.hidden import Scalar
    from spellock.ownership.case import Case
    from spellock.tasks.checkpoint import LoadedModel
    from spellock.tasks.pixel_model import PixelModel

#: Options that are evidence, by what it is called in `spellock.ownership.case.Evidence`.
_EVIDENCE: Final = {"key": "KEY", "own": "OWN", "against": "UNRELATED", "copies": "COPIES", "private": "PRIVATE"}


@dataclass(frozen=True, kw_only=True)
class VerifyArgs:
    """Say in words, with a p-value, whether a suspect goes back to the owner's model.

    Exit code 0 says that it was measured; the decision is in the output. "No match shown" never says that the suspect
    is innocent. Nothing is trained but small classifiers of answers, by the methods that say so.
    """

    suspect: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SUSPECT")]
    """Folder of the suspect model."""
    data: str
    """Raw images that no model here was trained on: folder, parquet or Hugging Face id."""
    key: Path | None = None
    """Key file. Methods sac and dataset-inference edit their images with it where it is given."""
    method: str = "key"
    """How; `spellock verify list` names the methods."""
    own: Path | None = None
    """Folder of the owner's model, for all methods but key."""
    against: tuple[Path, ...] = ()
    """Folders of models that are known to be unrelated."""
    copies: tuple[Path, ...] = ()
    """Folders of models that are known to be copies, for the threshold of sac."""
    private: str | None = None
    """Images that the owner's model was trained on, for dataset-inference."""
    set: Annotated[tuple[str, ...], tyro.conf.UseAppendAction, tyro.conf.arg(metavar="NAME=VALUE")] = ()
    """An option of the method, such as images=50; may be repeated."""
    unlabelled: bool = False
    """The labels of the data are not true ones."""
    black_box: bool = False
    """Use the suspect's answers alone, not its weights."""
    labels_only: bool = False
    """Use the names of classes that it answers alone, not their probabilities."""
    queries: int | None = None
    """Images that the suspect may be asked about. Method key asks 10100 times where it may, and at fewer, down to 202,
    in rounds with the same p-value; 100 do with --set keys=19 --set alpha=0.05, which is weaker evidence."""
    split: str | None = None
    """Split of the data, where it has several. None: "test", or the only one."""
    passphrase_file: Path | None = None
    """File with the key's passphrase (mode 600) instead of asking."""
    device: str = "cpu"
    """Device of models and editor, for example cuda."""
    seed: int | None = None
    """Seed of all that is drawn, to repeat a verdict, which names its seed. None: drawn by the operating system, so
    that the suspect's maker cannot have prepared it for the random keys."""
    json: bool = False
    """Print one JSON object instead of words."""


@dataclass(frozen=True, kw_only=True)
class VerifyListArgs:
    """List the methods, what each needs beside images, and their options."""

    json: bool = False
    """Print one JSON object instead."""


def run(args: VerifyArgs) -> int:
    """Ask the suspect and print the verdict; returns 0.

    Raises:
        SpellockError: an input does not fit.
    """
    from spellock.ownership.case import Evidence
    from spellock.ownership.registry import make_method
    from spellock.ownership.suspect import Suspect

    method = make_method(args.method, _options(args))
    idle = [flag for flag, evidence in _EVIDENCE.items() if Evidence[evidence] not in method.uses]
    refuse_idle(args, idle, f"--method {args.method}", instead="leave it out, or choose a method that looks at it")
    device = check_device(args.device)
    model = _classifier(args.suspect).model.to(device).eval()
    if args.labels_only:
        suspect = Suspect(query=lambda images: model(images.to(device)).argmax(dim=1), limit=args.queries)
    elif args.black_box:
        suspect = Suspect(query=lambda images: model(images.to(device)), limit=args.queries)
    else:
        suspect = Suspect(model, limit=args.queries)
    case = _case(args, device)
    case.require(method.needs)
    verdict = method(suspect, case)
    if args.json:
        print(json_format.dumps(verdict.to_dict()))
        return 0
    print(f"{'MATCH' if verdict.match else 'no match shown'} ({verdict.method}, {verdict.queries} queries)")
    print(verdict.words)
    print(f"seed: {verdict.facts['seed']}")
    return 0


def run_list(args: VerifyListArgs) -> int:
    """Print the methods; returns 0."""
    import dataclasses

    from spellock.ownership.registry import list_methods, make_method, method_class

    names = list_methods()
    needs = {name: sorted(make_method(name).needs) for name in names}
    options = {name: {one.name: one.default for one in dataclasses.fields(method_class(name))} for name in names}
    if args.json:
        print(json_format.dumps({name: {"needs": needs[name], "options": options[name]} for name in names}))
        return 0
    for name in names:
        words = " ".join(f"{option}={value}" for option, value in options[name].items())
        print(f"{name}: needs {', '.join(needs[name])}\n    {words}")
    return 0


def _case(args: VerifyArgs, device: str) -> Case:
    from spellock.cli.evaluation_data import scored_images
    from spellock.data.open_images import open_images
    from spellock.editors.registry import load_editor
    from spellock.ownership.case import Case, fresh_seed
    from spellock.passphrase import open_key

    own = None if args.own is None else _classifier(args.own)

    def models(folders: tuple[Path, ...]) -> tuple[PixelModel, ...]:
        return tuple(_classifier(folder).model.to(device).eval() for folder in folders)

    return Case(
        images=scored_images(args.data, args.split),
        labelled=not args.unlabelled,
        classes=() if own is None else own.classes,
        key=None if args.key is None else open_key(args.key, passphrase_file=args.passphrase_file),
        own=None if own is None else own.model.to(device).eval(),
        unrelated=models(args.against),
        copies=models(args.copies),
        private=None if args.private is None else open_images(args.private),
        make_editor=lambda key: load_editor(key, device=device),
        seed=fresh_seed() if args.seed is None else args.seed,
    )


def _classifier(folder: Path) -> LoadedModel:
    from spellock.tasks.checkpoint import load_model

    loaded = load_model(folder)
    if loaded.config["task"] != "classification":
        raise DataError(f"{folder} has task {loaded.config['task']}, expected classification; give another model")
    return loaded


def _options(args: VerifyArgs) -> dict[str, Scalar]:
    import dataclasses

    from spellock.editors.settings import read_setting
    from spellock.ownership.registry import method_class

    kind = method_class(args.method)
    known = [field.name for field in dataclasses.fields(kind)]
    found: dict[str, Scalar] = {}
    for word in args.set:
        name, equals, text = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in known:
            raise ConfigError(f"got --set {word}, expected NAME=VALUE with a name of {', '.join(known)}")
        found[name] = read_setting(kind, name, text)
    return found
