"""How much of each layer a key takes: the same fraction of all, or more of the small layers.

In a convolutional network the last layers hold most of the weights, so a key of one fraction is nearly all of them
late; the small first layers, where a change reaches everything that follows, get a handful of weights.
"""

from __future__ import annotations

from collections.abc import Mapping


def layer_shares(costs: Mapping[str, int], fraction: float, *, balance: float) -> dict[str, float]:
    """Share of each tensor, in (0, 1]; all of them together are ``fraction`` of the whole.

    A tensor of cost n gets a share in proportion to n ** -balance, at most all of it; what such a tensor cannot take is
    given to the others in the same proportion.

    Args:
        costs: what each tensor takes as a whole, above 0.
        balance: 0 gives all tensors the same share, 1 the same amount.
    """
    shares: dict[str, float] = {}
    open_costs, left = dict(costs), fraction * sum(costs.values())
    while open_costs:
        scale = left / sum(cost ** (1 - balance) for cost in open_costs.values())
        full = [name for name, cost in open_costs.items() if scale * cost**-balance >= 1]
        if not full:
            return shares | {name: scale * cost**-balance for name, cost in open_costs.items()}
        for name in full:
            shares[name] = 1.0
            left -= open_costs.pop(name)
    return shares
