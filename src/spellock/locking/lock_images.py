"""Algorithm 1 of the ModelLock paper: make a locked set of a raw one."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

import spellock
from spellock.data.image_set import ImageSet, Labels
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.locking.assemble import Assembly
from spellock.locking.config import LockConfig
from spellock.locking.contact_sheet import contact_sheet
from spellock.locking.decoys import MakeDecoyKeys, draw_decoy_keys
from spellock.locking.edit_stream import EditStream, ImageEditor, Pixels, StreamStats
from spellock.locking.editors import Editors
from spellock.locking.locked_set import LockedSet
from spellock.locking.manifest import AUTHORISED
from spellock.locking.names import Namer, fingerprint, keyed_draws
from spellock.locking.plan import Plan, make_plan
from spellock.locking.shards import ShardWriter, StoredFile, stored
from spellock.locking.targets import Samples
from spellock.locking.tier_target import with_groups
from spellock.locking.tiers import Tier, check_tiers
from spellock.locking.workspace import Workspace
from spellock.progress import track
from spellock.tasks.task import Task, make_task

_SHEET_IMAGES: Final = 8
_AT_ONCE: Final = 32
_SHARD_PIXELS: Final = 4_000_000

_log = logging.getLogger(__name__)


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
        memory,
            never a byte.
        workers: threads that decode and encode.
        shard: images between two saves, the most that an interruption costs; None takes 16 to 256 by their size.
        report: called with the times of this run's editing.

    Raises:
        DataError: the set cannot be locked as asked, or an image cannot be decoded and ``on_error`` is "fail".
        ConfigError: ``out`` was begun with another key, configuration or set; an option of the lock target does not fit
            the classes; a tier does not fit (see `check_tiers`); or a wrong key or tier edits like the key.
        StorageError: the disk is full, nothing may be written there, or another process writes there. What was finished
            stays; the same call goes on from it.
        EditorError: the key's editor cannot be loaded.
    """
    config = config or LockConfig()
    task = task_of(images, config, tiers)
    task.check_trainable(images)
    images = task.squashed(images, key.resolution, key.resize)
    check_tiers(tiers, images.classes, key)
    target = with_groups(config.lock_target(), tiers, images.classes)
    # The classes are settled, and options that do not fit them refused, before anything is edited.
    secret = key.derive(f"locking task {config.seed}")
    nobody = Samples.none(images.classes, labels=task.unpack([], len(images.classes)))
    outline = target(dataclasses.replace(nobody, secret=secret))
    classes = (*images.classes, *outline.extra_classes)
    task.check_names(classes, config.layout)
    for name, value in (("batch_size", batch_size), ("workers", workers), ("shard", shard)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} is {value}, expected 1 or more; leave it out for the default")
    if editor is not None and editor.key != key:
        raise ConfigError("the editor given was loaded with another key; load it with this one")
    space, mark = Workspace(Path(out)), fingerprint(images, key, config, tiers)
    space.check(mark)
    if space.finished:
        space.clear()
        return LockedSet.open(space.out)
    with space.claimed():
        load = load or _loader(device, batch_size)
        main = editor or load(key)
        task.check_edit(moves_pixels=getattr(main, "moves_pixels", False))
        plan = make_plan(images, key, config, batch=main.canonical_batch, tiers=tiers)
        settings = {
            "format": 1,
            "spellock": spellock.__version__,
            "fingerprint": mark,
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
        make = make_decoy_keys or (
            lambda key, count: draw_decoy_keys(key, count, prompts=config.decoy_prompts, seed=config.seed)
        )
        editors = Editors(main, make(key, plan.decoy_keys), load, images, tiers)
        space.begin(settings)
        shard = shard or int(np.clip(_SHARD_PIXELS // key.resolution**2, 16, 256))
        stream = EditStream(
            images=images,
            plan=plan,
            editor=editors,
            skip=config.on_error == "skip",
            workers=workers,
            batch_size=batch_size or _at_once(main.canonical_batch, shard),
        )
        _edit(stream, space.work, shard)
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
        assembly.write(space, files, problems, _sheet(images, plan, main, files, tiers, task))
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


def _at_once(canonical: int, shard: int) -> int:
    """Images given to the editor at once: a few of its canonical batches, no more than a shard."""
    return max(1, min(_AT_ONCE, shard) // canonical) * canonical


def _loader(device: str, batch_size: int | None) -> Callable[[Key], ImageEditor]:
    from spellock.editors.registry import load_editor  # diffusion libraries take seconds to import

    return lambda key: load_editor(key, device=device, batch_size=batch_size)


def _edit(stream: EditStream, work: Path, shard: int) -> None:
    writer = ShardWriter(work, size=shard, jobs=len(stream.plan))
    failed = True
    try:
        jobs = list(writer.missing())
        with closing(stream.run(jobs)) as products:
            for product in track(products, total=len(jobs), label="locking"):
                if product.problem is not None:
                    _log.warning("skipped: %s", product.problem)
                writer.add(product)
        failed = False
    finally:
        writer.close(failed=failed)
    stats = stream.stats
    if stats.edited:
        rate = stats.edited / max(stats.seconds, 1e-9)
        _log.info("edited %d images, %.1f/s, editor busy %.0f %%", stats.edited, rate, 100 * stats.busy)


def _sheet(
    images: ImageSet,
    plan: Plan,
    editor: ImageEditor,
    files: Sequence[StoredFile],
    tiers: Sequence[Tier],
    task: Task,
) -> bytes:
    """Eight edited images, of as many classes as there are, above them their raw versions, below some decoys and some
    images of each tier."""
    strata = task.strata(images.labels)
    edited = _spread([file for file in files if file.use == "edited"], strata, plan)
    decoys = _spread([file for file in files if file.use == "decoy"], strata, plan)
    before: list[tuple[Pixels, str]] = []
    for file in edited:
        source = int(plan.sources[file.job])
        before.append((editor.prepare(images.open(source)), task.in_words(images.labels[source], images.classes)))
    after = [(file.pixels(), f"gamma {editor.key.gamma:g}") for file in edited]
    rows = [("raw", before), ("edited", after)]
    if decoys:
        rows.append(("decoys", [(file.pixels(), f"wrong key {plan.editors[file.job]}") for file in decoys]))
    for place, tier in enumerate(tiers):
        own = _spread([file for file in files if file.use == "tier" and plan.tier(file.job) == place], strata, plan)
        truths = [images.classes[images.labels[plan.sources[file.job]]] for file in own]
        rows.append(
            (f"tier {place + 1}", [(f.pixels(), tier.groups[name]) for f, name in zip(own, truths, strict=True)])
        )
    return contact_sheet(rows)


def _spread(files: Sequence[StoredFile], strata: Labels, plan: Plan) -> list[StoredFile]:
    seen: dict[tuple[int, int], int] = {}
    ranked = []
    for file in files:
        group = (
            int(plan.editors[file.job]),
            int(strata[plan.sources[file.job]]) if file.use in AUTHORISED else 0,
        )
        seen[group] = seen.get(group, 0) + 1
        if seen[group] <= _SHEET_IMAGES:
            ranked.append((seen[group], *group, file.job, file))
    return [file for *_, file in sorted(ranked, key=lambda item: item[:4])[:_SHEET_IMAGES]]
