"""Ways to lock, by name: settings of locking and training that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from spellock.errors import ConfigError
from spellock.locking.config import LockConfig
from spellock.locking.targets import list_targets
from spellock.named import no_such
from spellock.tasks.registry import make_task
from spellock.tasks.task import Task
from spellock.training.config import FinetuneConfig
from spellock.training.objective_config import ObjectiveConfig
from spellock.training.regularisation_config import RegularisationConfig

DEFAULT_PRESET: Final = "hardened"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Defaults of one way to lock.

    Attributes:
        lock: how the set is locked.
        training: how the model is trained on it.
        objective: what is minimised besides, or instead of, the loss of Eq. 2.
        regularisation: terms beside it, and how the gradients of both sides become one step.
        hardened: whether a task without the preset's lock target takes its own hardened one, or else its default.
    """

    lock: LockConfig
    training: FinetuneConfig
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    regularisation: RegularisationConfig = field(default_factory=RegularisationConfig)
    hardened: bool = False


#: Against a thief who does not play along; docs/hardening.md says what each part is for.
_HARDENED: Final = Preset(
    lock=LockConfig(target="decoy-task", raw_twins=True, decoy_share=0.5, decoy_keys=1500),
    training=FinetuneConfig(unauthorised_share=0.5, alone_share=0.5),
    objective=ObjectiveConfig(objective="teacher"),
    hardened=True,
)

PRESETS: Final[Mapping[str, Preset]] = {
    "hardened": _HARDENED,
    # And against one who has edited images, for keys with a weave: four times the decoys, two in three against him.
    "hardened-leaks": replace(
        _HARDENED,
        lock=replace(_HARDENED.lock, decoy_share=2.0, decoy_keys=9000, decoy_leaks=0.65),
        regularisation=RegularisationConfig(regularisers=("unlikelihood",)),
    ),
    # The paper's way (sections 3.2 and 4.1): alpha 0.95, one new class, plain drawing.
    "modellock": Preset(lock=LockConfig(), training=FinetuneConfig()),
    # FMLock's two loss terms, for keys of the editor noise; docs/objectives.md. Its model has no lock class.
    "fmlock": Preset(
        lock=LockConfig(target="uniform", raw_twins=True),
        training=FinetuneConfig(unauthorised_share=0.5),
        objective=ObjectiveConfig(objective="fmlock"),
    ),
}


def get_preset(name: str, *, task: str = "classification") -> Preset:
    """The preset called ``name``, with the task's own lock target where the task has not the preset's.

    Such a task keeps the preset's objective where it can have it. Where it has batches of its own size, as detectors
    have, nothing passes alone, because their loss comes in one piece.

    Raises:
        ConfigError: there is no such preset or task; near matches are listed.
    """
    if name not in PRESETS:
        raise no_such("preset", name, PRESETS)
    preset, wanted = PRESETS[name], make_task(task)
    if preset.lock.target in list_targets(task=task):
        return preset
    training = preset.training
    if wanted.default_batch is not None:
        training = replace(training, batch_size=wanted.default_batch, alone_share=0.0)
    target = (wanted.hardened_target if preset.hardened else "") or wanted.default_target
    return replace(
        preset,
        lock=replace(preset.lock, task=task, target=target),
        training=training,
        objective=preset.objective if _can_have(preset.objective, wanted) else ObjectiveConfig(),
        regularisation=RegularisationConfig(),
    )


def _can_have(config: ObjectiveConfig, task: Task) -> bool:
    objective = config.make()
    if objective is None:
        return True
    try:
        objective.check(task.learner(2, None, task.unpack([], 2)))
    except ConfigError:
        return False
    return True
