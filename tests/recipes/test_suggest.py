"""The whole of `spellock prompts suggest`: what is written, who may read it, resuming, pilots, the key of the best."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spellock.cli import prompts as command
from spellock.cli.main import main
from spellock.data.open_images import open_images
from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.keyfile import load_key
from spellock.prompts.asking import AskConfig
from spellock.prompts.candidate import Candidate
from spellock.prompts.offline import OfflineConfig
from spellock.recipes.lock_model import ModelChoice
from spellock.recipes.pilot import PilotConfig
from spellock.recipes.suggest import SCORING_SECRET, SuggestConfig, suggest_prompts
from spellock.tasks.models import create_model
from spellock.training.config import FinetuneConfig

from ..shades import write_shades
from ..tint_editor import tint_key

FEW = SuggestConfig(
    offline=OfflineConfig(tables=False, hybrids=2, meaningless=1),
    images=16,
    shortlist=2,
    synonyms=1,
    ask=AskConfig(count=2),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shades(tmp_path_factory.mktemp("shades") / "data", 14, levels={"cat": 60, "tractor": 190})


def make_key(prompt: str) -> Key:
    return tint_key(prompt=prompt, secret=SCORING_SECRET)


class Loads:
    """Loads editors and counts them; stops like a killed process at a given one."""

    def __init__(self, stop_at: int = 0) -> None:
        self.count, self.stop_at = 0, stop_at

    def __call__(self, key: Key) -> Editor:
        self.count += 1
        if self.count == self.stop_at:
            raise KeyboardInterrupt
        return load_editor(key)


def run(data: Path, out: Path, loads: Loads, config: SuggestConfig = FEW, **more: Any) -> Any:
    return suggest_prompts(open_images(data), out, config, make_key=make_key, make_editor=loads, **more)


def test_everything_is_written_and_nobody_else_may_read_it(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    given = [Candidate(prompt="a word of mine", kind="given")]
    model = create_model("small_resnet8", num_classes=2, input_size=16, seed=0)
    found = run(data, out, Loads(), given=given, model=model)
    assert len(found.scores) == 4
    assert found.scores[0].candidate.prompt == "a word of mine"
    assert sum(score.near is not None for score in found.scores) == 2
    for score in found.scores:
        assert score.pixels > 5
        assert score.told > 0.9
        assert score.moved > 0
        assert score.rank is None
    names = {"prompts.txt", "prompts.csv", "prompts.json", "scatter.png", "contact_sheet.png", "candidates.json"}
    assert {path.name for path in out.iterdir()} == names | {"edits"}
    assert out.stat().st_mode & 0o777 == 0o700
    for path in out.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    stored = json.loads((out / "prompts.json").read_text())
    assert stored["recommended"] == found.chosen.candidate.prompt
    assert stored == json.loads(json.dumps(found.to_dict()))
    assert found.chosen.candidate.prompt in (out / "prompts.txt").read_text().splitlines()[-2]
    assert found.chosen.candidate.prompt not in found.why
    assert found.chosen.candidate.prompt not in repr(found)
    Image.open(out / "contact_sheet.png").verify()


def test_stopped_work_goes_on_with_the_same_candidates_and_edits(data: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path / "out", Loads(stop_at=4))  # one for the sample, two whole prompts
    kept = sorted((tmp_path / "out" / "edits").iterdir())
    assert len(kept) == 2
    times = [path.stat().st_mtime_ns for path in kept]
    listed = json.loads((tmp_path / "out" / "candidates.json").read_text())["candidates"]
    loads = Loads()
    found = run(data, tmp_path / "out", loads)
    assert [score.candidate.prompt for score in found.scores] == [prompt for prompt, _, _ in listed]
    assert [path.stat().st_mtime_ns for path in kept] == times
    assert loads.count == 1 + 1 + 2  # the sample, the third prompt, two synonyms
    again = Loads()
    assert run(data, tmp_path / "out", again).to_dict() == found.to_dict()
    assert again.count == 1


class Eye:
    """A vision model that is asked once."""

    name = "the eye of a test"

    def __init__(self) -> None:
        self.asked = 0

    def answer(self, question: str, images: Any, *, attempt: int = 0) -> str:
        self.asked += 1
        assert [image.size for image in images] == [(16, 16)] * 4
        return '{"objects": ["abacus", "cat"], "styles": ["Gouache", "Ink"]}'


def test_a_vision_models_proposals_are_kept_for_the_next_call(data: Path, tmp_path: Path) -> None:
    eye = Eye()
    for _ in range(2):
        found = run(data, tmp_path / "out", Loads(), vision=eye)
    assert eye.asked == 1
    prompts = [score.candidate.prompt for score in found.scores]
    assert prompts[:3] == ["with gouache", "with ink", "with abacus in the background"]
    assert "1 proposed objects are classes" in " ".join(found.notes)
    assert next(score for score in found.scores if score.candidate.prompt == "with gouache").rank is not None


def test_pilots_measure_the_best_and_are_kept(data: Path, tmp_path: Path) -> None:
    training = FinetuneConfig(epochs=1, batch_size=8, warmup_epochs=0, augment="none", unauthorised_share=0.5)
    choice = ModelChoice(name="small_resnet8", input_size=16)
    pilot = PilotConfig(choice=choice, count=2, images=24, training=training, wrong_keys=2)
    found = run(data, tmp_path / "out", Loads(), pilot=pilot)
    assert len(found.pilots) == 2
    for one in found.pilots:
        # A mean over two halves and one over all images round differently in the last bit.
        assert 0 <= one.lp <= one.hardened_lp + 1e-12
        assert one.hardened_lp <= 1
        assert 0 <= one.up <= 1
        assert one.prompt in one.line()
        assert one.prompt not in repr(one)
    best = max(one.up - one.hardened_lp for one in found.pilots)
    winner = next(one for one in found.pilots if one.prompt == found.chosen.candidate.prompt)
    assert winner.up - winner.hardened_lp == best
    assert "pilots" in found.why
    files = sorted(path.name for path in (tmp_path / "out" / "pilot").iterdir())
    assert len(files) == 2
    assert all(name.endswith(".json") for name in files), "models are not left behind"
    loads = Loads()
    assert run(data, tmp_path / "out", loads, pilot=pilot).pilots == found.pilots
    assert loads.count == 1


def test_what_cannot_be_scored(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--images 28"):
        run(data, tmp_path / "out", Loads(), SuggestConfig(images=64))
    nothing = SuggestConfig(offline=OfflineConfig(tables=False, hybrids=0, meaningless=0), images=16)
    with pytest.raises(ConfigError, match="no candidate prompt left"):
        run(data, tmp_path / "empty", Loads(), nothing)
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        run(data, tmp_path / "open", Loads())
    assert not list((tmp_path / "open").iterdir())
    one = tmp_path / "one"
    shutil.copytree(data / "cat", one / "cat")
    with pytest.raises(DataError, match="one class only"):
        run(one, tmp_path / "out", Loads())
    for wrong in ({"images": 7}, {"shortlist": -1}, {"synonyms": 0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            SuggestConfig(**wrong)
    with pytest.raises(ConfigError, match="pilot"):
        PilotConfig(choice=ModelChoice(name="small_resnet8"), count=0)


def test_classes_that_are_numbers_are_noted(tmp_path: Path) -> None:
    numbers = write_shades(tmp_path / "data", 8, levels={"0": 60, "1": 190})
    assert any("no names" in note for note in run(numbers, tmp_path / "out", Loads()).notes)


@pytest.fixture
def tinted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of the command are the stand-in editor's, with a fresh secret where none is given."""

    def key(prompt: str, *, secret: bytes = b"\7" * 32, **_: object) -> Key:
        return tint_key(prompt=prompt, secret=secret)

    monkeypatch.setattr(command, "_key", key)


