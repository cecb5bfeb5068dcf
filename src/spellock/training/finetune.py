"""Fine-tune a model: one short loop for every task, on one device or, with ``accelerate launch``, on several."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.utils.data import Dataset

from spellock.artefacts import storage_errors, write_json
from spellock.tasks.pixel_model import PixelModel
from spellock.training.augment import make_augment
from spellock.training.best_epoch import Validate, judge
from spellock.training.combination import Combination, Sum
from spellock.training.config import FinetuneConfig
from spellock.training.epoch import EpochTrainer
from spellock.training.finetune_result import FinetuneResult
from spellock.training.guidance import Guidance
from spellock.training.guide import Guide
from spellock.training.log import TrainingLog
from spellock.training.optimiser import make_optimiser
from spellock.training.preparation import (
    Task,
    check_composition,
    check_labels,
    check_raw,
    make_mixer,
    run_identity,
    use_bf16,
    with_smoothing,
)
from spellock.training.regularisation import Regularisation
from spellock.training.regulator import Regulator
from spellock.training.run_state import Checkpoints, RunState
from spellock.training.sampler import make_sampler
from spellock.training.set_batches import bind
from spellock.training.sources import open_source

__all__ = ["FinetuneResult", "Validate", "finetune"]

_log = logging.getLogger(__name__)


def finetune(
    model: PixelModel,
    images: NDArray[np.uint8] | Tensor | Dataset[object],
    labels: ArrayLike | Tensor,
    task: Task,
    config: FinetuneConfig,
    out: Path,
    *,
    authorised: ArrayLike | None = None,
    raw: ArrayLike | None = None,
    guidance: Guidance | None = None,
    regularisation: Regularisation | None = None,
    combination: Combination = Sum(),  # noqa: B008  # immutable
    confine: Callable[[torch.optim.Optimizer], AbstractContextManager[object]] = nullcontext,
    validate: Validate | None = None,
    select: str = "score",
    device: str | torch.device | None = None,
) -> FinetuneResult:
    """Train ``model`` in place and leave it with the best epoch's weights, in evaluation mode, on the device.

    Run again with the same arguments after an interruption and it goes on from the last checkpoint in
    ``out/checkpoint``; on one device the final weights are the bytes of an uninterrupted run. ``out`` also gets
    ``config.json``, ``log.csv``, ``log.jsonl`` and ``result.json``.

    Args:
        model: with its start weights; a run goes on with a model that is made anew with the same ones only.
        images: uint8 (N, 3, H, W) or (N, H, W, 3), an array in memory or memory-mapped, or a map-style data set of
            uint8 images for sets that do not fit. A run goes on with the same images only: of an array that is
            noticed, a data set says what its images are by a method ``identity()``, where it has one.
        labels: one per image: int64 (N,), or float (N, K); or what a `SetLearner` takes, such as annotations.
        task: anything with ``loss(logits, targets)``, for example `Classification`.
        authorised: bool (N,), which images the model shall work on; needed for balanced drawing.
        raw: bool (N,), which images are as a thief has them; needed for ``alone_share``.
        guidance: an objective in the place of the task's loss, its teacher and the images' raw versions; needs
            ``authorised``. None costs nothing.
        regularisation: terms beside the loss that look at the features of unauthorised images; needs ``authorised``.
            None costs nothing.
        combination: how the gradients of authorised images and of the rest become one step.
        confine: gives a context that training happens in, for example one that confines every step of the optimiser to
            a weight key.
        validate: called with the model in evaluation mode after an epoch; gives named scores.
        select: the score that chooses the best epoch: the highest wins, the earlier one of equals. It must come from
            validation images; never from test images. Without ``validate`` the last epoch is taken.
        device: where to train; accelerate's choice by default.

    Raises:
        ConfigError: settings contradict each other or the checkpoint in ``out``.
        DataError: images, labels and raw versions do not fit together or to the task.
        TrainingError: the loss or a weight is no finite number; the last good checkpoint stays.
        StorageError: ``out`` cannot be written.
    """
    started, out = time.perf_counter(), Path(out)
    task = with_smoothing(task, config)
    source = open_source(images, workers=config.workers)
    task, labels = bind(task, labels, len(source), model, config)
    targets, marks = check_labels(labels, authorised, len(source), task)
    sampler = make_sampler(
        len(source), marks, batch_size=config.batch_size, share=config.unauthorised_share, seed=config.seed
    )
    mixer = make_mixer(config, task)
    accelerator = Accelerator()
    place = torch.device(device) if device is not None else accelerator.device
    bf16, main = use_bf16(config, place), accelerator.is_main_process
    model.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = make_optimiser(
        model.network,
        name=config.optimizer,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        layer_decay=config.layer_decay,
    )
    if guidance is not None:
        guidance.objective.check(task)
    guide = None if guidance is None else Guide(guidance, config, authorised=marks, model=model, device=place)
    guided = {} if guidance is None else guidance.identity()
    check_composition(combination, regularisation is not None, task, accelerator.num_processes)
    if combination != Sum():
        guided["combination"] = repr(combination)
    regulator = None
    if regularisation is not None:
        total = sampler.steps * config.epochs
        regulator = Regulator(regularisation, config, authorised=marks, model=model, steps=total)
        guided |= regulator.identity()
    combiner = combination.open(model.network)
    checkpoints = Checkpoints(out / "checkpoint")
    run = run_identity(config, targets, marks, task, source, model.network) | guided
    state = checkpoints.load(run, model.network, optimiser) or RunState(run=run)
    resumed_from = state.epoch
    if resumed_from:
        _log.info("going on after epoch %d of %d in %s", resumed_from, config.epochs, out)
        combiner.resume(state.history[-1])
    with storage_errors(out):
        checkpoints.folder.mkdir(parents=True, exist_ok=True)
    if main:
        resolved = {"device": str(place), "bf16": bf16, "images": len(source), "select": select}
        write_json(out / "config.json", asdict(config) | guided | resolved | {"torch": str(torch.__version__)})
    log = TrainingLog(out, tensorboard=config.tensorboard and main)
    context = ExitStack()
    context.enter_context(confine(optimiser))
    prepared, wrapped = accelerator.prepare(model, optimiser, device_placement=[False, False])
    trainer = EpochTrainer(
        config=config,
        accelerator=accelerator,
        device=place,
        bf16=bf16,
        model=prepared,
        optimiser=wrapped,
        source=source,
        targets=targets.to(place),
        authorised=marks,
        alone=check_raw(raw, marks, model, config),
        sampler=sampler,
        task=task,
        augment=make_augment(config.augment),
        mixer=mixer,
        combiner=combiner,
        splits=combination.splits,
        guide=guide,
        regulator=regulator,
    )
    try:
        for epoch in range(resumed_from, config.epochs):
            row, last = trainer.train(epoch), epoch + 1 == config.epochs
            if main:
                if validate is not None and (last or (epoch + 1) % config.validate_every == 0):
                    row |= judge(model, validate, select, state, epoch + 1, checkpoints)
                state.epoch = epoch + 1
                state.history.append(row)
                log.write(state.history)
                if last or (epoch + 1) % config.checkpoint_every == 0:
                    checkpoints.save(state, model.network, optimiser)
            accelerator.wait_for_everyone()
    finally:
        log.close()
        context.close()
        accelerator.unwrap_model(prepared, keep_fp32_wrapper=False)
    model.eval()
    # The other processes have not validated: which epoch is best they read from the main one's checkpoint.
    state = checkpoints.load(run, model.network, optimiser) or state
    if state.best_epoch:
        checkpoints.load_best(state.best_epoch, model.network)
    seconds = time.perf_counter() - started
    result = FinetuneResult.of(
        state, epochs=config.epochs, select=select, seconds=seconds, resumed_from=resumed_from, folder=out
    )
    if main:
        write_json(out / "result.json", result)
    return result
