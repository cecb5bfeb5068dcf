"""What a locked model tells a thief who changes its input: the lock class's part, doubt, and imbalance."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from spellock.attacks.adapting import entropy
from spellock.tasks.pixel_model import PixelModel


def locked_part(logits: Tensor, real: Tensor) -> Tensor:
    """logsumexp(z) - logsumexp(z_real), the mean over logits (B, K): minus the log of the real classes' probability."""
    return (logits.logsumexp(1) - logits[:, real].logsumexp(1)).mean()


def doubt(logits: Tensor, real: Tensor, *, confidence: float = 1.0, balance: float = 1.0) -> Tensor:
    """``confidence`` * mean H(q) - ``balance`` * H(mean q), q the softmax of the real classes among logits (B, K).

    Small where every answer is sure and all classes are answered equally often.
    """
    answers = logits[:, real].softmax(1)
    return confidence * entropy(answers).mean() - balance * entropy(answers.mean(0))


def through_network(model: PixelModel, images: Tensor) -> Tensor:
    """Outputs (B, K) for images (B, 3, H, W), with gradients; squashed bilinearly where they have another size.

    The network itself is asked: the model's check of pixels has nothing to say about images that are still learnt.
    """
    side = model.input_size
    if images.shape[-2:] != (side, side):
        images = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
    output = model.network((images.to(model.mean.device) - model.mean) / model.std)
    logits: Tensor = getattr(output, "logits", output)
    return logits


def frozen(model: PixelModel) -> PixelModel:
    """The model in evaluation mode, its weights without gradients: what comes before it is trained."""
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model
