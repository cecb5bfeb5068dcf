"""One epoch: draw, augment, mix, step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.errors import ConfigError, TrainingError
from spellock.pixels import from_uint8
from spellock.progress import track
from spellock.training.alone import Passes, choose_alone, forward_apart, has_batch_statistics
from spellock.training.augment import Augmentation
from spellock.training.batch_loss import BatchLoss, SetLoss
from spellock.training.combination import Combiner, StepLoss
from spellock.training.config import FinetuneConfig
from spellock.training.draws import Draws
from spellock.training.guide import Guide
from spellock.training.mixup import Mixer
from spellock.training.optimiser import set_learning_rate
from spellock.training.preparation import Task
from spellock.training.regulator import Regulator
from spellock.training.sampler import Indices, Sampler
from spellock.training.schedule import learning_rate_at
from spellock.training.seeds import derive_seed, own_randomness, torch_generator
from spellock.training.set_batches import SetLearner, set_loss
from spellock.training.sources import Source


@dataclass(frozen=True, kw_only=True)
class EpochTrainer:
    """All that a step needs. ``model`` and ``optimiser`` have gone through ``accelerator.prepare``.

    Without a ``guide`` the task's loss is minimised, and no raw version is read. Without a ``regulator`` nothing
    listens to the model's stages.
    """

    config: FinetuneConfig
    accelerator: Accelerator
    device: torch.device
    bf16: bool
    model: nn.Module
    optimiser: AcceleratedOptimizer
    source: Source
    targets: Tensor
    authorised: NDArray[np.bool_] | None
    alone: NDArray[np.bool_] | None
    sampler: Sampler
    task: Task
    augment: Augmentation | None
    mixer: Mixer | None
    combiner: Combiner
    splits: bool = False
    guide: Guide | None = None
    regulator: Regulator | None = None

    @cached_property
    def _coupled(self) -> bool:
        return has_batch_statistics(self.model)

    def train(self, epoch: int) -> dict[str, float]:
        """Train for epoch ``epoch`` (from 0); gives its row of the log.

        Raises:
            TrainingError: the loss or a weight is no finite number.
            ConfigError: there are fewer images in a batch than processes.
        """
        self.model.train()
        rank = self.accelerator.process_index
        with own_randomness(derive_seed(self.config.seed, "dropout", epoch, rank)):
            return self._train(epoch, rank)

    def _train(self, epoch: int, rank: int) -> dict[str, float]:
        config, started = self.config, time.perf_counter()
        world = self.accelerator.num_processes
        plan = [batch[rank::world] for batch in self.sampler.epoch(epoch)]
        if not all(len(part) for part in plan):
            raise ConfigError(f"batches are too small to share among {world} processes; raise batch_size")
        draws = Draws.of(config.seed, epoch, rank)
        batches = self.source.batches(plan, torch_generator(config.seed, "workers", epoch, rank))
        raw: Iterator[Tensor | None] = repeat(None, len(plan))
        if self.guide is not None:
            raw = self.guide.batches(plan, torch_generator(config.seed, "raw workers", epoch, rank))
        steps = zip(plan, batches, raw, strict=True)
        if self.accelerator.is_main_process:
            steps = track(steps, total=len(plan), label=f"epoch {epoch + 1}/{config.epochs}")  # type: ignore[assignment]
        running, seen, rate = torch.zeros((), device=self.device), 0, 0.0
        for step, (indices, batch, twins) in enumerate(steps):
            rate = self._set_rate(epoch * len(plan) + step)
            loss = self._step(self._loss(indices, batch, twins, draws, epoch * len(plan) + step))
            running += loss.float() * len(indices)
            seen += len(indices)
            # Looking at the loss makes a GPU wait, so there it is done only now and then.
            if (self.device.type == "cpu" or step % 16 == 0) and not bool(running.isfinite()):
                raise self._diverged(epoch, step, rate, f"the loss is {float(loss)}")
        if not bool(running.isfinite()) or not all(bool(p.isfinite().all()) for p in self.model.parameters()):
            raise self._diverged(epoch, len(plan) - 1, rate, "a loss or a weight is not finite")
        sums = self.accelerator.reduce(torch.stack([running, torch.tensor(float(seen), device=self.device)]), "sum")
        seconds = time.perf_counter() - started
        return {
            "epoch": epoch + 1,
            "loss": float(sums[0] / sums[1]),
            "learning_rate": rate,
            "images_per_second": float(sums[1]) / seconds,
            "seconds": seconds,
        } | self.combiner.row()

    def _set_rate(self, step: int) -> float:
        config, per_epoch = self.config, self.sampler.steps
        warmup = round(config.warmup_epochs * per_epoch)
        rate = learning_rate_at(step, total=per_epoch * config.epochs, warmup=warmup, peak=config.learning_rate)
        set_learning_rate(self.optimiser, rate)
        return rate

    def _loss(self, indices: Indices, batch: Tensor, raw: Tensor | None, draws: Draws, step: int) -> StepLoss:
        batch = batch.to(self.device, non_blocking=True)
        if isinstance(self.task, SetLearner):
            with self._autocast():
                value = set_loss(self.task, self.model, from_uint8(batch), indices, self.config, draws.augment)
            return SetLoss(value)
        answers = None
        if self.guide is not None and raw is not None:
            rows = self.guide.rows(indices)
            twins, _ = self._shown(self.guide.swapped(batch, raw, rows), indices, draws.again())
            with self._autocast():
                answers = self.guide.answers(twins, rows)
        pixels, targets = self._shown(batch, indices, draws)
        logits, term = self._forward(pixels, indices, step)
        return BatchLoss(
            task=self.task,
            logits=logits,
            targets=targets,
            indices=indices,
            authorised=None if self.authorised is None else self.authorised[indices],
            guide=self.guide,
            answers=answers,
            term=term,
        )

    def _forward(self, pixels: Tensor, indices: Indices, step: int) -> tuple[Passes, Tensor | None]:
        """Logits, and the regularisers' term."""
        alone, bare = self._alone(indices), self.accelerator.unwrap_model(self.model)
        if self.regulator is None:
            with self._autocast():
                return forward_apart(self.model, pixels, alone, bare), None
        with self._autocast(), self.regulator.listening() as heard:
            logits = forward_apart(self.model, pixels, alone, bare)
            start = self.regulator.start_features(pixels, indices, alone)
        return logits, self.regulator.loss(logits, heard, start, indices, step)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def _shown(self, batch: Tensor, indices: Indices, draws: Draws) -> tuple[Tensor, Tensor]:
        """A uint8 batch as the model sees it, float (B, 3, H, W), and its targets: augmented and mixed."""
        pixels = from_uint8(batch if self.augment is None else self.augment(batch, draws.augment))
        targets = self.targets[torch.from_numpy(indices).to(self.device)]
        if self.mixer is not None:
            kind = None if self.authorised is None else self.authorised[indices]
            pixels, targets = self.mixer(pixels, targets, kind, draws.mix)
        return pixels, targets

    def _alone(self, indices: Indices) -> NDArray[np.bool_]:
        """bool (B,): which images of the batch pass through the model by themselves."""
        if self.splits and self.authorised is not None and not self._coupled:
            # Images do not influence each other, and parts that pass apart have backward passes of their own.
            kinds = self.authorised[indices]
            return np.zeros_like(kinds) if kinds.all() or not kinds.any() else ~kinds
        if self.authorised is None or self.alone is None or not self.config.alone_share:
            return np.zeros(len(indices), dtype=np.bool_)
        return choose_alone(~self.authorised[indices], self.alone[indices], self.config.alone_share)

    def _step(self, loss: StepLoss) -> Tensor:
        """One step of the optimiser; gives the loss's value."""
        self.optimiser.zero_grad()
        value = self.combiner.backward(loss, self.accelerator)
        if self.config.grad_clip is not None:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        self.optimiser.step()
        return value

    def _diverged(self, epoch: int, step: int, rate: float, what: str) -> TrainingError:
        return TrainingError(
            f"training diverged in epoch {epoch + 1}, step {step + 1}: {what}; lower the learning rate (now "
            f"{rate:.3g}) or set grad_clip; checkpoints of earlier epochs are kept"
        )
