"""Regularisers: terms beside the objective. One file each; importing this package registers them."""

from spellock.training.regularisers import anchor, probe, unlikelihood
from spellock.training.regularisers.registry import (
    Regulariser,
    Unauthorised,
    list_regularisers,
    make_regulariser,
    register_regulariser,
    regulariser_options,
    whose_option,
)

__all__ = [
    "Regulariser",
    "Unauthorised",
    "anchor",
    "list_regularisers",
    "make_regulariser",
    "probe",
    "register_regulariser",
    "regulariser_options",
    "unlikelihood",
    "whose_option",
]
