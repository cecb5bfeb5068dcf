"""Keys without a prompt go the whole way: key, lock, predict, evaluate."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from spellock.cli.main import main
from spellock.editors.any_key import new_editor_key
from spellock.errors import ConfigError
from spellock.evaluation.wrong_keys import choose_wrong_keys
from spellock.locking.decoys import check_decoy_edit, draw_decoy_keys

from ..shades import write_shades

#: Editors and settings; the second value says whether the secret shapes the edit.
KEYS = {
    "patch": (["--editor", "patch", "--set", "size=4"], False),
    "certificate": (["--editor", "patch", "--set", "motif=pattern", "--set", "place=random"], True),
    "blend": (["--editor", "blend"], True),
    "noise": (["--editor", "noise", "--set", "amplitude=0.2"], True),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of noisy images, dark and light, 20 to train on and 6 to test."""
    root = tmp_path_factory.mktemp("data")
    write_shades(root / "train", 20, size=(18, 20))
    write_shades(root / "test", 6, size=(18, 20), seed=1)
    return root


@pytest.mark.parametrize("name", KEYS)
def test_the_whole_way(name: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, matters = KEYS[name]
    key, out = tmp_path / "my.key", tmp_path / "out"
    assert main(["key", "new", str(key), "--plain", "--resolution", "16", *words]) == 0
    lock = ["lock", str(data), "--key", str(key), "--out", str(out), "--model", "small_resnet8", "--input-size", "16"]
    lock += ["--alpha", "0.8", "--epochs", "1", "--batch-size", "16", "--augment", "none", "--decoys", "16"]
    assert main([*lock, "--decoy-keys", "2"]) == 0, capsys.readouterr().err
    capsys.readouterr()
    model = ["--model", str(out / "model"), "--key", str(key)]
    assert main(["predict", str(data / "test"), *model, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["predictions"]) == 12
    report = ["--out", str(tmp_path / "report"), "--wrong-keys", "6", "--json"]
    assert main(["evaluate", str(data), *model, *report]) == 0, capsys.readouterr().err
    figures = json.loads(capsys.readouterr().out)
    assert 0 <= figures["wrong_key_mean"] <= 100
    kinds = Counter(one["kind"] for one in figures["wrong_keys"])
    assert kinds == ({"other setting": 3, "other secret": 3} if matters else {"other setting": 6})
    page = (tmp_path / "report" / "report.html").read_text()
    assert "other setting 1" in page
    assert "#ffffff" not in page.split("</style>")[1]


def test_what_was_changed_is_named_but_not_shown() -> None:
    key = new_editor_key("patch", resolution=16, motif="pixels")
    wrong = [one for one in choose_wrong_keys(key) if one.kind == "other setting"]
    assert len(wrong) == 10
    assert {one.shown for one in wrong} == {"place", "size", "colour", "motif"}
    assert choose_wrong_keys(key, seed=1) == choose_wrong_keys(key, seed=1) != choose_wrong_keys(key, seed=2)
    assert choose_wrong_keys(key, count=0) == ()


def test_only_so_many_neighbours() -> None:
    key = new_editor_key("patch", resolution=16)
    with pytest.raises(ConfigError, match="does not depend on its secret"):
        choose_wrong_keys(key, count=500)


def test_decoys_of_keys_without_a_prompt() -> None:
    secret = new_editor_key("blend", resolution=16)
    drawn = draw_decoy_keys(secret, 5)
    assert len({bytes(one.secret) for one in [secret, *drawn]}) == 6
    assert all(one.settings == secret.settings for one in drawn)
    plain = new_editor_key("patch", resolution=16)
    near = draw_decoy_keys(plain, 5)
    assert near == draw_decoy_keys(plain, 5) != draw_decoy_keys(plain, 5, seed=1)
    assert len({tuple(one.settings.values()) for one in [plain, *near]}) == 6


def test_small_edits_are_compared_by_what_they_change() -> None:
    raw = np.zeros((4, 64, 64, 3), dtype=np.uint8)
    edited, wrongly = raw.copy(), raw.copy()
    edited[:, :2, :2] = 255
    wrongly[:, -2:, -2:] = 255
    check_decoy_edit(raw, edited, wrongly, 1)
    with pytest.raises(ConfigError, match="like the key itself"):
        check_decoy_edit(raw, edited, edited, 1)
    with pytest.raises(ConfigError, match="like the key itself"):
        check_decoy_edit(raw, raw, raw, 1)
    strong = raw + 100
    with pytest.raises(ConfigError, match="like the key itself"):
        check_decoy_edit(raw, strong, strong + (np.arange(3) == 0).astype(np.uint8), 1)
