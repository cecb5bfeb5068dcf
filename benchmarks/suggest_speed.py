"""How long `spellock prompts suggest` takes: all its candidates on 64 images with the embedded editor, and once more.

The images are Imagenette's at 64 px, the default resolution; candidates, shortlist and synonyms are the defaults too.
The second call has everything on disk: what it takes is probing. Allowed are ten minutes of two cores, in processor
time of all threads together.

    python benchmarks/suggest_speed.py [--prompts 95] [--data FOLDER]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from support import shared_data
from support.prompt_sets import SETS
from support.results import write_result

from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.key import Key
from spellock.prompts.offline import OfflineConfig
from spellock.recipes.suggest import SuggestConfig, suggest_prompts

_ALLOWED = 10 * 60 * 2
#: Candidates by default: the paper's tables, hybrids and random strings.
_ALL = 95


class Counted:
    """Loads editors and counts the images that they edit."""

    def __init__(self) -> None:
        self.edits = 0

    def __call__(self, key: Key) -> Editor:
        editor = load_editor(key)
        editor.edit_uint8 = self._counting(editor.edit_uint8)  # type: ignore[method-assign, assignment]
        return editor

    def _counting(self, edit: Callable[..., object]) -> Callable[..., object]:
        def counted(images: object, ids: object = None) -> object:
            self.edits += len(images)  # type: ignore[arg-type]
            return edit(images, ids)

        return counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=_ALL, help="fewer are for trying, and write no result")
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    args = parser.parse_args()
    torch.set_num_threads(min(2, torch.get_num_threads()))
    whole = args.prompts == _ALL
    offline = OfflineConfig() if whole else OfflineConfig(tables=False, hybrids=args.prompts, meaningless=0)
    with tempfile.TemporaryDirectory() as folder:
        images = SETS["imagenette"].trial(args.data, Path(folder)).train
        runs = []
        for _ in range(2):
            counted, wall, started = Counted(), time.perf_counter(), time.process_time()
            found = suggest_prompts(
                images, Path(folder) / "spells", SuggestConfig(offline=offline), make_editor=counted
            )
            runs.append((time.process_time() - started, time.perf_counter() - wall, counted.edits))
    (first, wall, edits), (again, _, none) = runs
    result = {
        "prompts": len(found.scores), "images": 64, "edits": edits, "cpu_seconds": round(first, 1),
        "wall_seconds": round(wall, 1), "threads": torch.get_num_threads(), "edits_of_a_second_call": none,
        "cpu_seconds_of_a_second_call": round(again, 1), "allowed_cpu_seconds": _ALLOWED, "holds": first <= _ALLOWED,
    }  # fmt: skip
    if whole:
        write_result("suggest_speed", result, seeds=[0], command="python benchmarks/suggest_speed.py")
    else:
        print(result)


if __name__ == "__main__":
    main()
