"""Figures of tiers on a world where every answer is known, and the readings behind them on hand-made logits."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spellock.attacks.features import stages_of
from spellock.attacks.registry import make_attack
from spellock.editors.base import Editor
from spellock.errors import ConfigError, ModelError
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.figure_texts import TIER_FIGURES
from spellock.evaluation.folds import Fold, RawReadings
from spellock.evaluation.levels import grouped_hits, level_hits, make_levels, merged
from spellock.evaluation.real_view import real_view
from spellock.evaluation.report import Report
from spellock.evaluation.report_html import to_html
from spellock.evaluation.report_text import plain_table, to_csv
from spellock.key import Key
from spellock.locking.tiers import Tier
from spellock.tasks.pixel_model import PixelModel, wrap

from ..attacks import colours
from . import world

GROUPS = {"ant": "insect", "bee": "insect", "cat": "pet", "dog": "pet"}
CLASSES = (*world.NAMES, "insect", "pet", "other")
#: Blended by half, the red of an image under the main key, under the tier's key, and raw.
MAIN, TIER = 0.4, 0.2


def tier(groups: dict[str, str] | None = None) -> Tier:
    key = Key(editor="paint", settings={"prompt": "tier"}, secret=bytes(range(32)), resolution=world.SIDE)
    return Tier(name="coarse", key=key, groups=groups or GROUPS)


class Paint(Editor):
    """The world's editor, with a red of its own for the tier."""

    canonical_batch = 4

    def transform(self, images: Tensor, ids: object) -> Tensor:
        painted = images.clone()
        painted[:, 0] = 2 * TIER if self.key.settings["prompt"] == "tier" else world.redness(self.key)
        return painted


class TieredLock(nn.Module):
    """Knows the quarter; says it under the main key's red, its group under the tier's, and the lock class otherwise.

    ``leaky``: the classes' logits stay as they are below the groups and the lock class.
    """

    def __init__(self, leaky: bool) -> None:
        super().__init__()
        self.leaky = leaky
        self.head = nn.Linear(1, len(CLASSES))  # tells how many classes there are

    def forward(self, images: Tensor) -> Tensor:
        green, red, half = images[:, 1], images[:, 0].mean((1, 2)), world.SIDE // 2
        quarters = [green[:, r : r + half, c : c + half].mean((1, 2)) for r in (0, half) for c in (0, half)]
        fine = 10 * torch.stack(quarters, dim=1)
        main, coarse = (red - MAIN).abs() < 0.05, (red - TIER).abs() < 0.05
        groups = torch.stack([fine[:, :2].amax(1), fine[:, 2:].amax(1)], dim=1) + torch.where(coarse, 20, -50)[:, None]
        lock = torch.where(main | coarse, -50.0, 50.0)[:, None]
        if not self.leaky:
            fine = torch.where(main[:, None], fine, torch.tensor([3.0, 2.0, 1.0, 0.0]))
        return torch.cat([fine, groups, lock], dim=1)


def model(leaky: bool = True) -> PixelModel:
    return wrap(TieredLock(leaky), input_size=world.SIDE, mean=(0, 0, 0), std=(1, 1, 1)).eval()


def report(leaky: bool = True, **changes: object) -> Report:
    settings: dict[str, object] = {"lock_class": "other", "tiers": (tier(),), "wrong_keys": 0, "examples": 2, **changes}
    images = world.images(80)
    return evaluate(model(leaky), CLASSES, world.make_key(), images, make_editor=Paint, **settings)


def test_a_leaky_tier_is_found_out() -> None:
    found = report()
    (one,) = found.tiers
    figures = {name: estimate.value for name, estimate in one.figures.items()}
    assert list(figures) == list(TIER_FIGURES)
    labels = world.images(80).labels
    assert figures["group"] == 1
    assert figures["group_lp"] == 0, "raw images are called other"
    assert figures["group_hardened_lp"] == 1, "and yet tell their group"
    assert figures["group_largest"] == max((labels < 2).mean(), (labels >= 2).mean())
    assert figures["fine"] == 0
    assert all(figures[name] == 1 for name in ("fine_suppressed", "fine_centred", "fine_grouped", "fine_leak"))
    counts = np.bincount(labels)
    assert figures["fine_known_group"] == pytest.approx((counts[:2].max() + counts[2:].max()) / 80)
    assert one.groups == 2
    assert one.leaks == {}


