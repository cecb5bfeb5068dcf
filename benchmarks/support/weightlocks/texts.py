"""SST-2 and AG News as tokens: words of the training texts, and a small encoder's pretraining on them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

TEXTS: Final = ("SST-2", "AG News")
LENGTH: Final = 32
PAD, UNKNOWN, MASK = 0, 1, 2
_MOST_WORDS: Final = 8000
_FILES: Final = {
    ("SST-2", "train"): ("sst2", "train.tsv"), ("SST-2", "test"): ("sst2", "dev.tsv"),
    ("AG News", "train"): ("ag_news", "train.csv"), ("AG News", "test"): ("ag_news", "test.csv"),
}  # fmt: skip


def read_texts(folder: Path, name: str, split: str) -> tuple[list[str], Tensor]:
    """Sentences and int64 labels (N,)."""
    where, file = _FILES[name, split]
    with (folder / where / file).open(encoding="utf-8", newline="") as lines:
        if name == "SST-2":
            rows = list(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
            return [row[0] for row in rows], torch.tensor([int(row[1]) for row in rows])
        rows = list(csv.reader(lines))
        return [f"{row[1]} {row[2]}" for row in rows], torch.tensor([int(row[0]) - 1 for row in rows])


def words(text: str) -> list[str]:
    """Words and marks, in small letters."""
    return re.findall(r"\w+|[^\w\s]", text.lower())


@dataclass(frozen=True)
class Vocabulary:
    """Words by number; 0 pads, 1 is any other word, 2 hides one."""

    known: tuple[str, ...]

    @classmethod
    def of(cls, folder: Path) -> Vocabulary:
        """The words that the training texts of both sets have at least twice, the most frequent first."""
        counts: Counter[str] = Counter()
        for name in TEXTS:
            for text in read_texts(folder, name, "train")[0]:
                counts.update(words(text))
        frequent = sorted((word for word, count in counts.items() if count > 1), key=lambda word: (-counts[word], word))
        return cls(tuple(frequent[: _MOST_WORDS - 3]))

    def __len__(self) -> int:
        return len(self.known) + 3

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.known, start=3)}

    def tokens(self, texts: list[str]) -> Tensor:
        """int64 (N, 32), padded or cut."""
        rows = [[self.numbers.get(word, UNKNOWN) for word in words(text)[:LENGTH]] for text in texts]
        return torch.tensor([row + [PAD] * (LENGTH - len(row)) for row in rows])


def pretrain_encoder(encoder: nn.Module, embeddings: Tensor, tokens: Tensor, *, epochs: int, seed: int) -> None:
    """Teach ``encoder`` (tokens -> (N, L, D)) to name hidden words: 15 % of them, by similarity to ``embeddings``."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3, weight_decay=0.01)
    steps = epochs * -(-len(tokens) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps)
    encoder.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(tokens), generator=generator).split(64):
            shown = tokens[chosen].clone()
            hidden = (torch.rand(shown.shape, generator=generator) < 0.15) & (shown > MASK)
            wanted = shown[hidden]
            shown[hidden] = MASK
            loss = nn.functional.cross_entropy(encoder(shown)[hidden] @ embeddings.T, wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    encoder.eval()
