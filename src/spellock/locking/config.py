"""How to lock a data set."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Final, Literal

from spellock.data.image_set import ON_ERROR, OnError
from spellock.errors import ConfigError
from spellock.locking.targets import Target, make_target
from spellock.locking.targets.new_class import NewClass
from spellock.tasks.registry import make_task

_LAYOUTS: Final = ("folder", "parquet")
#: Fields that are options of lock targets; each target knows its own.
_TARGET_OPTIONS: Final = ("lock_class_name", "target_class", "target_findings", "lock_share")


@dataclass(frozen=True, kw_only=True)
class LockConfig:
    """Settings of Algorithm 1 (section 3.2 of the paper) and of what is written.

    Attributes:
        task: which kind of labels the images have, by registry name.
        edited_fraction: alpha, share of the training images that is edited and keeps its labels; in (0, 1].
        target: lock target of the others, by registry name.
        lock_class_name: option of the targets that add a class, a label or a category: its name.
        target_class: option of the target constant: name of the class that all get; None takes the first.
        target_findings: option of the target same-findings: names of the findings that all get; None for no finding.
        lock_share: option of the target decoy-task: probability of the added class, the rest being the other task's;
            None takes the target's own.
        raw_twins: put every edited image in raw as well, as an unauthorised sample: LP falls, but pairs show whoever
            holds the locked set what the edit does, so for training at home.
        decoys: how many images edited under wrong keys to add as unauthorised samples.
        decoy_share: the same as a multiple of the training images; None for none. Use one of both.
        decoy_keys: over how many wrong keys they are spread (fewer when a key would get less than two images).
        decoy_prompts: prompts of those keys; empty takes the paper's vocabulary.
        decoy_leaks: share of those keys, in [0, 1], that are thieves' who have edited images: they know the weave and
            guess the style; three in eight also have a part of the right edit, and a quarter only imitate mean and
            spectrum. Wants a key with a weave.
        missing_raw: what to do with a class too small to give a raw image: "fail", or "accept" it.
        validation: share of the images held out first, in both versions, for choosing the best checkpoint; in [0, 0.5].
        seed: of all random choices (together with the key's secret).
        layout: write an image folder or one parquet file.
        on_error: stop at an image that cannot be decoded, or name and skip it. May change when work is resumed.
    """

    task: str = "classification"
    edited_fraction: float = 0.95
    target: str = "new-class"
    lock_class_name: str = NewClass.lock_class_name
    target_class: str | None = None
    target_findings: tuple[str, ...] | None = None
    lock_share: float | None = None
    raw_twins: bool = False
    decoys: int = 0
    decoy_share: float | None = None
    decoy_keys: int = 20
    decoy_prompts: tuple[str, ...] = ()
    decoy_leaks: float = 0.0
    missing_raw: Literal["fail", "accept"] = "fail"
    validation: float = 0.05
    seed: int = 0
    layout: Literal["folder", "parquet"] = "folder"
    on_error: OnError = "fail"

    def __post_init__(self) -> None:
        if not 0 < self.edited_fraction <= 1:
            raise ConfigError(
                f"edited_fraction is {self.edited_fraction}, expected above 0 and at most 1 (the paper: 0.95)"
            )
        if not 0 <= self.validation <= 0.5:
            raise ConfigError(f"validation is {self.validation}, expected a share from 0 to 0.5")
        if self.decoys < 0:
            raise ConfigError(f"decoys is {self.decoys}, expected a number of images, 0 for none")
        if self.decoy_share is not None and not 0 <= self.decoy_share <= 100:
            raise ConfigError(f"decoy_share is {self.decoy_share}, expected a multiple from 0 to 100 of the images")
        if self.decoy_share and self.decoys:
            raise ConfigError(f"got decoys {self.decoys} and decoy_share {self.decoy_share}, expected one of both")
        if self.decoy_keys < 1:
            raise ConfigError(f"decoy_keys is {self.decoy_keys}, expected at least 1; for no decoys set decoys to 0")
        if not 0 <= self.decoy_leaks <= 1:
            raise ConfigError(f"decoy_leaks is {self.decoy_leaks}, expected a share from 0 to 1 of the wrong keys")
        if self.decoy_leaks and not (self.decoys or self.decoy_share):
            raise ConfigError(f"decoy_leaks is {self.decoy_leaks} but there are no decoys; set decoys or decoy_share")
        if self.missing_raw not in ("fail", "accept"):
            raise ConfigError(f"missing_raw is {self.missing_raw!r}, expected 'fail' or 'accept'")
        if self.layout not in _LAYOUTS:
            raise ConfigError(f"layout is {self.layout!r}, expected one of {', '.join(_LAYOUTS)}")
        if self.on_error not in ON_ERROR:
            raise ConfigError(f"on_error is {self.on_error!r}, expected one of {', '.join(ON_ERROR)}")
        if any(not prompt.strip() for prompt in self.decoy_prompts):
            raise ConfigError("decoy_prompts holds an empty prompt; remove it")
        make_task(self.task)
        self.lock_target()

    def lock_target(self) -> Target:
        """The lock target with its options.

        Raises:
            ConfigError: the task has no such target, or an option was given that it does not know.
        """
        defaults = {field.name: field.default for field in fields(self) if field.default is not MISSING}
        given = {name: getattr(self, name) for name in _TARGET_OPTIONS if getattr(self, name) != defaults.get(name)}
        return make_target(self.target, given, task=self.task)
