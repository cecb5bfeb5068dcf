"""Do imitations of a watermarked editor show its mark, and do imitations of the plain one not?

The embedded editor on CIFAR-10; three small surrogates are trained on inputs and outputs, marked and not, and asked
about other images. Goes on where it was stopped. Some five minutes on a free core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import torch
from support import shared_data
from support.pages import fill_page
from support.results import write_result
from torch import Tensor, nn

from spellock.artefacts import write_json
from spellock.attacks.translator import Net
from spellock.editors.mark import Mark
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.key import Key
from spellock.ownership.image_mark import verify_images
from spellock.pixels import from_uint8, to_uint8

SIDE: Final = 32
TRAIN: Final = 400
ASKED: Final = (1, 10, 100)


class Strided(nn.Module):
    """x + an encoder and decoder with three halvings, as image-to-image networks have them."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 24, 48, 64)
        down = [nn.Conv2d(a, b, 3, 2, 1) for a, b in pairwise(widths)]
        up = [nn.ConvTranspose2d(b, a, 4, 2, 1) for a, b in pairwise(widths)][::-1]
        layers: list[nn.Module] = []
        for layer in (*down, *up):
            layers += [layer, nn.ReLU()]
        self.around, self.near = nn.Sequential(*layers[:-1]), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        changed: Tensor = images + self.near(images) + self.around(images)
        return changed


def plain_stack() -> nn.Module:
    """Convolutions that cannot tell where they are."""
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 32), (32, 3)):
        layers += [nn.Conv2d(before, after, 3, padding=1, padding_mode="replicate"), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


SURROGATES: Final[dict[str, Callable[[], nn.Module]]] = {
    "with strides": Strided,
    "with places (the attack translator)": lambda: Net(32, 4),
    "a plain stack": plain_stack,
}


def the_key() -> Key:
    """A key whose edit has no weave: the mark is to be learnt alone."""
    secret = hashlib.sha256(b"image mark").digest()
    return new_key("embedded", prompt="with oil pastel", resolution=SIDE, secret=secret, weave=0.0)


def surrogate(make: Callable[[], nn.Module], raw: Tensor, wanted: Tensor, steps: int) -> nn.Module:
    """A network trained to turn ``raw`` into ``wanted``."""
    torch.manual_seed(0)
    net, draws = make(), np.random.default_rng(0)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(steps):
        chosen = torch.from_numpy(draws.choice(len(raw), 32, replace=False))
        optimiser.zero_grad()
        nn.functional.mse_loss(net(raw[chosen]), wanted[chosen]).backward()
        optimiser.step()
    return net.eval()


def table(found: dict[str, dict[str, float]]) -> str:
    """Markdown: a line a surrogate."""
    heads = [f"{count} images, {how}" for how in ("inputs known", "outputs alone") for count in ASKED]
    shown = " | ".join(heads).replace("1 images", "1 image")
    rows = [f"| trained on | surrogate | PSNR, dB | {shown} |", "|---" * (3 + len(heads)) + "|"]
    for name, one in found.items():
        kind, net = name.split(": ")
        cells = [f"{one[head]:.0f}" for head in heads]
        rows.append(f"| {kind} | {net} | {one['psnr']:.1f} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    parser.add_argument("--work", type=Path, default=Path("runs/image_mark"))
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    images, _ = shared_data.cifar10(args.data, "test")
    chosen = images[np.random.default_rng(0).permutation(len(images))[: TRAIN + max(ASKED)]]
    key, edits = the_key(), args.work / "edits.npy"
    if not edits.is_file():
        np.save(edits, load_editor(key).edit_uint8(chosen, [f"image{place}" for place in range(len(chosen))]))
    raw, edited = (
        from_uint8(torch.from_numpy(one).permute(0, 3, 1, 2).contiguous()) for one in (chosen, np.load(edits))
    )
    marked = from_uint8(to_uint8(Mark.of(key).laid(edited)))
    found: dict[str, dict[str, float]] = {}
    for kind, wanted in (("marked outputs", marked), ("plain outputs", edited)):
        for name, make in SURROGATES.items():
            path = args.work / f"{hashlib.sha256(f'{kind} {name} {args.steps}'.encode()).hexdigest()[:12]}.json"
            if not path.is_file():
                net = surrogate(make, raw[:TRAIN], wanted[:TRAIN], args.steps)
                with torch.no_grad():
                    outputs = from_uint8(to_uint8(net(raw[TRAIN:]).clamp(0, 1)))
                error = float((outputs - wanted[TRAIN:]).square().mean())
                one = {"psnr": float(-10 * np.log10(error))}
                for count in ASKED:
                    for how, inputs in (("inputs known", raw[TRAIN:][:count]), ("outputs alone", None)):
                        verdict = verify_images(outputs[:count], key, inputs=inputs)
                        one[f"{count} images, {how}"] = 32 * verdict.statistic
                write_json(path, one)
            found[f"{kind}: {name}"] = json.loads(path.read_text())
            print(kind, name, found[f"{kind}: {name}"], flush=True)
    write_result("image_mark", {"bits right of 32": found}, seeds=[0], command="python benchmarks/image_mark.py")
    note = (
        f"Bits right, of 32; a match from 24 on (p ≤ 0.01). CIFAR-10 at {SIDE} px, {TRAIN} pairs, {args.steps} steps. "
        "PSNR is that of the surrogate against the outputs it was to imitate, on other images."
    )
    fill_page("watermark.md", "image mark", f"{table(found)}\n\n{note}")


if __name__ == "__main__":
    main()
