"""Guessed prompts open a lock whose editor lets any secret pass, and no guess is ever written down."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from spellock.attacks.budget import Budget, Clock, Query
from spellock.attacks.guessing import Guesser, judge, own_secret
from spellock.attacks.monte_carlo import _step
from spellock.attacks.prompt_words import dictionary, five_kinds
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.registry import make_attack
from spellock.attacks.view import AttackerView
from spellock.editors.base import Editor
from spellock.errors import ConfigError, EditorError
from spellock.key import Key
from spellock.pixels import to_uint8

from . import colours

RIGHT = "with oil pastel"


class BorderEditor(Editor):
    """Paints the border in a grey that the prompt names; the secret plays no part, which is what is weak."""

    canonical_batch = 4

    def __init__(self, key: Key) -> None:
        if not str(key.settings["prompt"]).strip():
            raise ConfigError("the key prompt is empty, expected some words; give one")
        super().__init__(key)

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        edited = images.clone()
        edited[:, :, [0, -1], :] = grey(str(self.key.settings["prompt"]))
        return edited


def grey(prompt: str) -> float:
    return hashlib.sha256(prompt.encode()).digest()[0] / 255


def editor() -> PublicEditor:
    return PublicEditor(
        name="border", settings={"prompt": "never kept", "steps": 5}, gamma=1.0, resolution=8, resize="bicubic",
        make=BorderEditor,
    )  # fmt: skip


def doubting(images: Tensor) -> Tensor:
    """The inner image with its colours, which go grey as the border leaves what the right prompt paints."""
    inner, border = images[:, :, 1:-1], images[:, :, [0, -1]].mean((1, 2, 3), keepdim=True)
    trust = (1 - 20 * (border - grey(RIGHT)).abs()).clamp_min(0)
    wrong = inner[:, [1, 2, 0]]
    return torch.where(trust > 0.5, inner, 0.4 + 0.05 * wrong)


def view(**changes: object) -> AttackerView:
    return colours.view(colours.locked(before=doubting), editor=editor(), **changes)


def test_the_search_finds_the_prompt_without_labels(tmp_path: Path) -> None:
    assert colours.argmax(colours.locked(before=doubting)) < 0.6
    stolen = make_attack("prompt-search")(view(), tmp_path)
    assert len(stolen) == 5
    assert stolen[0].guess is not None
    assert abs(grey(str(stolen[0].guess.settings["prompt"])) - grey(RIGHT)) < 0.03
    assert colours.accuracy(stolen[0].predict) > 0.9
    for path in tmp_path.iterdir():
        assert "pastel" not in path.read_text()
    assert RIGHT not in repr(stolen)


def test_the_search_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    attack = make_attack("prompt-search", {"images": 4})
    first = [one.found["score"] for one in attack(view(), tmp_path)]
    refusing = PublicEditor(
        name="border", settings={}, gamma=1.0, resolution=8, resize="bicubic", make=lambda key: pytest.fail("edited")
    )
    again = colours.view(colours.locked(before=doubting), editor=refusing)
    assert [one.found["score"] for one in attack(again, tmp_path)] == first


class Stopped(Budget):
    """A budget whose time is over after so many looks at the clock."""

    def clock(self) -> Clock:
        return Countdown(int(self.seconds or 0))


class Countdown(Clock):
    def __init__(self, looks: int) -> None:
        super().__init__(None)
        self.left = looks

    @property
    def over(self) -> bool:
        self.left -= 1
        return self.left < 0


def ranks(name: str, work: Path, **changes: object) -> list[tuple[object, bytes, object]]:
    stolen = make_attack(name, {"images": 4})(view(**changes), work)
    return [(one.guess.settings["prompt"], one.guess.secret, one.found["score"]) for one in stolen if one.guess]


@pytest.mark.parametrize("looks", [10, 104, 110])
@pytest.mark.parametrize("name", ["prompt-search", "monte-carlo"])
def test_scores_of_a_search_that_time_stopped_stay_with_their_keys(tmp_path: Path, name: str, looks: int) -> None:
    ranks(name, tmp_path / "stopped", budget=Stopped(seconds=looks))
    assert ranks(name, tmp_path / "stopped") == ranks(name, tmp_path / "whole")


def test_scores_of_fewer_prompts_stay_with_their_keys(tmp_path: Path) -> None:
    """Behind the last prompt that is tried come the best with other secrets, at the numbers of prompts left out."""
    ranks("prompt-search", tmp_path / "few", budget=Budget(candidates=40))
    assert ranks("prompt-search", tmp_path / "few") == ranks("prompt-search", tmp_path / "whole")


def test_a_random_walk_climbs_and_goes_on(tmp_path: Path) -> None:
    attack = make_attack("monte-carlo", {"steps": 120, "images": 4})
    stolen = attack(view(), tmp_path)
    found = [one.found["score"] for one in stolen]
    assert found == sorted(found, reverse=True)
    assert colours.accuracy(stolen[0].predict) > 0.9
    assert "pastel" not in (tmp_path / "scores.json").read_text()
    refusing = PublicEditor(
        name="border", settings={}, gamma=1.0, resolution=8, resize="bicubic", make=lambda key: pytest.fail("edited")
    )
    again = attack(colours.view(colours.locked(before=doubting), editor=refusing), tmp_path)
    assert [one.found["score"] for one in again] == found
    start = ("with oil pastel", 0)
    steps = {_step(start, random.Random(seed)) for seed in range(600)}
    assert {secret for _, secret in steps} == set(range(16))
    assert all(prompt.strip() for prompt, _ in steps)
    assert {len(prompt.split()) for prompt, _ in steps} >= {2, 3, 4}


def test_random_prompts_are_of_five_kinds() -> None:
    stolen = make_attack("random-prompts", {"count": 2})(view())
    assert [one.name for one in stolen] == [
        f"{kind} {number}" for kind in ("object", "style", "modification", "meaningless") for number in (1, 2)
    ]  # the empty prompt is refused by this editor
    kinds = five_kinds(3, seed=0)
    assert list(kinds) == ["object", "style", "modification", "empty", "meaningless"]
    assert kinds["empty"] == ("",)
    assert all(len(set(prompts)) == (1 if kind == "empty" else 3) for kind, prompts in kinds.items())
    assert kinds != five_kinds(3, seed=1)


class LazyEditor(BorderEditor):
    """Of the prompt it heeds only whether it has an odd number of letters, so every other wrong one is right."""

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        edited = images.clone()
        edited[:, :, [0, -1], :] = grey(RIGHT) if len(str(self.key.settings["prompt"])) % 2 else 1 - grey(RIGHT)
        return edited


def test_random_prompts_open_a_lock_whose_editor_hardly_listens() -> None:
    def worth(make: type[Editor]) -> list[float]:
        public = PublicEditor(name="lazy", settings={}, gamma=1.0, resolution=8, resize="bicubic", make=make)
        stolen = make_attack("random-prompts", {"count": 3})(
            colours.view(colours.locked(before=doubting), editor=public)
        )
        assert all(one.guess is not None and one.guess.settings["prompt"] != RIGHT for one in stolen)
        return [colours.accuracy(one.predict) for one in stolen]

    assert len(RIGHT) % 2
    lazy, heeding = worth(LazyEditor), worth(BorderEditor)
    assert sum(one > 0.9 for one in lazy) >= 3
    assert max(heeding) < 0.9


class ShortEditor(BorderEditor):
    """Its text encoder reads few letters."""

    longest = 20

    def __init__(self, key: Key) -> None:
        if len(str(key.settings["prompt"])) > self.longest:
            raise EditorError("the key prompt has too many letters, shorten it")
        super().__init__(key)


class DeafEditor(ShortEditor):
    longest = 0


@pytest.mark.parametrize("name", ["prompt-search", "monte-carlo", "random-prompts"])
def test_prompts_that_are_too_long_are_passed_over(name: str) -> None:
    def seen_by(make: type[Editor]) -> AttackerView:
        public = PublicEditor(name="border", settings={}, gamma=1.0, resolution=8, resize="bicubic", make=make)
        return colours.view(colours.locked(before=doubting), editor=public)

    options: dict[str, int] = {"prompt-search": {"images": 4}, "monte-carlo": {"images": 4, "steps": 40}}.get(name, {})
    stolen = make_attack(name, options)(seen_by(ShortEditor))
    assert stolen
    assert all(one.guess is not None and len(str(one.guess.settings["prompt"])) <= 20 for one in stolen)
    with pytest.raises(ConfigError, match=r"no (guessed|random) prompt could be tried"):
        make_attack(name, options)(seen_by(DeafEditor))


def test_budgets_bound_keys_and_answers() -> None:
    assert len(make_attack("random-prompts")(view(budget=Budget(candidates=3)))) == 3
    query = Query(colours.locked(before=doubting), limit=400)
    asking = colours.view(None, query=query, editor=editor(), budget=Budget(queries=400))
    stolen = make_attack("prompt-search")(asking)
    assert query.spent <= 400
    assert stolen[0].found["tried"] > 90
    poor = colours.view(None, query=Query(colours.locked(), limit=50), editor=editor(), budget=Budget(queries=50))
    with pytest.raises(ConfigError, match="lower candidates"):
        make_attack("prompt-search")(poor)


def test_rankings_read_what_they_say() -> None:
    real = np.array([0, 1])
    sure = np.array([[9.0, 0, -9], [0, 9.0, -9]], dtype=np.float32)
    locked = np.array([[9.0, 0, 30], [0, 9.0, 30]], dtype=np.float32)
    collapsed = np.array([[9.0, 0, -9], [9.0, 0, -9]], dtype=np.float32)
    assert judge(sure, real, "confidence") == pytest.approx(judge(locked, real, "confidence"))
    assert judge(sure, real, "lock") > judge(locked, real, "lock") + 0.9
    assert judge(sure, real, "both") > judge(locked, real, "both") + 0.9
    assert judge(sure, real, "both") == pytest.approx(judge(collapsed, real, "both"))
    assert judge(sure, real, "information") > judge(collapsed, real, "information") + 0.6


def test_guesses_keep_nothing_of_the_owner() -> None:
    public = editor()
    assert "prompt" not in public.settings
    key = public.guess("mine", own_secret(3))
    assert dict(key.settings) == {"prompt": "mine", "steps": 5}
    assert bytes(key.secret) == own_secret(3) != own_secret(4)
    assert len(set(dictionary())) == len(dictionary()) > 90


@pytest.mark.parametrize("resize", ["nearest", "box", "bicubic"])
def test_guesses_are_resized_as_the_key_says(resize: str) -> None:
    """The right guess gives what the key's own editor gives, whatever filter it has."""
    public = PublicEditor(name="seen", settings={}, gamma=1.0, resolution=8, resize=resize, make=Seen)
    large = torch.randint(0, 256, (2, 3, 19, 19), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    key = public.guess("anything", bytes(32))
    guesser = Guesser(view=colours.view(colours.locked()), editor=public, real=np.arange(4))
    guessed = to_uint8(guesser.edited(key, large.float() / 255)).permute(0, 2, 3, 1).numpy().astype(int)
    wanted = [Seen(key).prepare(Image.fromarray(one.permute(1, 2, 0).numpy())) for one in large]
    assert np.abs(guessed - np.stack(wanted)).max() <= (1 if resize == "bicubic" else 0)


class Seen(Editor):
    """Shows what it is given."""

    canonical_batch = 2

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        return images
