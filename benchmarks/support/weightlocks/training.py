"""One short training loop for every way to adapt a model, and how often a model is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from spellock.weightlocks.confine import confine
from spellock.weightlocks.weight_key import WeightKey
from support.weightlocks.data import Part, network_input
from support.weightlocks.settings import Budget


def train(
    model: nn.Module, part: Part, *, rate: float, epochs: int, budget: Budget, seed: int, key: WeightKey | None = None,
    only: Iterable[str] | None = None, among: Tensor | None = None, rounded_from: float = 0.0,
) -> WeightKey | None:  # fmt: skip
    """Train ``model`` in place, where it is.

    Args:
        key: confine the training to it; the key of the trained model is returned.
        only: names of the parameters to train, the rest stands still, statistics too.
        among: the classes that there are so far, without which all outputs are.
        rounded_from: after which share of the steps a key of 4 bits learns on what it can hold.
    """
    device = next(model.parameters()).device
    learns = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    if only is not None:
        wanted = set(only)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in wanted)
    optimizer = _optimizer(model, rate, budget)
    steps = epochs * -(-len(part) // budget.batch_size)
    confinement = None if key is None else confine(optimizer, key, model, exact_steps=int(steps * rounded_from))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps) if budget.cosine else None
    generator = torch.Generator().manual_seed(seed)
    model.train()
    if only is not None:
        model.eval()
    for _ in range(epochs):
        for chosen in torch.randperm(len(part), generator=generator).split(budget.batch_size):
            logits = _among(model(network_input(part.inputs[chosen].to(device))), among)
            loss = nn.functional.cross_entropy(logits, part.labels[chosen].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
    model.eval()
    new = None
    if confinement is not None:
        new = confinement.new_key()
        confinement.close()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(learns[name])
    return new


def best_of(
    rates: Iterable[float], make: Callable[[], nn.Module], fit: Callable[[nn.Module, float], WeightKey | None],
    validation: Part,
) -> tuple[nn.Module, WeightKey | None, float, float]:  # fmt: skip
    """Train a fresh model with each learning rate: the best on validation data, its key, its rate, its accuracy."""
    best: tuple[nn.Module, WeightKey | None, float, float] | None = None
    for rate in rates:
        model = make()
        key = fit(model, rate)
        right = accuracy(model, validation)
        if best is None or right > best[3]:
            best = model, key, rate, right
    assert best is not None
    return best


def accuracy(model: nn.Module, part: Part, *, among: Tensor | None = None, batch_size: int = 256) -> float:
    """Percent of examples that are classified right; logits that are no numbers are wrong.

    Args:
        among: the classes that are answers; all without it.
    """
    device, right = next(model.parameters()).device, 0
    model.eval()
    with torch.inference_mode():
        for inputs, labels in zip(part.inputs.split(batch_size), part.labels.split(batch_size), strict=True):
            logits = _among(model(network_input(inputs.to(device))).float(), among).cpu()
            right += int(((logits.argmax(1) == labels) & ~logits.isnan().any(1)).sum())
    return 100 * right / len(part)


def _among(logits: Tensor, classes: Tensor | None) -> Tensor:
    """(N, C) with the lowest of numbers for all classes but some."""
    if classes is None:
        return logits
    others = torch.ones(logits.shape[1], dtype=torch.bool, device=logits.device)
    others[classes.to(logits.device)] = False
    return logits.masked_fill(others, torch.finfo(logits.dtype).min)


def _optimizer(model: nn.Module, rate: float, budget: Budget) -> torch.optim.Optimizer:
    parameters = list(model.parameters())
    if budget.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=0.9, weight_decay=budget.weight_decay)
    return torch.optim.AdamW(parameters, lr=rate, weight_decay=budget.weight_decay)
