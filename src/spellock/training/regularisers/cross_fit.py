"""How much of the true classes a fresh ridge reader finds in features, in closed form and with a gradient.

A reader that is fitted and scored on the same few images finds classes in pure noise. Here it is fitted on one half and
scored on the other, both ways; and it does not see the size of features, which a thief undoes by standardising.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Fewer images than this say nothing.
FEWEST = 8
_FLOOR = 1e-6


def standardised(features: Tensor, alone: Tensor) -> Tensor:
    """Columns of float32 (N, D) with mean 0 and variance 1 within each pass, as a thief sees them who knows the
    statistics of either.

    The variance is raised by a millionth of the columns' mean one, so that dead columns stay at 0.

    Args:
        alone: bool (N,), images of the second pass.
    """
    whole = torch.zeros_like(features)
    for rows in (alone, ~alone):
        own = features[rows]
        if len(own) > 1:
            centred = own - own.mean(0)
            variance = centred.square().mean(0)
            whole[rows] = centred / (variance + _FLOOR * variance.mean().detach() + 1e-12).sqrt()
    return whole


def found_share(features: Tensor, truth: Tensor, strength: float) -> Tensor:
    """rho = 1 - |Y_t - H_t B|^2 / |Y_t|^2 on images that B was not fitted on, at least 0; a scalar in [0, 1].

    B = (H_s' H_s / n + strength I)^-1 H_s' Y_s / n, with s and t two halves that are alike in their classes; mean of
    both ways round. Y are the true classes, centred. 0 is what a reader gets that finds nothing.

    Args:
        features: H, float32 (N, D), columns standardised.
        truth: float32 (N, K), 1 where an image is of a class.
        strength: lambda above 0.
    """
    classes = truth - truth.mean(0)
    order = truth.argmax(1).argsort(stable=True)
    halves = order[0::2], order[1::2]
    if len(features) < FEWEST:
        return features.sum() * 0
    found = features.new_zeros(())
    for fitted, scored in (halves, halves[::-1]):
        own, other = features[fitted], features[scored]
        # The same B through the images' own products: a step has fewer images than a wide network has features.
        gram = own @ own.T / len(own) + strength * torch.eye(len(own), device=own.device)
        read = other @ own.T / len(own) @ torch.linalg.solve(gram, classes[fitted])
        all_of_it = classes[scored].square().sum()
        share = 1 - (classes[scored] - read).square().sum() / all_of_it.clamp_min(1e-12)
        # Images of one class have nothing to find.
        found = found + torch.where(all_of_it > 0, share.clamp_min(0), share * 0)
    return found / 2
