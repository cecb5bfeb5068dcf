"""What `spellock attack` takes besides model and data: leaked images, a part of a key, options."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from spellock.errors import ConfigError, DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from spellock.attacks.leaked_part import LeakedPart
    from spellock.cli.attack_args import AttackArgs
    from spellock.evaluation.attack_plan import Trial
    from spellock.evaluation.leaked_folder import Leaks
    from spellock.hidden import Scalar
    from spellock.key import Key
    from spellock.tasks.pixel_model import PixelModel

_log = logging.getLogger(__name__)
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?", re.ASCII)
#: Numbers of labelled and of leaked images that attacks are tried with where nobody says otherwise.
USUAL_LABELS: Final = (10, 100, 500, 1000)
USUAL_LEAKED: Final = (1, 10, 100)
#: Answers of an unlocked model, which are told of the thief's raw images alone.
USUAL_ASKED: Final = (100, 1000)


def check_counts(args: AttackArgs) -> None:
    """Refuse numbers that are too small, before anything is loaded.

    Raises:
        ConfigError: one is.
    """
    least = {"limit": 2, "unlabelled": 1, "leaked": 1, "draws": 1, "candidate_images": 1}
    for name, fewest in least.items():
        given = getattr(args, name)
        for count in given if isinstance(given, tuple) else () if given is None else (given,):
            if count < fewest:
                what = "" if name == "draws" else " images"
                raise ConfigError(f"got --{name.replace('_', '-')} {count}, expected at least {fewest}{what}")


def amounts(asked: tuple[int, ...] | None, usual: tuple[int, ...], have: int) -> tuple[int, ...]:
    """What is ``asked`` for, or of the ``usual`` numbers those that ``have`` images allow, or else all of these."""
    if asked is not None:
        return asked
    return tuple(count for count in usual if count <= have) or (have,)


@dataclass(frozen=True)
class LabelAmount:
    """What a word of ``--labels`` asks for: a number of images, or a share of those that there are."""

    value: float
    percent: bool

    @classmethod
    def read(cls, word: str) -> LabelAmount:
        """``10`` or ``0.5%``.

        Raises:
            ConfigError: it is neither, or no amount above nothing and up to all.
        """
        text, percent = word.strip().removesuffix("%"), word.strip().endswith("%")
        if _NUMBER.fullmatch(text) and (percent or text.isdecimal()):
            value = float(text)
            if 0 < value <= 100 or (value and not percent):
                return cls(value, percent)
        raise ConfigError(
            f"got --labels {word}, expected numbers of images from 1 on, or percents above 0 and up to 100; for "
            "example 100 or 0.5%"
        )

    def of(self, have: int) -> int:
        """So many of ``have`` images, one at least."""
        return max(1, round(self.value * have / 100)) if self.percent else int(self.value)


def label_counts(asked: tuple[LabelAmount, ...] | None, have: int) -> tuple[int, ...]:
    """Numbers of labelled images that attacks are tried with, where a thief may get ``have``."""
    return amounts(None if asked is None else tuple(one.of(have) for one in asked), USUAL_LABELS, have)


def refuse_idle_queries(args: AttackArgs, chosen: Sequence[Trial]) -> None:
    """Refuse ``--queries`` where no attack heeds it, and say where only some do.

    Raises:
        ConfigError: the thief has the weights, and no attack counts what it asks them.
    """
    if args.queries is None or args.black_box:
        return
    idle = list(dict.fromkeys(one.name for one in chosen if not one.attack.counts_answers))
    if len(idle) == len({one.name for one in chosen}):
        raise ConfigError(
            f"got --queries {args.queries} for a thief with the weights, who asks them as often as he likes; add "
            "--black-box, or leave it out"
        )
    if idle:
        _log.warning("--queries does nothing without --black-box for %s", ", ".join(idle))


def given_leaks(args: AttackArgs, key: Key | None) -> Leaks | None:
    """The images of ``--leaked-images``; None without it.

    Raises:
        ConfigError: raw versions without edited ones.
        DataError: a folder is empty, or its images do not fit.
    """
    if args.leaked_images is None:
        if args.leaked_raw is not None:
            raise ConfigError("--leaked-raw is given without --leaked-images; give the edited versions as well")
        return None
    from spellock.evaluation.leaked_folder import read_leaks

    return read_leaks(args.leaked_images, args.leaked_raw, side=None if key is None else key.resolution)


def thieves_mirror(word: str, model: Path) -> bool:
    """Whether thieves who train mirror images: ``word`` is yes, no, or auto, as the training of ``model`` did where the
    owner's folder beside it tells."""
    from spellock.artefacts import read_json
    from spellock.training.augment import MIRRORING

    if word != "auto":
        return word == "yes"
    folder = model.resolve().parent / "owner" / "training" / "config.json"
    try:
        augment = read_json(folder).get("augment")
    except DataError:
        return False
    return isinstance(augment, str) and augment in MIRRORING


def leaked_counts(counts: tuple[int, ...], given: Leaks | None) -> tuple[int, ...]:
    """Numbers of leaked images that attacks are tried with; of a folder also all that it has, and no more."""
    if given is None:
        return counts
    return tuple(sorted({count for count in counts if count < len(given)} | {len(given)}))


def leaked_part(args: AttackArgs, model: PixelModel) -> LeakedPart | None:
    """The part of a weight key that ``--key-part`` names; None without one.

    Raises:
        SpellockError: the file does not open, or is of another model's key.
    """
    if args.key_part is None:
        return None
    from spellock.attacks.leaked_part import LeakedPart
    from spellock.weightlocks.places import check_fits
    from spellock.weightlocks.states import ModuleState
    from spellock.weightlocks.weight_keyfile import open_weight_key

    key = open_weight_key(args.key_part, passphrase_file=args.passphrase_file)
    keyed = ModuleState(model.network)
    check_fits(key.places, keyed.infos, what=str(args.model))
    return LeakedPart.of(key, keyed)


def attack_options(names: list[str], words: tuple[str, ...]) -> dict[str, Scalar]:
    """The words of ``--set`` as options of the one attack that is named.

    Raises:
        ConfigError: several attacks are named, or the one has no such option or value.
    """
    import dataclasses

    from spellock.attacks.registry import attack_class
    from spellock.editors.settings import read_setting

    if not words:
        return {}
    if len(names) != 1 or names[0] == "all":
        raise ConfigError("--set is given with several attacks, expected one attack, whose option it is")
    kind = attack_class(names[0])
    known = [field.name for field in dataclasses.fields(kind)]
    found: dict[str, Scalar] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in known:
            raise ConfigError(f"got --set {word}, expected NAME=VALUE with a name of {', '.join(known) or 'none'}")
        found[name] = read_setting(kind, name, text)
    return found
