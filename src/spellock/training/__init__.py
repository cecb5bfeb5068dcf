"""Training: one fine-tuning loop for all tasks, resumable to the byte."""