WORDS = ["--no-tables", "--hybrids", "2", "--meaningless", "1", "--images", "16", "--shortlist", "1"]


@pytest.mark.usefixtures("tinted")
def test_the_command_writes_a_key_and_tells_no_log(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    own = tmp_path / "own.txt"
    own.write_text("a spell of mine\n")
    words = ["prompts", "suggest", str(data), "--out", str(tmp_path / "out"), "--prompts-file", str(own), *WORDS]
    secret = tmp_path / "phrase"
    secret.write_text("a long passphrase")
    secret.chmod(0o600)
    with caplog.at_level(logging.DEBUG):
        code = main([*words, "--json", "--write-key", str(tmp_path / "my.key"), "--passphrase-file", str(secret)])
    said = capsys.readouterr()
    assert code == 0, said.err
    found = json.loads(said.out)
    prompts = [one["prompt"] for one in found["scores"]]
    assert "a spell of mine" in prompts
    assert (tmp_path / "my.key").stat().st_mode & 0o777 == 0o600
    key = load_key(tmp_path / "my.key", passphrase="a long passphrase")
    assert key.settings["prompt"] == found["recommended"]
    assert bytes(key.secret) != SCORING_SECRET
    record = (tmp_path / "out" / "command.json").read_text()
    for prompt in prompts:
        assert prompt not in said.err + caplog.text + record
    assert main([*words, "--write-key", str(tmp_path / "my.key"), "--plain"]) == 2 - 1, "a key is never replaced"


@pytest.mark.usefixtures("tinted")
@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--plain"], 2, "--write-key"),
        (["--pilot", "2"], 2, "--model"),
        (["--allow-upload"], 2, "nobody to upload to"),
        (["--ask-guesses", "2"], 2, "nobody to ask"),
        (["--vision-model", "eye"], 2, "--endpoint"),
        (["--endpoint", "https://host.invalid/v1", "--vision-model", "eye"], 2, "4 of your images would leave"),
        (["--endpoint", "https://host.invalid/v1", "--local-model", "eye"], 2, "exclude each other"),
        (["--local-model", "./none"], 1, "no model folder"),
        (["--prompts-file", "none.txt"], 2, "cannot read the prompts file"),
        (["--images", "400"], 1, "--images 28"),
    ],
)
def test_refusals_are_one_sentence(
    more: list[str], code: int, says: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name in ("SPELLOCK_ENDPOINT", "SPELLOCK_VISION_MODEL", "SPELLOCK_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["prompts", "suggest", str(data), "--out", str(tmp_path / "out"), *WORDS, *more]) == code
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert says in sentence
