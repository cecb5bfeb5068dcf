"""Reading and writing labelled images."""

from spellock.data.annotation import Annotation
from spellock.data.choose_findings import ChosenFindings, frequent_findings
from spellock.data.decode import MAX_PIXELS, decode_image
from spellock.data.image_set import ImageSet, OnError, check_trainable
from spellock.data.label_vectors import numpy_vectors
from spellock.data.memory import numpy_images
from spellock.data.open_boxes import open_boxes
from spellock.data.open_images import open_images
from spellock.data.open_labels import open_labels
from spellock.data.split_patients import split_patients
from spellock.data.write_coco import write_coco
from spellock.data.write_folder import write_image_folder
from spellock.data.write_parquet import write_parquet

__all__ = [
    "MAX_PIXELS",
    "Annotation",
    "ChosenFindings",
    "ImageSet",
    "OnError",
    "check_trainable",
    "decode_image",
    "frequent_findings",
    "numpy_images",
    "numpy_vectors",
    "open_boxes",
    "open_images",
    "open_labels",
    "split_patients",
    "write_coco",
    "write_image_folder",
    "write_parquet",
]
