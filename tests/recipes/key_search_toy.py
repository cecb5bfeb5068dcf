"""A key search with stand-ins: a tint for the editor, two shades of grey for the images, sums for the pilots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from spellock.data.open_images import open_images
from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.key import Key
from spellock.prompts.halving import Budget
from spellock.prompts.offline import OfflineConfig
from spellock.prompts.trial import Trial
from spellock.recipes.key_search import KeySearch, KeySearchConfig, search_keys
from spellock.recipes.model_choice import ModelChoice
from spellock.recipes.pilot import Pilot, PilotConfig
from spellock.recipes.search_trials import repeatable
from spellock.training.config import FinetuneConfig

from ..shades import write_shades
from ..tint_editor import tint_key

TRAINING = FinetuneConfig(epochs=1, batch_size=8, warmup_epochs=0, augment="none", unauthorised_share=0.5)
PILOT = PilotConfig(choice=ModelChoice(name="small_resnet8", input_size=16), images=24, training=TRAINING, wrong_keys=2)
CONFIG = KeySearchConfig(
    budget=Budget(edits=900, pilots=5), offline=OfflineConfig(tables=False, hybrids=3, meaningless=2), images=8
)


def write_data(folder: Path) -> Path:
    """Images whose classes are easily told, and named by things that the hierarchy of words knows."""
    return write_shades(folder, 14, levels={"cat": 60, "tractor": 190})


def make_key(trial: Trial) -> Key:
    """The stand-in editor's key of a trial."""
    key = tint_key(prompt=trial.candidate.prompt, secret=bytes(trial.secret))
    return key.replace(gamma=trial.settings["gamma"])


class Editors:
    """Loads editors, counts the images that they edit, and stops like a killed process after some."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.edited, self.stop_at = 0, stop_at

    def __call__(self, key: Key) -> Editor:
        editor = load_editor(key)
        inner = editor.edit_uint8

        def counted(images: Any, ids: Any = None) -> Any:
            self.edited += len(images)
            if self.stop_at is not None and self.edited > self.stop_at:
                raise KeyboardInterrupt
            return inner(images, ids)

        editor.edit_uint8 = counted  # type: ignore[method-assign]
        return editor


def fake_pilots(images: Any, keys: Any, out: Path, config: PilotConfig, **_: Any) -> tuple[Pilot, ...]:
    """Figures out of a key's blend instead of trainings; on other images they are 0.1 less."""
    (key,) = keys
    gap = 1 - abs(key.gamma - 0.6) - 0.1 * (config.seed - PILOT.seed)
    return (Pilot(prompt=str(key.settings["prompt"]), up=gap, lp=0.0, hardened_lp=0.0),)


def search(data: Path, out: Path, editors: Editors | None = None, **more: Any) -> KeySearch:
    """A search of the folder ``data``, always the same one; ``more`` are other arguments of `search_keys`."""
    usual: dict[str, Any] = {"pilot": PILOT, "make_key": make_key, "randomness": repeatable(0)}
    config = more.pop("config", CONFIG)
    return search_keys(open_images(data), out, config, make_editor=editors or Editors(), **{**usual, **more})


def without_times(found: KeySearch) -> Any:
    """What was found, but for the seconds that it took."""
    values = found.to_dict()
    for one in (*values["keys"], values["recommended"], values["best_listed"]):
        del one["figures"]["cost"]
    return values


def config(**changes: Any) -> KeySearchConfig:
    """The usual settings with some changes."""
    return replace(CONFIG, **changes)