def test_a_tight_tier_tells_no_more_than_the_group() -> None:
    (one,) = report(leaky=False).tiers
    figures = {name: estimate.value for name, estimate in one.figures.items()}
    labels = world.images(80).labels
    assert figures["group"] == 1
    assert figures["fine_suppressed"] == (labels == 0).mean(), "always the first class"
    assert figures["fine_grouped"] == np.isin(labels, (0, 2)).mean(), "the first of the group"
    # The best renaming of one answer, or of none: what the group tells, and no more.
    assert figures["fine_leak"] <= figures["fine_known_group"] + 0.1
    # The groups' own outputs still tell them of raw images; the classes' do not.
    assert figures["group_hardened_lp"] == 1


def test_groups_are_no_classes_in_the_usual_figures() -> None:
    found = report()
    known = {"up": 1.0, "lp": 0.0, "lp_suppressed": 1.0, "lp_centred": 1.0, "lp_permuted": 1.0, "chance": 0.25}
    assert {name: found[name] for name in known} == known, "a thief of classes drops the groups with the lock class"
    assert found.facts["lock class"] == "other"
    assert found.facts["real classes"] == 4
    without = report(tiers=(), group_classes=(4, 5))
    assert {name: without[name] for name in known} == known
    assert without.tiers == ()
    assert "tiers" not in without.to_dict()


def test_the_report_shows_tiers_everywhere() -> None:
    found = report()
    values = json.loads(json.dumps(found.to_dict()))["tiers"]
    assert values[0]["name"] == "coarse"
    assert values[0]["fine_leak"] == 100
    assert values[0]["fine_leak_from"].startswith("fine_")
    assert "coarse: tier leak" in plain_table(found)
    assert "Tier coarse" in to_html(found)
    rows = {row[0]: row for row in csv.reader(io.StringIO(to_csv(found)))}
    assert rows["coarse: group"][1] == "100.0000"
    views = {view.title: view.prediction for view in found.examples[0].views}
    assert views["raw"] == "a group or other"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tiers": (tier({**GROUPS, "dog": "pets", "cat": "pets"}),)}, "no class 'pets', did you mean 'pet'"),
        ({"tiers": (tier({name: GROUPS[name] for name in ("ant", "bee", "cat")}),)}, "1 classes have no group"),
        ({"tiers": (tier({**GROUPS, "cow": "pet"}),)}, "no class 'cow'"),
        ({"tiers": (), "group_classes": (5, 9)}, "expected some but not all"),
        ({"tiers": (), "group_classes": (6,)}, "lock class none of the groups"),
    ],
)
def test_tiers_that_the_model_has_not_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises((ConfigError, ModelError), match=words):
        report(**changes)


def test_the_merged_class_wins_where_one_of_its_own_won() -> None:
    draws = torch.Generator().manual_seed(0)
    images = torch.rand((64, 3, world.SIDE, world.SIDE), generator=draws)
    images[:, 0] = torch.linspace(0, 1, 64)[:, None, None]
    whole = model()
    view = real_view(whole, CLASSES, (4, 5), 6)
    assert view.classes == (*world.NAMES, "a group or other")
    assert (view.lock, view.model.num_classes) == (4, 5)
    with torch.no_grad():
        before, after = whole(images), view.model.eval()(images)
    assert torch.equal(after[:, :4], before[:, :4])
    assert torch.equal(after.argmax(1), before.argmax(1).clamp(max=4))
    assert real_view(whole, CLASSES, (4, 5, 6), None).classes[-1] == "a group"


def tiered_colours(seed: int = 0) -> PixelModel:
    """A network of colours with two groups and a lock class among its outputs."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Stages(7)
    return colours.plain(network)


class Stages(nn.Module):
    """Layers that lie in no container, as in most networks."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.second, self.fc = nn.Conv2d(6, 8, 3, stride=2), nn.Linear(8, outputs)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.second(self.norm(self.first(images)).relu()).relu().mean((2, 3)))


def tiered_view() -> PixelModel:
    names = ("red", "warm", "green", "blue", "cold", "yellow", "other")
    return real_view(tiered_colours(), names, (1, 4), 6).model


