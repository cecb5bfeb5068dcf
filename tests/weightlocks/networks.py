"""Small networks for the tests of this room."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SECRET = bytes(range(32))


class SmallNet(nn.Module):
    """Convolution, BatchNorm, linear layers, a classifier called head."""

    def __init__(self, classes: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(16)
        self.fc1 = nn.Linear(16, 12)
        self.head = nn.Linear(12, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn1(self.conv1(x)).relu()
        x = self.bn2(self.conv2(x)).relu().mean((2, 3))
        found: Tensor = self.head(self.fc1(x).relu())
        return found


class TiedText(nn.Module):
    """An embedding whose weights are the output layer's too."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 6)
        self.mix = nn.Linear(6, 6)
        self.norm = nn.LayerNorm(6)
        self.lm_head = nn.Linear(6, 20, bias=False)
        self.lm_head.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        found: Tensor = self.lm_head(self.norm(self.mix(self.embed(tokens))).mean(1))
        return found


def small_net(seed: int = 0) -> SmallNet:
    """A `SmallNet` with weights and statistics that are not those of the start."""
    generator = torch.Generator().manual_seed(seed)
    net = SmallNet()
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if tensor.is_floating_point():
                drawn = torch.randn(tensor.shape, generator=generator)
                tensor.copy_(drawn.abs() + 0.5 if "running_var" in name else drawn)
            else:
                tensor.fill_(7)
    return net.eval()


def bits(module: nn.Module) -> dict[str, bytes]:
    """Every tensor of the state as bytes."""
    return {
        name: tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        for name, tensor in module.state_dict().items()
    }
