"""Tasks: models that take plain pixels, their weights on disk, losses and metrics."""

from spellock.tasks.architectures import list_architectures
from spellock.tasks.checkpoint import LoadedModel, load_model, save_model
from spellock.tasks.classification import Classification
from spellock.tasks.models import create_model
from spellock.tasks.pixel_model import PixelModel, wrap
from spellock.tasks.weights import WeightsReport, load_weights, read_weights

__all__ = [
    "Classification",
    "LoadedModel",
    "PixelModel",
    "WeightsReport",
    "create_model",
    "list_architectures",
    "load_model",
    "load_weights",
    "read_weights",
    "save_model",
    "wrap",
]