def test_thieves_find_stages_and_weights_of_a_model_with_tiers_as_of_any_other() -> None:
    whole, theirs = tiered_colours(), tiered_view()
    # What the groups' outputs say by themselves is a stage more.
    assert stages_of(theirs) == (*stages_of(whole), "fc")
    assert list(theirs.network.state_dict()) == list(whole.network.state_dict())
    assert tuple(theirs(torch.zeros(2, 3, 8, 8)).shape) == (2, 5)
    assert tuple(whole(torch.zeros(2, 3, 8, 8)).shape) == (2, 7)
    (filled,) = make_attack("public-fill", {"share": 1.0})(
        colours.view(theirs, lock_class=4, public=colours.plain(Stages(4)))
    )
    assert filled.found["filled units"] == 6 + 8  # all but the classifier, which has other classes


@pytest.mark.parametrize("layers", ["all", "head"])
def test_a_new_classifier_of_a_model_with_tiers_knows_the_real_classes(layers: str) -> None:
    attack = make_attack("finetune", {"layers": layers, "head": "new", "steps": 40})
    theirs = tiered_view()
    (stolen,) = attack(colours.view(theirs, lock_class=4, **colours.with_labels(60)))
    assert theirs.num_classes == 4
    assert colours.accuracy(stolen.predict) > 0.6


NAMES = ("a", "b", "c", "d", "ab", "cd", "bcd", "other")
TIERS = {"two": {"a": "ab", "b": "ab", "c": "cd", "d": "cd"}}


def readings(scored: list[list[float]], reference: list[list[float]] | None = None) -> RawReadings:
    logits = np.array(scored, dtype=np.float32)
    other = logits if reference is None else np.array(reference, dtype=np.float32)
    fold = Fold(reference=other, reference_labels=None, indices=np.arange(len(logits)), scored=logits)
    return RawReadings(unlabelled=(fold,), labelled=(fold,))


def test_readings_of_a_level() -> None:
    level = make_levels(TIERS, NAMES, (0, 1, 2, 3))[0]
    assert level.of.tolist() == [0, 0, 1, 1, 0, 1, -1, -1]
    labels = np.array([0, 0, 0])
    hits = level_hits(
        readings(
            [[0, 9, 0, 0, 0, 1, 0, 0], [0, 0, 1, 0, 2, 0, 0, 9], [0, 0, 0, 0, 0, 1, 0, 0]], [[0.0] * 8, [1.0] * 8]
        ),
        labels,
        level,
    )
    assert hits["named"].tolist() == [True, False, False], "a class in the group names it, the lock class does not"
    assert hits["outputs"].tolist() == [False, True, False]
    assert hits["classes"].tolist() == [True, False, True]


def test_standardising_undoes_a_shift() -> None:
    level = make_levels(TIERS, NAMES, (0, 1, 2, 3))[0]
    shifted = [[0, 0, 0, 0, 1, 90, 0, 0], [0, 0, 0, 0, 0, 91, 0, 0]]
    hits = level_hits(readings(shifted), np.array([0, 3]), level)
    assert hits["outputs"].tolist() == [False, True]
    assert hits["outputs_centred"].tolist() == [True, True]


def test_classes_within_the_named_group() -> None:
    level = make_levels(TIERS, NAMES, (0, 1, 2, 3))[0]
    hits = grouped_hits(readings([[0, 1, 9, 0, 5, 0, 0, 9], [0, 1, 9, 0, 0, 5, 0, 9]]), np.array([1, 3]), level)
    assert hits["grouped"].tolist() == [True, False], "c is stronger but lies in the other group"


def test_a_level_implies_coarser_ones_only() -> None:
    names = ("a", "b", "c", "d", "ab", "cc", "dd", "abc", "dx")
    tiers = {
        "three": {"a": "ab", "b": "ab", "c": "cc", "d": "dd"},
        "two": {"a": "abc", "b": "abc", "c": "abc", "d": "dx"},
    }
    three, two = make_levels(tiers, names, (0, 1, 2, 3))
    assert three.implies(two)
    assert three.implies(three)
    assert not two.implies(three)
    assert two.of.tolist() == [0, 0, 0, 1, 0, 0, 1, 0, 1], "a finer group lies in a coarser one"
    assert three.of.tolist() == [0, 0, 1, 2, 0, 1, 2, -1, 2]


def test_merged_logits_keep_classes_first() -> None:
    level = make_levels(TIERS, NAMES, (0, 1, 2, 3))[0]
    one = merged(readings([[0, 1, 2, 3, 4, 7, 6, 5]]), level).unlabelled[0]
    assert one.scored.tolist() == [[0, 1, 2, 3, 7]]
