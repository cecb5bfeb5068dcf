"""spellock: lock a fine-tuned model with a spell."""

from __future__ import annotations

__version__ = "0.1.0"
