"""The owner's data: inputs as tensors, in parts for training, validation and test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from spellock.data.image_set import ImageSet
from spellock.data.open_images import open_images
from support import shared_data
from support.weightlocks.settings import CYCLES, FULL_SIDE, Pair
from support.weightlocks.texts import Vocabulary, read_texts

_MEAN, _STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@dataclass(frozen=True, kw_only=True)
class Part:
    """Examples: uint8 images (N, 3, H, W) or int64 tokens (N, L), and int64 labels (N,)."""

    inputs: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, chosen: Tensor) -> Part:
        return Part(inputs=self.inputs[chosen], labels=self.labels[chosen])


@dataclass(frozen=True, kw_only=True)
class Owned:
    """The owner's data. Nothing is chosen on ``test``.

    Attributes:
        classes: how many there are in the data.
        arrived: numbers of the classes that the owner knows of, where more will come; None where these are all.
    """

    train: Part
    validation: Part
    test: Part
    classes: int
    arrived: Tensor | None = None

    @property
    def chance(self) -> float:
        """Percent."""
        return 100 / self.classes

    @property
    def majority(self) -> float:
        """Share of the most frequent class among the test labels, in percent."""
        return 100 * float(self.test.labels.bincount().max()) / len(self.test)

    def labelled(self, percent: int, *, seed: int) -> Part:
        """The training examples that a thief has, the same in every theft of a seed."""
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(1000 + seed))
        return self.train.take(order[: max(1, len(self.train) * percent // 100)])


def network_input(inputs: Tensor) -> Tensor:
    """What a network takes: tokens as they are, pixels normalised."""
    if inputs.dtype is not torch.uint8:
        return inputs
    mean, std = (values.view(1, 3, 1, 1).to(inputs.device) for values in (_MEAN, _STD))
    return (inputs.float() / 255 - mean) / std


def load_owned(
    pair: Pair, data: Path, vocabulary: Vocabulary | None, *, seed: int, images: Path | None = None
) -> Owned:
    """The data of a pair, or of a folder of ``images``.

    ``seed`` draws the parts for training and validation; the test part is always the same.
    """
    if pair.text:
        assert vocabulary is not None
        texts, labels = read_texts(data, pair.data, "train")
        held = read_texts(data, pair.data, "test")
        whole = Part(inputs=vocabulary.tokens(texts), labels=labels)
        test = Part(inputs=vocabulary.tokens(held[0]), labels=held[1])
        groups = np.arange(len(whole))
    elif pair.data == "GTSRB":
        whole, test = (_part(shared_data.gtsrb(data, split)) for split in ("train", "test"))
        groups = np.load(data / "gtsrb" / "gtsrb.npz")["track_train"]
    else:
        assert images is not None
        whole, test = (_decoded(open_images(images, split=split)) for split in ("train", "test"))
        groups = np.arange(len(whole))
    classes = int(whole.labels.max()) + 1
    first, held_out = _split(whole, groups, pair, seed=seed)
    return Owned(train=whole.take(first), validation=whole.take(held_out), test=test, classes=classes)


def cycles_of(owned: Owned, *, by_class: bool, seed: int) -> Iterator[Owned]:
    """What the owner has after each of ten arrivals: of new classes, or where there are too few of them of new
    examples. The test part is of the classes that have arrived, and models are trained and asked among these alone: a
    class that nobody knows of yet is no wrong answer to learn."""
    generator = torch.Generator().manual_seed(2000 + seed)
    if by_class:
        groups = torch.randperm(owned.classes, generator=generator).tensor_split(CYCLES)
        for cycle in range(1, CYCLES + 1):
            seen = torch.cat(groups[:cycle])
            parts = {
                name: part.take(torch.isin(part.labels, seen).nonzero()[:, 0])
                for name, part in (("train", owned.train), ("validation", owned.validation), ("test", owned.test))
            }
            yield Owned(**parts, classes=len(seen), arrived=seen)
        return
    groups = torch.randperm(len(owned.train), generator=generator).tensor_split(CYCLES)
    for cycle in range(1, CYCLES + 1):
        yield replace(owned, train=owned.train.take(torch.cat(groups[:cycle])))


def _split(whole: Part, groups: np.ndarray, pair: Pair, *, seed: int) -> tuple[Tensor, Tensor]:
    """Indices for training and validation: a fifth of each class's groups (tracks of one sign) is for validation, and
    of both as many examples as the pair says, spread evenly over the classes."""
    random = np.random.default_rng(seed)
    labels = whole.labels.numpy()
    sizes = (pair.train, pair.validation)
    found: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    classes = np.unique(labels)
    for label in classes:
        own = np.unique(groups[labels == label])
        held = random.permutation(own)[: max(1, len(own) // (5 if pair.train else 10))]
        for part, size, inside in zip(found, sizes, (False, True), strict=True):
            of_class = np.flatnonzero((labels == label) & (np.isin(groups, held) == inside))
            part.append(random.permutation(of_class)[: None if size is None else max(1, size // len(classes))])
    first, second = (torch.from_numpy(np.sort(np.concatenate(part))) for part in found)
    return first, second


def _part(arrays: shared_data.Arrays) -> Part:
    return Part(inputs=torch.from_numpy(arrays[0]).permute(0, 3, 1, 2), labels=torch.from_numpy(arrays[1]))


def _decoded(images: ImageSet) -> Part:
    """Squashed to the networks' side, as the authors do."""
    pixels = np.empty((len(images), FULL_SIDE, FULL_SIDE, 3), dtype=np.uint8)
    for index, image in images.decoded():
        pixels[index] = np.asarray(image.resize((FULL_SIDE, FULL_SIDE)))
    return _part((pixels, np.asarray(images.labels, dtype=np.int64)))
