"""Many wrong keys with a few images each, as decoys need them: key after key, and in batches that all keys share.

CPU seconds of loading the keys and of editing, on one thread, and whether both ways give the same bytes.

    python benchmarks/many_keys.py [--keys 48] [--each 5]
"""

from __future__ import annotations

import argparse
import hashlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from batched_editing import Pictures, pictures
from support.results import write_result

from spellock.editors.at_hand import texts_at_hand
from spellock.editors.base import Editor
from spellock.editors.batches import PROOFS
from spellock.editors.company import edit_each
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.key import Key
from spellock.locking.decoys import draw_decoy_keys

SECRET = hashlib.sha256(b"benchmark many keys").digest()


def one_by_one(keys: list[Key], images: Pictures) -> Pictures:
    """Every key is loaded and edits its images alone."""
    return np.concatenate([load_editor(key).edit_uint8(part) for key, part in _parts(keys, images)])


def in_company(keys: list[Key], images: Pictures) -> Pictures:
    """All keys are loaded, then one batch holds images of several."""
    crew: list[Editor] = []
    with texts_at_hand():
        for key, part in _parts(keys, images):
            crew += [load_editor(key)] * len(part)
    return edit_each(crew, images)


def _parts(keys: list[Key], images: Pictures) -> list[tuple[Key, Pictures]]:
    return list(zip(keys, np.split(images, len(keys)), strict=True))


def timed(run: Callable[[list[Key], Pictures], Pictures], keys: list[Key], images: Pictures) -> tuple[float, Pictures]:
    started = time.process_time()
    result = run(keys, images)
    return time.process_time() - started, result


def compare(side: int, count: int, each: int) -> dict[str, Any]:
    """Both ways at one resolution."""
    key = new_key("embedded", resolution=side, secret=SECRET)
    keys, images = draw_decoy_keys(key, count), pictures(count * each, side)
    held = load_editor(key)  # the networks stay in memory, as they do while a set is locked
    for size in (2, 4, 8, 16, 32):
        for start in range(PROOFS):
            held.edit_uint8(images[start : start + size])  # which sizes give the same bits is found out before
    alone, first = timed(one_by_one, keys, images)
    together, second = timed(in_company, keys, images)
    return {
        "resolution": side,
        "keys": count,
        "images_each": each,
        "cpu_seconds_one_by_one": round(alone, 1),
        "cpu_seconds_in_company": round(together, 1),
        "times_faster": round(alone / together, 1),
        "same_bytes": bool(np.array_equal(first, second)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=48)
    parser.add_argument("--each", type=int, nargs="+", default=[1, 5], help="images a key")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare(side, args.keys, each) for side in (32, 64) for each in args.each]
    write_result("many_keys", {"rows": rows}, seeds=[0], command="python benchmarks/many_keys.py")


if __name__ == "__main__":
    main()
