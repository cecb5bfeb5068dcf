"""Scores of units: what makes a unit worth being in the key. One file each; importing this package registers them."""

from spellock.weightlocks.scores import batchnorm_gain, bottom, fan_in_l1, l1, l2, random
from spellock.weightlocks.scores.registry import Score, Units, list_scores, make_score, register_score

__all__ = [
    "Score",
    "Units",
    "batchnorm_gain",
    "bottom",
    "fan_in_l1",
    "l1",
    "l2",
    "list_scores",
    "make_score",
    "random",
    "register_score",
]
