"""The public weights of a control, as commands take them: a file or a model folder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from spellock.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from spellock.evaluation.attack_report import AttackReport
    from spellock.tasks.checkpoint import LoadedModel
    from spellock.tasks.pixel_model import PixelModel

_log = logging.getLogger(__name__)
_FRESH: Final = "random: the public weights know other classes"


@dataclass(frozen=True, kw_only=True)
class Public:
    """A public model of as many outputs as there are real classes.

    Attributes:
        model: the model.
        classifier: where its last layer comes from, for the report.
    """

    model: PixelModel
    classifier: str

    def stated(self, report: AttackReport) -> AttackReport:
        """``report`` with that among its facts."""
        from dataclasses import replace

        return replace(report, facts={**report.facts, "classifier of the public weights": self.classifier})


def public_model(path: Path, locked: LoadedModel, lock: int | str | None, seed: int) -> Public:
    """The public model for the real classes of a locked one; a file holds weights of its architecture.

    The classifier of a folder whose classes have the names of all real ones is kept, brought into their order, and what
    it knows besides is left out. So is one without names, of as many classes, whose order is then taken for granted.
    Else it starts from random values, as a thief's would who has such weights, and that is said: in the log and by
    `Public.classifier`.

    Args:
        locked: the locked model.
        lock: its lock class, by number or name; None for none.
        seed: of random values.

    Raises:
        ModelError: there is no such model, or it is for another task or of another architecture.
        ConfigError: a file cannot be read without an architecture; or the model is a detector, which has no control.
    """
    from spellock.tasks.models import create_model
    from spellock.tasks.weights import load_weights

    if locked.task.has_boxes:
        raise ConfigError("no attack on a detector learns from weights, so there is no control; leave --public out")
    real = _real_classes(locked, lock)
    if path.is_dir():
        return _from_folder(path, locked, real, seed)
    model = locked.model
    if model.architecture is None:
        raise ConfigError("the locked model's network is from elsewhere; give --public as a model folder")
    mean, std = model.mean_std
    public = create_model(
        model.architecture,
        num_classes=len(real),
        input_size=model.input_size,
        mean=mean,
        std=std,
        options=model.options,
        seed=seed,
    )
    fresh = load_weights(public.network, path).head_reinitialised
    return Public(model=public, classifier=_FRESH if fresh else "their own, in the order of the data's classes")


def _from_folder(path: Path, locked: LoadedModel, real: Sequence[str], seed: int) -> Public:
    from spellock.tasks.checkpoint import load_model
    from spellock.tasks.heads import keep_classes, replace_head
    from spellock.tasks.own_seed import own_seed

    loaded = load_model(path)
    if loaded.task.name != locked.task.name:
        raise ModelError(f"{path} has task {loaded.task.name}, expected {locked.task.name} as the locked model has")
    own, network = [name.casefold() for name in loaded.classes], loaded.model.network
    places = [own.index(name.casefold()) for name in real if name.casefold() in own]
    if len(places) == len(real):
        if places != list(range(len(own))):
            keep_classes(network, places)
        more = f" of {len(own)}" if len(own) > len(real) else ""
        return Public(model=loaded.model, classifier=f"their own, by the names of {len(real)}{more} classes")
    if own == [str(number) for number in range(len(real))]:
        return Public(model=loaded.model, classifier="their own, in the order of the data's classes")
    _log.warning(
        "%s knows %d of the %d classes of the data: its classifier starts from random values, so attacks without "
        "labels are compared with chance",
        path,
        len(places),
        len(real),
    )
    with own_seed(seed):
        replace_head(network, len(real))
    return Public(model=loaded.model, classifier=_FRESH)


def _real_classes(locked: LoadedModel, lock: int | str | None) -> list[str]:
    others = {locked.classes[place] for place in locked.group_classes}
    if lock is not None:
        others.add(lock if isinstance(lock, str) else locked.classes[lock])
    return [name for name in locked.classes if name not in others]
