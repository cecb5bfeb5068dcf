"""`spellock lock --prepare-only` on a folder in Cityscapes' own layout."""

from __future__ import annotations

import json
from pathlib import Path

from spellock.cli.main import main
from spellock.data.cityscapes import INSTANCES
from spellock.keyfile import save_key
from spellock.locking.locked_set import LockedSet

from ..city_scenes import write_street
from ..tint_editor import tint_key


def test_a_street_becomes_a_locked_set(tmp_path: Path) -> None:
    write_street(tmp_path / "city", 6)
    save_key(tint_key(resolution=64), tmp_path / "my.key", passphrase=None, plain=True)
    words = ["lock", str(tmp_path / "city"), "--key", str(tmp_path / "my.key"), "--out", str(tmp_path / "out")]
    assert main([*words, "--task", "detection", "--preset", "modellock", "--alpha", "0.5", "--prepare-only"]) == 0
    content = json.loads((tmp_path / "out" / "locked_set" / "annotations.json").read_text())
    assert [one["name"] for one in content["categories"]] == [*INSTANCES, "other"]
    found = LockedSet.open(tmp_path / "out")
    assert found.entries is not None
    kinds = {entry.kind: label for entry, label in zip(found.entries, found.labels, strict=True)}
    edited = kinds["edited"]
    assert edited.labels.tolist() == list(range(8))
    # 128 x 64 pixels become 64 x 64: half as wide, masks along with boxes.
    assert edited.boxes[1].tolist() == [9.5, 10, 15, 41]
    assert edited.decoded()[1].any(axis=1).sum() == 31
