"""Training: one fine-tuning loop for all tasks, resumable to the byte."""

from spellock.training.config import FinetuneConfig
from spellock.training.finetune import FinetuneResult, finetune

__all__ = ["FinetuneConfig", "FinetuneResult", "finetune"]
