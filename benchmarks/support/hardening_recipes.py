"""The locks that `hardening.py` compares: the paper's, the preset ``hardened``, and what lies between and beyond."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spellock.editors.presets import PRESETS as KEYS
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import lock_model
from spellock.recipes.presets import PRESETS
from spellock.training.objective_config import ObjectiveConfig
from spellock.training.regularisation_config import RegularisationConfig
from support.edited_only import edited_only
from support.from_teacher import from_teacher

HARDENED = PRESETS["hardened"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a lock differs from the paper's.

    Attributes:
        training: changes of the data set's own settings.
        length: epochs, as a multiple of the data set's own.
        weave: strength of the key's tile.
        gamma: share of the edit in an authorised image; None for the paper's, 0.5.
        secret_use: whether a string drawn from the secret follows the prompt; else the weave alone is the secret's.
        public: whether networks start from the data set's public weights, if it has any.
        make: what trains the models; see `run`.
    """

    lock: LockConfig = field(default_factory=LockConfig)
    training: dict[str, Any] = field(default_factory=dict)
    length: float = 1.0
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    regularisation: RegularisationConfig = field(default_factory=RegularisationConfig)
    weave: float = 0.0
    gamma: float | None = None
    secret_use: str = "string"
    public: bool = True
    make: Callable[..., object] = lock_model

    def settings(self) -> dict[str, Any]:
        """For the result file."""
        return asdict(replace(self, make=lock_model)) | {"make": self.make.__name__}


_BALANCED = {"unauthorised_share": 0.5}
_ALONE = {"unauthorised_share": 0.5, "alone_share": HARDENED.training.alone_share}
_DECOYS: dict[str, Any] = {"decoy_share": HARDENED.lock.decoy_share, "decoy_keys": 400}
_TEACHER = ObjectiveConfig(objective="teacher")
_OURS = Recipe(lock=HARDENED.lock, training=_ALONE, objective=_TEACHER, weave=KEYS["embedded"].weave)
#: The preset with as many wrong keys as it had when its parts were compared.
_LOCK_400 = replace(HARDENED.lock, decoy_keys=400)
_400 = replace(_OURS, lock=_LOCK_400)
_AGAINST_LEAKS = PRESETS["hardened-leaks"]
_LEAKS = replace(_OURS, lock=_AGAINST_LEAKS.lock, regularisation=_AGAINST_LEAKS.regularisation)
#: From the paper's way to ours, one step at a time; then ours without one of its parts, and with one more. The first
#: is no lock at all: what the edit itself costs.
RECIPES: dict[str, Recipe] = {
    "edited only": Recipe(training=_BALANCED, make=edited_only),
    "modellock": Recipe(),
    "balanced drawing": Recipe(training=_BALANCED),
    "and raw twins": Recipe(lock=LockConfig(raw_twins=True), training=_BALANCED),
    "and decoys": Recipe(lock=LockConfig(raw_twins=True, **_DECOYS), training=_BALANCED),
    "and raw images alone": Recipe(lock=LockConfig(raw_twins=True, **_DECOYS), training=_ALONE),
    "and decoy task": Recipe(lock=_LOCK_400, training=_ALONE),
    "and a teacher": Recipe(lock=_LOCK_400, training=_ALONE, objective=_TEACHER),
    "400 keys": _400,
    "hardened": _OURS,
    "hardened, against leaks": _LEAKS,
    # As the other sets that have no public weights are trained.
    "hardened, against leaks, from nothing": replace(
        _LEAKS, public=False, length=2.5, training=_ALONE | {"learning_rate": 0.1}
    ),
    "hardened, from the baseline": replace(_OURS, make=from_teacher),
    "hardened, no decoys": replace(_OURS, lock=replace(HARDENED.lock, decoy_share=None)),
    "400 keys, uniform target": replace(_400, lock=replace(_LOCK_400, target="uniform")),
    "400 keys, none alone": replace(_400, training=_BALANCED),
    **{
        f"400 keys, {share} alone": replace(_400, training=_BALANCED | {"alone_share": share}) for share in (0.75, 0.98)
    },
    "400 keys, no teacher": replace(_400, objective=ObjectiveConfig()),
    "400 keys, projection": replace(_400, regularisation=RegularisationConfig(combination="projection")),
    "400 keys, anchor": replace(_400, regularisation=RegularisationConfig(regularisers=("anchor",))),
    "400 keys, probe": replace(_400, regularisation=RegularisationConfig(regularisers=("probe",))),
    "400 keys, all three": replace(
        _400, regularisation=RegularisationConfig(regularisers=("anchor", "probe"), combination="projection")
    ),
    "400 keys, twice as long": replace(_400, length=2.0),
    "400 keys, weave 0.2": replace(_400, weave=0.2),
    "400 keys, three times the decoys": replace(
        _400, lock=replace(_LOCK_400, decoy_share=3 * (HARDENED.lock.decoy_share or 0))
    ),
    "400 keys, no string": replace(_400, secret_use="none"),
    "edited only, no string": Recipe(training=_BALANCED, secret_use="none", weave=_OURS.weave, make=edited_only),
    **{f"400 keys, gamma {gamma}": replace(_400, gamma=gamma) for gamma in (0.3, 0.4, 0.7)},
}
