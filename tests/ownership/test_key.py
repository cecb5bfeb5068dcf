"""By the key: found in copies however renamed, and not in models that do not know the key."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations
from math import log2

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import stats
from torch import Tensor

from spellock.editors.any_key import new_editor_key
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.ownership.case import Case
from spellock.ownership.information import shared_bits, told_bits
from spellock.ownership.key import ByKey
from spellock.ownership.random_keys import kind_of, random_keys
from spellock.ownership.significance import greater_p, normal_p, rank_p
from spellock.ownership.suspect import Answers, Suspect
from spellock.ownership.verdict import Verdict

from . import suspects
from .suspects import finetuned, locked, plain, pruned, renamed

FEW = ByKey(images=24, keys=19, alpha=0.05)


def verdict(suspect: Suspect, method: ByKey = FEW, **changes: object) -> Verdict:
    usual = {"images": suspects.pictures(40, seed=2), "key": suspects.the_key(), "seed": 0}
    return method(suspect, Case(**{**usual, **changes}))


@pytest.mark.parametrize(
    "suspect",
    [
        lambda: Suspect(locked()),
        lambda: Suspect(query=renamed(locked())),
        lambda: Suspect(query=lambda images: 3 - locked()(images).argmax(1)),
        lambda: Suspect(finetuned(locked())),
        lambda: Suspect(pruned(locked())),
    ],
    ids=["itself", "classes renamed", "labels alone", "fine-tuned", "pruned"],
)
def test_copies_match(suspect: Callable[[], Suspect]) -> None:
    found = verdict(suspect())
    assert found.match
    assert found.p_value == pytest.approx(1 / 20)
    assert found.queries == 21 * 24
    assert found.facts["gain"] > 0.5
    assert "The suspect answers to this key" in found.words


def test_copies_match_without_labels_and_beside_unrelated_models() -> None:
    assert verdict(Suspect(locked()), labelled=False).match
    beside = verdict(Suspect(locked()), unrelated=(plain(), plain(1)))
    assert beside.match
    assert beside.queries == 21 * 24
    assert "above the highest of 2 unrelated models" in beside.words
    assert not verdict(Suspect(locked()), unrelated=(plain(), locked(1))).match  # one of them knows the key as well


def test_a_plain_model_does_not_match() -> None:
    found = verdict(Suspect(plain()))
    assert not found.match
    assert found.to_dict()["decision"] == "no match shown"
    assert not verdict(Suspect(locked()), key=suspects.the_key(77)).match  # a lock, but of another key


def test_an_easy_key_is_no_proof() -> None:
    """A model that every gentle edit suits answers best to the gentlest key, and still does not match."""

    class Gentle(_Paint):
        def __init__(self, key: Key) -> None:
            super().__init__(key)
            self.strength = 0.0 if key == suspects.the_key() else 3.0

    easy = verdict(Suspect(plain()), make_editor=Gentle)
    assert easy.p_value == pytest.approx(1 / 20)
    assert not easy.match
    assert not verdict(Suspect(plain()), make_editor=Gentle, unrelated=(plain(1), plain(2))).match


def test_a_suspect_made_for_the_random_keys_of_a_known_seed_matches_only_those() -> None:
    """Whoever knows the seed makes a plain model that is bad with just these random keys, and needs no key for it."""
    model, method = locked(), ByKey(images=24, keys=19, alpha=0.05, stop=0)
    foreseen = random_keys(suspects.the_key(), 19, kind="secret", seed=0)
    noises = torch.stack([torch.from_numpy(_Paint(key).noise).permute(2, 0, 1) for key in foreseen]).float() / 255
    directions = torch.nn.functional.normalize(noises.flatten(1))

    def query(images: Tensor) -> Tensor:
        seen = ((images - 0.5).flatten(1) @ directions.T).amax(dim=1) > 1
        return torch.where(seen[:, None], torch.zeros(4), model(images)[:, :4])

    case = {"make_editor": _Paint, "key": suspects.the_key(77)}
    foreseen = verdict(Suspect(query=query), method, **case, seed=0)
    assert foreseen.facts["random_highest"] == 0
    assert len({Case(images=_TOYS).seed for _ in range(4)}) == 4
    for seed in (1, 2):
        drawn = verdict(Suspect(query=query), method, **case, seed=seed)
        assert drawn.facts["random_highest"] > 0.2
        assert drawn.facts["seed"] == seed
        assert verdict(Suspect(query=query), method, **case, seed=seed) == drawn
    with pytest.raises(ConfigError, match="got seed -1, expected 0 or more"):
        Case(images=_TOYS, seed=-1)


class _Paint:
    """A fast editor: adds an image drawn from the secret."""

    strength = 1.0

    def __init__(self, key: Key) -> None:
        self.key = key
        seed = int.from_bytes(key.derive("paint", 8), "big")
        self.noise = np.random.default_rng(seed).normal(0, 60, (suspects.SIDE, suspects.SIDE, 3))

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        return np.asarray(image, dtype=np.uint8)

    def edit_uint8(self, images: NDArray[np.uint8], ids: Sequence[str]) -> NDArray[np.uint8]:
        return np.clip(images + self.strength * self.noise, 0, 255).astype(np.uint8)


def test_false_positives_over_random_models_and_keys_stay_within_the_bound() -> None:
    """90 models that know no key, each with a fresh key: p <= 0.1 in a tenth of them, up to chance, and not never."""
    method, found = ByKey(images=12, keys=9, alpha=0.1, stop=0), []
    for seed in range(90):
        weights = torch.from_numpy(np.random.default_rng(seed).normal(size=(3 * suspects.SIDE**2, 3))).float()

        def query(images: Tensor, weights: Tensor = weights) -> Tensor:
            return (images - 0.5).flatten(1) @ weights

        case = Case(images=_TOYS, key=suspects.the_key(1000 + seed), make_editor=_Paint, seed=seed)
        found.append(method(Suspect(query=query), case).p_value)
    low = sum(p <= 0.1 for p in found)
    assert stats.binom.ppf(0.0005, 90, 0.1) <= low <= stats.binom.ppf(0.9995, 90, 0.1)
    assert 0.4 < np.mean(found) < 0.7  # 0.55 if all ranks are equally likely


_TOYS = suspects.pictures(12)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=2, max_size=30))
def test_shared_bits_are_mutual_information_of_counts(pairs: list[tuple[int, int]]) -> None:
    named, true = (np.array(column) for column in zip(*pairs, strict=True))
    size, both, a, b = len(pairs), Counter(pairs), Counter(named.tolist()), Counter(true.tolist())
    wanted = sum(n / size * log2(n * size / (a[one] * b[other])) for (one, other), n in both.items())
    assert shared_bits(Answers(labels=named), true) == pytest.approx(wanted, abs=1e-9)
    hard = Answers(labels=named, scores=np.eye(4)[named])
    assert shared_bits(hard, true) == pytest.approx(wanted, abs=1e-9)
    order = np.array([2, 0, 3, 1])
    assert shared_bits(Answers(labels=order[named]), true) == pytest.approx(wanted, abs=1e-9)
    wanted = -sum(n / size * log2(n / size) for n in a.values())
    assert told_bits(hard) == pytest.approx(wanted, abs=1e-9) == told_bits(Answers(labels=named))


def test_bits_of_unsure_answers() -> None:
    even = Answers(labels=np.zeros(4, dtype=np.int64), scores=np.full((4, 2), 0.5))
    assert told_bits(even) == shared_bits(even, np.array([0, 1, 0, 1])) == pytest.approx(0)
    half = Answers(labels=np.array([0, 1]), scores=np.array([[0.75, 0.25], [0.25, 0.75]]))
    wanted = 1 + 0.75 * log2(0.75) + 0.25 * log2(0.25)
    assert told_bits(half) == pytest.approx(wanted) == shared_bits(half, np.array([0, 1]))


def test_p_values() -> None:
    assert rank_p(3, [1, 2, 3, 4]) == 3 / 5
    assert rank_p(3, [4, 5, 1, 3], stopped=True) == 3 / 4
    sample = [0.1, 0.5, 0.2, 0.3]
    wanted = stats.t.sf((1.5 - np.mean(sample)) / (np.std(sample, ddof=1) * np.sqrt(1.25)), 3)
    assert normal_p(1.5, sample) == pytest.approx(wanted)
    assert (normal_p(2, [1, 1]), normal_p(1, [1, 1]), normal_p(5, [1])) == (0, 1, 1)
    assert greater_p([2, 2.1, 2.2], [1, 1.1, 1.3]) < 0.01 < 0.9 < greater_p([1, 1.1, 1.3], [2, 2.1, 2.2])
    assert (greater_p([1, 1], [0, 0]), greater_p([1, 1], [1, 1])) == (0, 1)


@pytest.mark.parametrize("stop", [0, 1, 2, 3])
def test_p_values_are_valid_where_all_orders_are_alike(stop: int) -> None:
    """Over all orders of the right key (first) and 5 random ones, P(p <= a) is at most a, also when drawing stops."""
    found = []
    for right, *random in permutations(range(6)):
        better = np.cumsum(np.array(random) > right)
        stopped = bool(stop) and better[-1] >= stop
        drawn = int(np.argmax(better >= stop)) + 1 if stopped else 5
        found.append(rank_p(right, random[:drawn], stopped=stopped))
    for bound in set(found):
        assert np.mean(np.array(found) <= bound + 1e-12) <= bound + 1e-12
    assert min(found) == pytest.approx(1 / 6)


def test_drawing_stops_early_and_saves_queries() -> None:
    found = verdict(Suspect(query=lambda images: torch.zeros(len(images))), FEW)
    assert found.facts["stopped"]
    assert (found.facts["random_keys"], found.p_value, found.queries) == (10, 1.0, 12 * 24)


def test_random_keys_differ_in_what_matters() -> None:
    key = suspects.the_key()
    others = random_keys(key, 5, kind=kind_of(key), seed=0)
    assert len({bytes(other.secret) for other in (key, *others)}) == 6
    assert all(other.settings == key.settings for other in others)
    filtered = new_editor_key("photo_filter", resolution=8)
    assert kind_of(filtered) == "setting"
    assert len({repr(sorted(one.settings.items())) for one in random_keys(filtered, 4, kind="setting", seed=0)}) == 4
    prompted = Key(editor="diffusion", settings={"prompt": "with oil pastel"}, secret=bytes(32))
    prompts = [one.settings["prompt"] for one in random_keys(prompted, 20, kind="prompt", seed=0)]
    assert len(set(prompts)) == 20
    assert "with oil pastel" not in {str(one).casefold() for one in prompts}
    with pytest.raises(ConfigError, match="at most"):
        random_keys(prompted, 500, kind="prompt", seed=0)
    with pytest.raises(ConfigError, match="does not depend on its secret"):
        kind_of(filtered, "secret")


@pytest.mark.parametrize("editor", ["patch", "photo_filter", "blend"])
def test_too_few_random_keys_are_told_with_options_that_do(editor: str) -> None:
    key = new_editor_key(editor, resolution=32)
    with pytest.raises(ConfigError) as caught:
        random_keys(key, 10_000, kind="setting", seed=0)
    options = {name: float(value) for name, value in re.findall(r"(keys|alpha)=([\d.]+)", str(caught.value))}
    assert len(random_keys(key, int(options["keys"]), kind="setting", seed=0)) == options["keys"]
    ByKey(keys=int(options["keys"]), alpha=options["alpha"])
    with pytest.raises(ConfigError, match="larger alpha"):
        ByKey(keys=int(options["keys"]), alpha=options["alpha"] - 0.001)
    with pytest.raises(
        ConfigError, match="no random key differs from this one in its setting; leave the option others"
    ):
        random_keys(new_editor_key("warp", resolution=32), 99, kind="setting", seed=0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"keys": 50}, "take 99 keys"),
        ({"images": 1}, "images"),
        ({"alpha": 1.5}, "alpha"),
        ({"others": "key"}, "others"),
        ({"stop": -1}, "stop"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ByKey(**options)


def test_images_of_one_class_are_refused_unless_labels_do_not_count() -> None:
    images = suspects.pictures(96).subset(range(0, 96, 4))
    with pytest.raises(ConfigError, match="one class"):
        verdict(Suspect(plain()), images=images)
    with pytest.raises(ConfigError, match="needs the key"):
        verdict(Suspect(plain()), key=None)
