"""How near a thief comes to a key's tile who averages leaked edited images, with and without their raw versions.

CIFAR-10, keys of the embedded preset with prompts and secrets of their own. Correlation of the tile that
`weave-reading` reads with the tile that the key draws. Takes a minute or two.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import torch
from support import shared_data
from support.pages import fill_page
from support.results import write_result

from spellock.attacks.budget import Query
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.view import AttackerView
from spellock.attacks.woven import leaked_weave
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.editors.weave import CELLS, weave
from spellock.key import Key

SIDE: Final = 32
PROMPTS: Final = ("with oil pastel", "as a mosaic", "with baseball in the background")
LEAKED: Final = (1, 3, 10, 30, 100)


def one_key(number: int) -> Key:
    """A key with a prompt and a secret of its own."""
    secret = hashlib.sha256(f"weave reading {number}".encode()).digest()
    return new_key("embedded", prompt=PROMPTS[number % len(PROMPTS)], resolution=SIDE, secret=secret)


def agreement(key: Key, raw: np.ndarray, edited: np.ndarray, *, pairs: bool) -> float:
    """Correlation of the read tile with the key's."""
    before, after = (torch.from_numpy(array).permute(0, 3, 1, 2).contiguous() for array in (raw, edited))
    public = PublicEditor(
        name=key.editor, settings=dict(key.settings), gamma=key.gamma, resolution=key.resolution, resize=key.resize
    )
    view = AttackerView(
        classes=2, unlabelled=before, query=Query(_nobody), editor=public, edited=after,
        edited_raw=before if pairs else None,
    )  # fmt: skip
    found = leaked_weave(view)
    assert found is not None
    true = weave(key, str(key.settings["prompt"]), side=SIDE)
    both = torch.stack([one[:, :CELLS, :CELLS].flatten() for one in (found, true)])
    return float(torch.corrcoef(both)[0, 1])


def _nobody(images: torch.Tensor) -> torch.Tensor:
    raise AssertionError("reading a tile asks no model")


def table(figures: dict[str, dict[str, list[float]]]) -> str:
    """Markdown: a line each for pairs and for edited images alone."""
    rows = ["| leaked | " + " | ".join(str(count) for count in LEAKED) + " |", "|---" * (len(LEAKED) + 1) + "|"]
    for name, found in figures.items():
        cells = [f"{np.mean(found[str(count)]):.2f} ({min(found[str(count)]):.2f})" for count in LEAKED]
        rows.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=3)
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    args = parser.parse_args()
    torch.set_num_threads(1)
    images, _ = shared_data.cifar10(args.data, "test")
    figures: dict[str, dict[str, list[float]]] = {
        name: {str(count): [] for count in LEAKED} for name in ("pairs", "edited alone")
    }
    for number in range(args.keys):
        key = one_key(number)
        chosen = np.random.default_rng(number).permutation(len(images))[: max(LEAKED)]
        raw = images[chosen]
        edited = load_editor(key).edit_uint8(raw, [f"leak{place}" for place in range(len(raw))])
        for name, found in figures.items():
            for count in LEAKED:
                found[str(count)].append(agreement(key, raw[:count], edited[:count], pairs=name == "pairs"))
        print(key.settings["prompt"], {name: found["10"][-1] for name, found in figures.items()}, flush=True)
    write_result(
        "weave_reading", {"correlation": figures}, seeds=list(range(args.keys)),
        command="python benchmarks/weave_reading.py",
    )  # fmt: skip
    note = f"Mean over {args.keys} keys, in brackets the lowest."
    fill_page("attacks/leaks.md", "weave reading", f"{table(figures)}\n\n{note}")


if __name__ == "__main__":
    main()
