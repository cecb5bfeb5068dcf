"""Locks in processes of its own and kills them: reads ``OUT LAYOUT SHARDS SECONDS``, answers with the exit status.

The libraries are imported once; each line forks, waits for so many shards and then SECONDS, and kills with SIGKILL (-9
in the answer unless it had ended).
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from pathlib import Path

import pyarrow.parquet  # noqa: F401  (as list_editors below: imports done once here, so that kills hit the work)

from spellock.editors.registry import list_editors
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.tiers import Tier

_spec = importlib.util.spec_from_file_location("fake_editor", Path(__file__).with_name("fake_editor.py"))
assert _spec is not None
assert _spec.loader is not None
fake_editor = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fake_editor)


def lock(out: str, layout: str) -> None:
    key = fake_editor.fake_key(resolution=16)
    config = LockConfig(decoys=32, raw_twins=True, layout=layout, validation=0.1)
    editor = fake_editor.FakeEditor(key, seconds=0.005)
    images = fake_editor.random_images(160)
    groups = {name: "few" if name == images.classes[0] else "many" for name in images.classes}
    lesser = fake_editor.fake_key(resolution=16, secret=2, prompt="a lesser spell")
    tier = Tier(name="coarse", key=lesser, groups=groups, share=0.5)
    lock_images(images, key, Path(out), config, tiers=(tier,), editor=editor, load=fake_editor.FakeEditor, shard=16)


def main() -> None:
    list_editors()  # decoys ask the registry, which imports every editor: once here, so that kills hit the work
    for line in sys.stdin:
        out, layout, shards, seconds = line.rsplit(maxsplit=3)
        child = os.fork()
        if not child:
            status = 1
            try:
                lock(out, layout)
                status = 0
            finally:
                os._exit(status)
        deadline, ended = None, 0
        while not ended and (deadline is None or time.monotonic() < deadline):
            time.sleep(0.001)
            ended, status = os.waitpid(child, os.WNOHANG)
            # Counting from work done, not from the start, hits every stage however busy the machine is.
            if deadline is None and len(list((Path(out) / ".work").glob("*.shard"))) >= int(shards):
                deadline = time.monotonic() + float(seconds)
        if not ended:
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
