"""How a LoRA is trained, and what is drawn from its secret."""

from __future__ import annotations

from dataclasses import dataclass, field

from spellock.derived import derive
from spellock.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class LoraTrainingConfig:
    """How a LoRA is trained.

    Attributes:
        secret: 64 hexadecimal digits; what the style, the first weights and the order of the pictures are drawn from.
        weights: the editor that it is for: ``embedded``, or a folder made by `spellock editor train`.
        rank: of the additions, 1 to 64.
        steps: of training, at least 1.
        batch_size: pictures of ``resolution`` a step; twice as many where they have half the side.
        instructions: how many different ones a step, at most ``batch_size`` and a divisor of it.
        learning_rate: its peak.
        resolution: side of the training crops in pixels, a multiple of 32.
        small_share: share of the steps at half that side.
        crops: random crops taken from each picture that is much larger than ``resolution``.

    Raises:
        ConfigError: a value is out of range.
    """

    secret: str = field(repr=False)
    weights: str = "embedded"
    rank: int = 8
    steps: int = 400
    batch_size: int = 24
    instructions: int = 12
    learning_rate: float = 2e-3
    resolution: int = 64
    small_share: float = 0.7
    crops: int = 6

    def __post_init__(self) -> None:
        if len(self.secret) != 64 or set(self.secret) - set("0123456789abcdef"):
            raise ConfigError("secret must be 64 lower-case hexadecimal digits; draw 32 random bytes")
        if self.resolution < 32 or self.resolution % 32:
            raise ConfigError(f"got resolution {self.resolution}, expected a multiple of 32; try 64")
        if not 1 <= self.rank <= 64:
            raise ConfigError(f"got rank {self.rank}, expected 1 to 64")
        if min(self.steps, self.crops, self.instructions) < 1 or self.batch_size % self.instructions:
            raise ConfigError(
                f"got steps {self.steps}, crops {self.crops}, batch_size {self.batch_size} and instructions "
                f"{self.instructions}, expected at least 1 each and a batch_size that instructions divide"
            )

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Bytes made of the secret and ``purpose``."""
        return derive(bytes.fromhex(self.secret), f"lora {purpose}", length)
