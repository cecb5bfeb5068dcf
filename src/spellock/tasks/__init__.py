"""Tasks: models that take plain pixels, their weights on disk, losses and metrics."""

from spellock.tasks.architectures import list_architectures
from spellock.tasks.checkpoint import LoadedModel, load_model, save_model
from spellock.tasks.classification import Classification, ClassificationTask
from spellock.tasks.detection import DetectionTask
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.detections import Detections
from spellock.tasks.detectors import list_detectors
from spellock.tasks.models import create_model
from spellock.tasks.multilabel import MultiLabelTask
from spellock.tasks.pixel_model import PixelModel, wrap
from spellock.tasks.registry import list_tasks, make_task
from spellock.tasks.task import Task
from spellock.tasks.weights import WeightsReport, load_weights, read_weights

__all__ = [
    "Classification",
    "ClassificationTask",
    "DetectionModel",
    "DetectionTask",
    "Detections",
    "LoadedModel",
    "MultiLabelTask",
    "PixelModel",
    "Task",
    "WeightsReport",
    "create_model",
    "list_architectures",
    "list_detectors",
    "list_tasks",
    "load_model",
    "load_weights",
    "make_task",
    "read_weights",
    "save_model",
    "wrap",
]
