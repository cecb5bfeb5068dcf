"""The file that says which class belongs to which group."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spellock.errors import DataError
from spellock.locking.group_file import read_groups

from .tier_samples import GROUPS


def test_groups_are_read(tmp_path: Path) -> None:
    path = tmp_path / "groups.json"
    path.write_text(json.dumps(GROUPS))
    assert read_groups(path) == GROUPS
    path.write_text("\ufeff" + json.dumps(GROUPS), encoding="utf-8")  # as some editors save it
    assert read_groups(path) == GROUPS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot read"),
        ("{", "not valid JSON"),
        ("[1]", "no groups"),
        ('[["a", "b"]]', "no groups"),
        ('{"a": 1}', "no groups"),
        ('{"a": {"b": "c"}}', "no groups"),
        ('{"a": "g", "a": "h"}', "'a' twice"),
        ('{"a": "' + "x" * 4_000_000 + '"}', "no groups"),
    ],
)
def test_broken_groups_are_explained(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "groups.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_groups(path)
