"""The best key for an owner's images at a stated budget: successive halving over whole keys, with pilots at its end.

Not in the paper, which chooses a prompt and leaves the rest of the key as it is (sections 3.2 and 4.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.prompts.candidate import Candidate, readable
from spellock.prompts.edit_cache import EditCache
from spellock.prompts.halving import Budget, make_plan
from spellock.prompts.offline import OfflineConfig
from spellock.prompts.sample import sample_places
from spellock.prompts.space import Space, space_around, usual_settings
from spellock.prompts.trial import Trial
from spellock.recipes.pilot import PilotConfig, pilot_edits
from spellock.recipes.private_files import open_private
from spellock.recipes.proposals import propose
from spellock.recipes.search_files import write_search
from spellock.recipes.search_report import KeySearch
from spellock.recipes.search_run import Search, confirming
from spellock.recipes.search_trials import LISTED, Randomness, find_trials, system_randomness
from spellock.recipes.suggest import SuggestConfig
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class KeySearchConfig:
    """What is searched and what it may cost.

    Attributes:
        budget: edits and pilots in all.
        preset: of the keys; its numbers are those of the listed prompts, and the space lies around them.
        space: ranges of the numbers; None: `space_around` the preset.
        offline: which prompts are candidates.
        images: of the first rung; they double from rung to rung.
        rungs: of cheap scores, 1 to 4.
        near: near synonyms and other secrets, by turns, that each key of the last rung is told from.
        fresh_secret: score all keys with a secret that everybody knows and keep the written key's out of the search.
        seed: of samples, folds and pilots; keys come from the system's own randomness.

    Raises:
        ConfigError: a number is out of range, or there is no such preset.
    """

    budget: Budget = field(default_factory=Budget)
    preset: str = "embedded"
    space: Space | None = None
    offline: OfflineConfig = field(default_factory=OfflineConfig)
    images: int = 32
    rungs: int = 2
    near: int = 2
    fresh_secret: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        usual_settings(self.preset)
        if not 8 <= self.images <= 10_000:
            raise ConfigError(f"images is {self.images}, expected 8 to 10000 for the first rung; 32 is usual")
        if not 1 <= self.rungs <= 4 or not 0 <= self.near <= 20:
            raise ConfigError(f"got {self.rungs} rungs and {self.near} near keys, expected 1 to 4 and 0 to 20")

    def sizes(self, images: ImageSet) -> tuple[int, ...]:
        """How many of ``images`` each rung scores on; a later rung takes all where they do not double any more."""
        doubled = (self.images * 2**rung for rung in range(self.rungs))
        return tuple(size if not rung else min(size, len(images)) for rung, size in enumerate(doubled))


def search_keys(
    images: ImageSet,
    out: Path,
    config: KeySearchConfig,
    *,
    pilot: PilotConfig,
    make_key: Callable[[Trial], Key] | None = None,
    given: Sequence[Candidate] = (),
    model: PixelModel | None = None,
    make_editor: Callable[[Key], Editor] | None = None,
    device: str = "cpu",
    randomness: Randomness = system_randomness,
    say: Callable[[str], None] = lambda line: None,
) -> KeySearch:
    """Search for the key with the highest UP - hardened LP in pilots, and write report, contact sheet and curve to
    ``out``.

    Call it again after an interruption: keys, edits and pilots that are in ``out`` are kept; a larger budget goes on
    from them. Everything there is as secret as a key: the folder has mode 0700, files 0600.

    Args:
        images: the owner's labelled images, one class each.
        out: a new folder, or one of an earlier call.
        config: what is searched and what it may cost.
        pilot: the short locks that decide; their number is the budget's.
        make_key: the key of a trial; by default `trial_key` with the preset.
        given: further candidates.
        model: the owner's model with the weights that it starts from; content is probed in its frozen features. None
            takes plain figures.
        make_editor: builds an editor from a key; by default the registry does.
        device: where editors run and pilots train.
        randomness: where keys come from; leave it, or they are no secrets.
        say: told the plan before anything is edited, then what is done; never a part of a key.

    Raises:
        SpellockError: an input does not fit, or the budget is too small; no message holds a part of a key.
    """
    make_editor = make_editor or (lambda key: load_editor(key, device=device))
    make_key = make_key or (lambda trial: trial_key(trial, preset=config.preset))
    if images.task != "classification":
        raise DataError(f"{images.name} has labels for {images.task}, expected one class an image")
    usual, sizes = usual_settings(config.preset), config.sizes(images)
    places = [sample_places(images, size, seed=config.seed).tolist() for size in sizes]
    plan = make_plan(
        config.budget,
        listed=len(LISTED),
        images=sizes,
        fresh=[len(set(own).difference(*places[:rung])) for rung, own in enumerate(places)],
        near=config.near,
        pilot_edits=max(pilot_edits(images, one) for one in (pilot, confirming(pilot))),
    )
    for line in plan.lines():
        say(line)
    open_private(out)
    proposed = propose(
        images, places[0], out / "candidates.json", offline=config.offline, ask=SuggestConfig().ask, seed=config.seed,
        vision=None, given=given, draw=randomness(0),
    )  # fmt: skip

    def keyed(prompt: str) -> Key:
        candidate = Candidate(prompt=prompt, kind="given")
        return make_key(Trial(number=0, candidate=candidate, settings=usual, secret=bytes(32)))

    kept, notes = readable(proposed.candidates, keyed)
    if not kept:
        raise ConfigError("there is no candidate prompt left to search; allow more kinds of candidates or shorter ones")
    trials = find_trials(
        out / "trials.json", kept, config.space or space_around(config.preset), usual, count=plan.rungs[0].searched,
        fresh_secret=config.fresh_secret, randomness=randomness,
    )  # fmt: skip
    search = Search(
        images=images,
        sizes=sizes,
        plan=plan,
        seed=config.seed,
        keys={one.number: make_key(one) for one in trials},
        make_key=make_key,
        cache=EditCache(folder=out / "edits", make_key=keyed, load=make_editor),
        make_editor=make_editor,
        model=model,
        say=say,
    )
    tried = search.pilots(search.rungs(trials), out / "pilot", pilot, device)
    found = KeySearch(
        tried=tuple(tried),
        plan=plan,
        chance=1 / len(images.classes),
        notes=(*proposed.notes, *notes),
        secret_kept=not config.fresh_secret,
    )
    write_search(found, out, search.sample(0), search.edits)
    return found


def trial_key(
    trial: Trial, *, preset: str = "embedded", weights: str | None = None, resolution: int | None = None
) -> Key:
    """The diffusion editor's key of a trial.

    Raises:
        ConfigError, EditorError: see `spellock.editors.presets.new_key`.
    """
    numbers = trial.settings
    return new_key(
        preset,
        prompt=trial.candidate.prompt,
        secret=bytes(trial.secret),
        weights=weights,
        resolution=resolution,
        gamma=numbers["gamma"],
        guidance_scale=numbers["guidance_scale"],
        image_guidance_scale=numbers["image_guidance_scale"],
        steps=int(numbers["steps"]),
        weave=numbers["weave"],
    )
