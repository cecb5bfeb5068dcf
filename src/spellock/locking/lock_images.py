"""Algorithm 1 of the ModelLock paper: make a locked set of a raw one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

import spellock
from spellock.data.image_set import ImageSet
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.locking.assemble import Assembly
from spellock.locking.config import LockConfig
from spellock.locking.decoys import MakeDecoyKeys, draw_decoy_keys
from spellock.locking.edit_stream import EditStream, StreamStats
from spellock.locking.edit_to_disk import edit_to_disk, images_at_once
from spellock.locking.editors import Editors
from spellock.locking.image_editor import ImageEditor
from spellock.locking.leaks import WrongEdit, leaks
from spellock.locking.locked_set import LockedSet
from spellock.locking.names import Namer, fingerprint, keyed_draws
from spellock.locking.plan import make_plan
from spellock.locking.preview import preview
from spellock.locking.references import References
from spellock.locking.sampled import sample_of
from spellock.locking.shards import stored
from spellock.locking.targets import Samples
from spellock.locking.tier_target import with_groups
from spellock.locking.tiers import Tier, check_tiers
from spellock.locking.workspace import Workspace
from spellock.tasks.registry import make_task
from spellock.tasks.task import Task

_SHARD_PIXELS: Final = 4_000_000


def lock_images(
    images: ImageSet,
    key: Key,
    out: Path,
    config: LockConfig | None = None,
    *,
    tiers: Sequence[Tier] = (),
    device: str = "cpu",
    editor: ImageEditor | None = None,
    load: Callable[[Key], ImageEditor] | None = None,
    make_decoy_keys: MakeDecoyKeys | None = None,
    batch_size: int | None = None,
    workers: int = 2,
    shard: int | None = None,
    report: Callable[[StreamStats], None] | None = None,
) -> LockedSet:
    """Edit, relabel and write; the same call goes on where an earlier one was interrupted, and ends with the same
    bytes.

    Writes ``out/locked_set`` (to be released) and ``out/owner`` (never to be): manifest.jsonl, validation/{raw,edited},
    contact_sheet.png, config.json and, if images were skipped, skipped.json. While work goes on, about the size of the
    locked set is needed a second time, in ``out/.work``.

    Args:
        images: the raw set.
        key: the key; its gamma, resolution and editor hold.
        out: a new or empty folder, or one that an interrupted call with the same arguments left.
        config: see `LockConfig`.
        tiers: further keys that release groups of classes only.
        device: where editors run, unless they are given.
        editor: an editor already loaded with this key.
        load: brings the editor of a key; by default `spellock.editors.registry.load_editor` on ``device``.
        make_decoy_keys: makes wrong keys for decoys; by default `draw_decoy_keys`.
        batch_size: images to edit at once, when the default is too few or too many for the device; changes speed and
            memory, never a byte.
        workers: threads that decode and encode.
        shard: images between two saves, the most that an interruption costs; None takes 16 to 256 by their size.
        report: called with the times of this run's editing.

    Raises:
        DataError: the set cannot be locked as asked, or an image cannot be decoded and ``on_error`` is "fail".
        ConfigError: ``out`` was begun with another key, configuration or set, or with other images of the same names
            (up to 32 are compared); an option of the lock target does not fit
            the classes; a tier does not fit (see `check_tiers`); or a wrong key or tier edits like the key.
        StorageError: the disk is full, nothing may be written there, or another process writes there. What was finished
            stays; the same call goes on from it.
        EditorError: the key's editor cannot be loaded.
    """
    config = config or LockConfig()
    task = task_of(images, config, tiers)
    task.check_trainable(images)
    if len(set(images.ids)) < len(images):
        raise DataError(f"{images.name}: two images have the same id; give each its own")
    images = task.squashed(images, key.resolution, key.resize)
    check_tiers(tiers, images.classes, key)
    target = with_groups(config.lock_target(), tiers, images.classes)
    # The classes are settled, and options that do not fit them refused, before anything is edited.
    secret = key.derive(f"locking task {config.seed}")
    nobody = Samples.none(images.classes, labels=task.unpack([], len(images.classes)))
    shares = tuple(images.labels.mean(axis=0).tolist()) if images.labels.ndim == 2 else None
    outline = target(dataclasses.replace(nobody, secret=secret, shares=shares))
    classes = (*images.classes, *outline.extra_classes)
    task.check_names(classes, config.layout)
    for name, value in (("batch_size", batch_size), ("workers", workers), ("shard", shard)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} is {value}, expected 1 or more; leave it out for the default")
    if editor is not None and editor.key != key:
        raise ConfigError("the editor given was loaded with another key; load it with this one")
    space, mark = Workspace(Path(out)), fingerprint(images, key, config, tiers)
    space.check(mark)
    sample = sample_of(images, key)
    space.check_images(sample, images.name)
    if space.finished:
        space.clear()
        return LockedSet.open(space.out)
    with space.claimed():
        load = load or _loader(device, batch_size)
        main = editor or load(key)
        task.check_edit(moves_pixels=getattr(main, "moves_pixels", False))
        plan = make_plan(images, key, config, tiers=tiers)
        settings = {
            "format": 1,
            "spellock": spellock.__version__,
            "fingerprint": mark,
            "sample": sample,
            "config": dataclasses.asdict(config),
        }
        settings |= {
            "task": task.name,
            "classes": classes,
            "lock_class": outline.lock_class,
            "distribution": outline.distribution,
            "answers": outline.answers,
            "resolution": key.resolution,
            "decoy_keys_used": plan.decoy_keys,
        }
        if tiers:
            settings["tiers"] = [tier.record() for tier in tiers]
        references = References(main, images)
        leaked = max(1, round(config.decoy_leaks * plan.decoy_keys)) if config.decoy_leaks and plan.decoy_keys else 0
        make = make_decoy_keys or partial(draw_decoy_keys, prompts=config.decoy_prompts, seed=config.seed)
        wrong: list[WrongEdit] = [partial(load, one) for one in make(key, plan.decoy_keys - leaked)]
        wrong += leaks(key, leaked, load=load, references=references, seed=config.seed)
        editors = Editors(main, wrong, load, references, tiers)
        space.begin(settings)
        shard = shard or int(np.clip(_SHARD_PIXELS // key.resolution**2, 16, 256))
        stream = EditStream(
            images=images,
            plan=plan,
            editor=editors,
            skip=config.on_error == "skip",
            workers=workers,
            batch_size=batch_size or images_at_once(main.canonical_batch, shard),
        )
        # What was skipped is not in a locked set that is written already, whose manifest is still to come.
        edit_to_disk(stream, space.work, shard, again=not space.locked_set.exists())
        if report is not None:
            report(stream.stats)
        files, problems = stored(space.work, size=shard, jobs=len(plan))
        assembly = Assembly(
            images=images,
            plan=plan,
            namer=Namer(key),
            target=target,
            draw=partial(keyed_draws, key, f"locking target {config.seed}"),
            secret=secret,
            layout=config.layout,
            task=task,
            tiers=tiers,
        )
        assembly.write(space, files, problems, preview(images, plan, main, files, tiers, task))
    space.clear()
    return LockedSet.open(space.out)


def task_of(images: ImageSet, config: LockConfig, tiers: Sequence[Tier] = ()) -> Task:
    """The task that the images are locked for.

    Raises:
        ConfigError: the images have labels of another task, or the task has no tiers.
    """
    if images.task != config.task:
        raise ConfigError(
            f"{images.name} has labels for the task {images.task}, expected {config.task}; say which it is (--task)"
        )
    task = make_task(config.task)
    if tiers and not task.has_tiers:
        raise ConfigError(f"the task {task.name} has no tiers; leave them out")
    return task


def _loader(device: str, batch_size: int | None) -> Callable[[Key], ImageEditor]:
    from spellock.editors.registry import load_editor  # diffusion libraries take seconds to import

    return lambda key: load_editor(key, device=device, batch_size=batch_size)
