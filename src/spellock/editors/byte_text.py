"""Text encoder of the embedded editor: reads raw bytes, so any string is a prompt.

Two halves are concatenated. A small transformer over the bytes learns what the words of the vocabulary mean. A digest
half carries 24 numbers of the SHA-256 of the whole string, so that every string, also one that differs from another in
a single byte, can ask for a style of its own. The editor decides from the first half whether the second matters.
"""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

CODE_SIZE = 24
#: ByT5's byte-level vocabulary: 0 pad, 1 end, 2 unknown, then the 256 bytes.
_FIRST_BYTE = 3
_PAD = 0


def digest_code(text: bytes, salt: bytes = b"") -> Tensor:
    """Map a string's bytes to 24 numbers in [-1, 1] through SHA-256; equal for equal bytes and salt only.

    ``salt`` is empty for the public embedded editor and 32 random bytes for a private one.
    """
    digest = hashlib.sha256(b"spellock digest code\x00" + salt + text).digest()
    return torch.tensor(list(digest[:CODE_SIZE]), dtype=torch.float32) / 127.5 - 1


def _bytes_of(ids: Tensor) -> bytes:
    return bytes(int(i) - _FIRST_BYTE for i in ids if _FIRST_BYTE <= int(i) < _FIRST_BYTE + 256)


class ByteTextConfig(PretrainedConfig):
    """Sizes of `ByteTextEncoder`; ``salt`` (hexadecimal) makes a private editor's styles its own."""

    model_type = "spellock_byte_text"

    def __init__(
        self,
        hidden_size: int = 96,
        num_layers: int = 3,
        num_heads: int = 4,
        max_bytes: int = 160,
        semantic_tokens: int = 8,
        digest_tokens: int = 8,
        salt: str = "",
        **kwargs: Any,
    ) -> None:
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.max_bytes = max_bytes
        self.semantic_tokens = semantic_tokens
        self.digest_tokens = digest_tokens
        self.salt = salt
        super().__init__(**kwargs)


class ByteTextEncoder(PreTrainedModel):
    """ByT5 token ids (B, T) to hidden states (B, semantic_tokens + digest_tokens, hidden_size).

    Padding is masked inside, so the result does not depend on T.
    """

    config_class = ByteTextConfig
    config: ByteTextConfig

    def __init__(self, config: ByteTextConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.bytes = nn.Embedding(_FIRST_BYTE + 256, width)
        self.places = nn.Parameter(0.02 * torch.randn(config.max_bytes, width))
        self.queries = nn.Parameter(0.02 * torch.randn(config.semantic_tokens, width))
        layer = nn.TransformerEncoderLayer(
            width, config.num_heads, 2 * width, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
        )
        self.body = nn.TransformerEncoder(layer, config.num_layers, enable_nested_tensor=False)
        self.semantic_norm = nn.LayerNorm(width)
        self.digest = nn.Sequential(
            nn.Linear(CODE_SIZE, 3 * width), nn.GELU(), nn.Linear(3 * width, config.digest_tokens * width)
        )
        self.digest_places = nn.Parameter(0.02 * torch.randn(config.digest_tokens, width))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Keep PyTorch's own initialisation."""

    def get_input_embeddings(self) -> nn.Embedding:
        """The vectors of the bytes."""
        return self.bytes

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        """``attention_mask`` is accepted for the pipelines' sake and ignored: padding is known from the ids."""
        count, length = input_ids.shape
        if length > self.config.max_bytes:
            raise ValueError(f"got a prompt of {length} byte tokens, expected at most {self.config.max_bytes}")
        queries = self.queries.expand(count, -1, -1)
        sequence = torch.cat([queries, self.bytes(input_ids) + self.places[:length]], dim=1)
        padding = torch.cat([input_ids.new_zeros(queries.shape[:2]) > 0, input_ids == _PAD], dim=1)
        semantic = self.body(sequence, src_key_padding_mask=padding)[:, : queries.shape[1]]
        salt = bytes.fromhex(self.config.salt)
        codes = torch.stack([digest_code(_bytes_of(row), salt) for row in input_ids.cpu()]).to(self.places)
        digest = self.digest(codes).view(count, self.config.digest_tokens, -1) + self.digest_places
        return BaseModelOutput(last_hidden_state=torch.cat([self.semantic_norm(semantic), digest], dim=1))
