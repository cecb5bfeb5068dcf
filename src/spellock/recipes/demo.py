"""The whole way on a small data set: key, baseline, lock, evaluation and report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from spellock.artefacts import storage_errors, write_json
from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.editors.vocabulary import DEFAULT_STYLE_PROMPT
from spellock.errors import ConfigError
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.report import Report
from spellock.evaluation.write_report import write_report
from spellock.key import Key
from spellock.keyfile import load_key, save_key
from spellock.locking.config import LockConfig
from spellock.recipes.digit_pairs import demo_images
from spellock.recipes.lock_model import lock_model
from spellock.recipes.model_choice import ModelChoice
from spellock.recipes.presets import PRESETS, get_preset
from spellock.tasks.checkpoint import load_model
from spellock.tasks.registry import make_task
from spellock.training.config import FinetuneConfig
from spellock.training.objective_config import ObjectiveConfig

_PRESET = PRESETS["hardened"]


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Settings of the demonstration: the preset ``hardened``, sized so that it takes a few minutes on two cores.

    Attributes:
        prompt: key prompt; the secret is drawn afresh each time.
        resolution: side of the edited images in pixels.
        test_share: share of every class kept for the evaluation where the data has no test split, in (0, 1).
        choice: the model that is fine-tuned.
        lock: how the set is locked.
        training: how both models are trained.
        objective: what the locked model learns besides, from the baseline.
        wrong_keys: how many wrong keys are tried.
        wrong_key_images: on how many test images each.
        seed: of split, training and evaluation.
    """

    prompt: str = field(default=DEFAULT_STYLE_PROMPT, repr=False)
    resolution: int = 32
    test_share: float = 0.25
    choice: ModelChoice = field(default_factory=lambda: ModelChoice(name="small_resnet8"))
    lock: LockConfig = field(
        # Small pictures in few steps: a larger share of the lock class keeps LP low whatever key is drawn.
        default_factory=lambda: replace(_PRESET.lock, validation=0.15, decoy_keys=80, lock_share=0.6)
    )
    training: FinetuneConfig = field(
        default_factory=lambda: replace(
            _PRESET.training, epochs=20, batch_size=64, learning_rate=2e-3, augment="crop", validate_every=5
        )
    )
    objective: ObjectiveConfig = _PRESET.objective
    wrong_keys: int = 20
    wrong_key_images: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.test_share < 1:
            raise ConfigError(f"got test_share {self.test_share}, expected a share between 0 and 1")


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demonstration found: the report, its page, and the seconds it all took."""

    report: Report
    page: Path
    seconds: float

    def to_dict(self) -> dict[str, float | str]:
        """All figures in percent, ``seconds`` of the whole demonstration, and ``report``, the page's path."""
        figures = {name: round(100 * figure.value, 2) for name, figure in self.report.figures.items()}
        return {**figures, "seconds": round(self.seconds, 1), "report": str(self.page)}


def run_demo(
    config: DemoConfig,
    out: Path,
    *,
    train: ImageSet | None = None,
    test: ImageSet | None = None,
    key: Key | None = None,
    make_editor: Callable[[Key], Editor] | None = None,
    device: str = "cpu",
    say: Callable[[str], None] = lambda stage: None,
) -> DemoResult:
    """Make everything in ``out``: ``demo.key``, ``locked`` (see `lock_model`) and ``report``.

    Interrupted work is resumed by the same call, with the key that lies in ``out``.

    Args:
        train: images to lock; by default scikit-learn's handwritten digits, or pairs of them for several labels.
        test: images to evaluate on; by default ``test_share`` of ``train``, which is then not trained on.
        key: by default a fresh one for the editor inside the package.
        make_editor: builds an editor from a key; by default the registry does.
        say: told what is done now.

    Raises:
        SpellockError: an input does not fit.
    """
    started = time.perf_counter()
    key = _key(config, out / "demo.key", key)
    make_editor = make_editor or (lambda key: load_editor(key, device=device))
    train = train or demo_images(make_task(config.lock.task), config.resolution, config.seed)
    if test is None:
        train, test = take_test(train, config.test_share, seed=config.seed)
    say(f"locking {len(train)} images and training the baseline and the locked model")
    editor = make_editor(key)
    locked = lock_model(
        train,
        key,
        out / "locked",
        choice=config.choice,
        lock=config.lock,
        training=config.training,
        objective=config.objective,
        baseline=True,
        device=device,
        editor=editor,
    )
    say(f"evaluating on {len(test)} other images, with {config.wrong_keys} wrong keys")
    model, baseline = (load_model(out / "locked" / name) for name in ("model", "baseline"))
    report = evaluate(
        model.model.to(device),
        model.classes,
        key,
        test,
        lock_class=model.lock_class,
        baseline=baseline.model.to(device),
        baseline_classes=baseline.classes,
        wrong_keys=config.wrong_keys,
        wrong_key_images=config.wrong_key_images,
        seed=config.seed,
        device=device,
        make_editor=lambda wanted: editor if wanted == key else make_editor(wanted),
    )
    page = write_report(report, out / "report", title="spellock demo")
    result = DemoResult(report=report, page=page, seconds=time.perf_counter() - started)
    write_json(out / "report" / "demo.json", {"validation": dict(locked.validation), **result.to_dict()})
    return result


def _key(config: DemoConfig, path: Path, given: Key | None) -> Key:
    """The given key, the one that interrupted work was begun with, or a fresh one; written before it is used.

    Raises:
        ConfigError: the one that work was begun with is another than the given one, or of another resolution.
    """
    if path.exists():
        begun = load_key(path)
        if given is not None and given != begun:
            raise ConfigError(f"{path.parent} was begun with another key; give that one, or choose another folder")
        if given is None and begun.resolution != config.resolution:
            raise ConfigError(
                f"{path.parent} was begun with images of {begun.resolution} pixels, got a resolution of "
                f"{config.resolution}; repeat the first one, or choose another folder"
            )
        return begun
    key = given or new_key("embedded", prompt=config.prompt, resolution=config.resolution)
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    save_key(key, path, passphrase=None, plain=True)
    return key


def demo_config(task: str = "classification", *, seed: int = 0) -> DemoConfig:
    """The demonstration of a task, with its own lock target.

    Raises:
        ConfigError: there is no such task.
    """
    preset = get_preset("hardened", task=task)
    config, target = DemoConfig(seed=seed, objective=preset.objective), preset.lock.target
    # The share of the lock class is an option of one target.
    share = config.lock.lock_share if target == config.lock.target else None
    return replace(config, lock=replace(config.lock, task=task, target=target, lock_share=share))


def take_test(images: ImageSet, share: float, *, seed: int, leave: int = 1) -> tuple[ImageSet, ImageSet]:
    """Split ``images`` into a training and a test set, ``share`` of every class to the latter, by chance, at least one
    image and all but ``leave`` at the most; a patient's images are in one of them."""
    ranks = np.random.default_rng([seed, 0x74657374]).permutation(len(images)).astype(np.uint64)
    taken = make_task(images.task).hold_out(images, share, ranks, minimum=1, leave=leave)
    return images.subset(np.flatnonzero(~taken)), images.subset(np.flatnonzero(taken))
