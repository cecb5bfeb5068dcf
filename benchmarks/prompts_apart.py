"""Which style's edit, with the secret of the hardened locks, is farthest from whatever a thief would guess.

For each of the styles of Table S1, and the one of the other benchmarks: how near its edit with the key's string comes
to the edits of listed prompts, alone and with strangers' strings behind them, in dB over some training images. Those
who hold edited images guess such keys (`spellock.attacks.surrogate_prompt`). The weave is left out: it can be read off
and adds the same to all.

    python benchmarks/prompts_apart.py
"""

from __future__ import annotations

import argparse
import hashlib
import random
import string
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from support import shared_data
from support.pages import fill_page
from support.real_settings import APART, PROMPT, SETTINGS
from support.results import write_result

from spellock.attacks.prompt_words import dictionary
from spellock.editors.at_hand import texts_at_hand
from spellock.editors.company import edit_each
from spellock.editors.presets import new_key
from spellock.editors.prompt_text import TAIL_LENGTH
from spellock.editors.registry import load_editor
from spellock.editors.vocabulary import style_prompts
from spellock.key import Key
from spellock.progress import track

NAME = "cifar10"
_COMPANY = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--strings", type=int, default=4, help="strangers' strings behind each listed prompt")
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    args = parser.parse_args()
    setting = SETTINGS[NAME]
    raw = np.ascontiguousarray(setting.read(args.data, "train")[0][: args.images])
    secret = hashlib.sha256(f"benchmark {NAME}".encode()).digest()
    key = new_key("embedded", prompt=PROMPT, resolution=setting.side, secret=secret, weave=0.0)
    draw = random.Random(0)
    strings = ["".join(draw.choices(string.ascii_lowercase + "234567", k=TAIL_LENGTH)) for _ in range(args.strings)]
    texts = [text for prompt in dictionary() for text in (prompt, *(f"{prompt} {one}" for one in strings))]
    guessed = _edits([key.with_settings(prompt=text, secret_use="none") for text in texts], raw, "guesses")
    styles = (*style_prompts(), PROMPT)
    own = _edits([key.with_settings(prompt=prompt) for prompt in styles], raw, "keys")
    rows: dict[str, dict[str, Any]] = {}
    for prompt, edited in zip(styles, own, strict=True):
        near = sorted(((_decibel(edited, one), text) for one, text in zip(guessed, texts, strict=True)), reverse=True)
        rows[prompt] = {"nearest": near[0][0], "to": near[0][1], "tenth": near[9][0], "raw": _decibel(edited, raw)}
    ranked = sorted(rows, key=lambda prompt: rows[prompt]["nearest"])
    if ranked[0] != APART:
        print(f"APART in support/real_settings.py is {APART!r}, but {ranked[0]!r} is farther")
    write_result(
        "prompts_apart", {prompt: rows[prompt] for prompt in ranked}, seeds=[0],
        command="python benchmarks/prompts_apart.py",
    )  # fmt: skip
    lines = ["| key prompt | nearest guess, dB | tenth | raw image, dB |", "|---|---|---|---|"]
    shown = dict.fromkeys((*ranked[:3], PROMPT, ranked[-1]))
    lines += [f"| {p} | {rows[p]['nearest']:.1f} | {rows[p]['tenth']:.1f} | {rows[p]['raw']:.1f} |" for p in shown]
    fill_page("hardening.md", "prompts apart", "\n".join(lines))


def _edits(keys: list[Key], raw: npt.NDArray[np.uint8], label: str) -> list[npt.NDArray[np.uint8]]:
    """Edits of all raw images with each key."""
    found: list[npt.NDArray[np.uint8]] = []
    with texts_at_hand():
        for start in track(range(0, len(keys), _COMPANY), total=-(-len(keys) // _COMPANY), label=label):
            crew = [load_editor(key) for key in keys[start : start + _COMPANY]]
            edited = edit_each([one for one in crew for _ in raw], np.concatenate([raw] * len(crew)))
            found += list(edited.reshape(len(crew), *raw.shape))
    return found


def _decibel(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """PSNR."""
    away = np.square(one.astype(np.float64) - other.astype(np.float64)).mean() / 255**2
    return round(float(-10 * np.log10(max(away, 1e-12))), 2)


if __name__ == "__main__":
    main()
