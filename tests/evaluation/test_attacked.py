"""Attacks are measured on images that they have not seen, beside their controls, and never see the key."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from spellock.attacks.base import Stolen
from spellock.attacks.budget import Budget
from spellock.attacks.registry import make_attack
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError, DataError, ModelError
from spellock.evaluation.attack_plan import AttackPlan, Trial, trials
from spellock.evaluation.attack_store import AttackStore, Done
from spellock.evaluation.attacked import evaluate_attacks
from spellock.evaluation.bits_stolen import bits_stolen, label_costs
from spellock.evaluation.halves import halves
from spellock.evaluation.thief import Thief, pictures
from spellock.key import Key

from ..attacks import colours
from .attacked_world import (
    NAMES,
    PLAN,
    PROMPT,
    SECRET,
    SEEN,
    InvertingEditor,
    Spy,
    image_set,
    locked,
    reachable,
    run,
    the_key,
)


def test_a_view_holds_its_level_and_neither_key_nor_scored_images() -> None:
    SEEN.clear()
    run([Trial(name="spy", variant="", attack=Spy(level=level)) for level in ("labels", "pairs")])
    few, more, pair, pairs = (view for view in SEEN if view.stolen.num_classes == 5)  # not the controls
    assert [len(few.labels), len(more.labels)] == [8, 24]
    assert few.edited is None
    assert sorted(np.bincount(few.labels)) == [2, 2, 2, 2]
    assert [len(pair.edited), len(pairs.edited)] == [2, 20]
    assert pairs.labelled is None
    assert torch.equal(pairs.edited_raw, 255 - pairs.edited)
    test = image_set()
    first, second = halves(test.labels, seed=0)
    scored = {np.asarray(test.open(int(place))).tobytes() for place in second}
    for view in SEEN:
        for images in (view.unlabelled, view.labelled, view.edited_raw):
            if images is not None:
                held = {image.permute(1, 2, 0).numpy().tobytes() for image in images}
                assert not held & scored
        assert view.editor is not None
        assert "prompt" not in view.editor.settings
        reached = reachable(view)
        assert not [one for one in reached if isinstance(one, Key)]
        assert PROMPT not in repr([one for one in reached if isinstance(one, str | bytes)])
        assert SECRET not in [one for one in reached if isinstance(one, bytes)]
    true = {np.asarray(test.open(int(place))).tobytes(): test.labels[place] for place in first}
    shown = [image.permute(1, 2, 0).numpy().tobytes() for image in more.labelled]
    assert [true[one] for one in shown] == more.labels.tolist()


def test_the_search_for_a_key_finds_one() -> None:
    key = the_key()
    view = colours.view(colours.locked(before=lambda images: images * key.gamma))
    assert [one for one in reachable(view) if isinstance(one, Key)]


def test_figures_are_those_of_the_scored_images() -> None:
    budget = Budget(steps=60)
    report = run(trials(["suppressed", "translator"]), plan=dataclasses.replace(PLAN, leaked=(20,), budget=budget))
    plain, raw, pairs = report.rows
    test = image_set()
    _, second = halves(test.labels, seed=0)
    images = torch.from_numpy(np.stack([np.asarray(test.open(int(place))) for place in second])).permute(0, 3, 1, 2)
    with torch.no_grad():
        right = locked()(images.float() / 255)[:, :4].argmax(1).numpy() == test.labels[second]
    assert plain.accuracy is not None
    assert plain.accuracy.value == pytest.approx(right.mean())
    assert plain.accuracy.low <= right.mean() < plain.accuracy.high
    assert (plain.variant, raw.variant) == ("", "bn")
    assert pairs.accuracy.value > 0.9 > 0.5 > plain.accuracy.value
    assert pairs.name == "translator, 20 pairs"
    assert report.strongest["20 pairs"].locked.value > 0.9
    assert report.strongest["raw images alone"].locked.value < 0.5
    assert report.chance == 0.25


def test_controls_get_the_same_data_and_the_advantage_is_paired(tmp_path: Path) -> None:
    public = colours.locked()  # knows the colours without any key
    report = run(trials(["prototypes", "suppressed"]), public=public, plan=dataclasses.replace(PLAN, labels=(24,)))
    probe = report.rows[0]
    assert probe.public.value > 0.9
    assert probe.random is not None
    assert probe.advantage.value == pytest.approx(probe.accuracy.value - probe.public.value)
    assert probe.advantage.low <= probe.advantage.value <= probe.advantage.high
    strongest = report.strongest["24 labels"]
    assert strongest.advantage == pytest.approx(strongest.locked.value - strongest.public.value)
    assert report.rows[1].public.value > 0.9  # a public classifier needs no labels
    assert report.rows[1].random is None
    with pytest.raises(ModelError, match="expected 4"):
        run(trials(["ridge"]), public=locked())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Choosy(Spy):
    """Runs on the locked model alone: refuses networks that have no lock class."""

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        if view.lock_class is None:
            raise ConfigError("this network has no such layer")
        return super().__call__(view, work)


def test_a_control_that_cannot_be_run_costs_no_other_row(caplog: pytest.LogCaptureFixture) -> None:
    chosen = [Trial(name="choosy", variant="", attack=Choosy()), *trials(["prototypes"])]
    report = run(chosen, public=colours.locked(), plan=dataclasses.replace(PLAN, labels=(8, 24)))
    choosy = [row for row in report.rows if row.attack == "choosy"]
    assert [row.accuracy is not None for row in choosy] == [True, True]
    assert all(row.public is None and row.random is None and row.bits is None for row in choosy)
    assert all(row.public is not None for row in report.rows if row.attack == "prototypes")
    assert "no control with public weights, because this network has no such layer" in caplog.text


def test_bits_stolen_are_those_of_the_probes_own_scores() -> None:
    """The next labels are coded with what the probe says of them, before it is fitted on them."""
    public = colours.plain(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4)))
    report = run(trials(["prototypes"]), public=public, plan=dataclasses.replace(PLAN, labels=(8, 24, 60)))
    few, more, most = report.rows
    assert few.bits is None
    assert (more.bits.labels, most.bits.labels) == (24, 60)
    thief = _thief()
    costs: dict[str, list[np.ndarray]] = {"locked": [], "public": []}
    for count, following in ((8, 24), (24, 60)):
        for start, model in (("locked", locked()), ("public", public)):
            view = thief.view(model, "labels", labels=count, lock_class=4 if start == "locked" else None, seed=0)
            (stolen,) = make_attack("prototypes")(view)
            known = {image.numpy().tobytes() for image in view.labelled}
            later = thief.view(model, "labels", labels=following, lock_class=None, seed=0)
            new = [place for place, image in enumerate(later.labelled) if image.numpy().tobytes() not in known]
            assert len(new) == following - count
            scores = stolen.predict(later.labelled[new].float() / 255).numpy()
            costs[start].append(label_costs(scores, later.labels[new]).astype(np.float32).astype(np.float64))
        found = {24: more, 60: most}[following].bits
        assert found == bits_stolen(8, costs["locked"], costs["public"])


def _thief() -> Thief:
    test = image_set()
    first, _ = halves(test.labels, seed=0)
    return Thief(
        pool=pictures(test, first, side=colours.SIDE), labels=test.labels[first], classes=4, lock_class=4, leaked=None,
        leaked_raw=None, editor=None, unlabelled=60, budget=Budget(),
    )  # fmt: skip


def test_each_thief_gets_the_best_that_it_can_do() -> None:
    attacks = [*trials(["suppressed", "translator"]), dataclasses.replace(trials(["centred"])[0], black_box=True)]
    plan = dataclasses.replace(PLAN, leaked=(20,), budget=Budget(steps=60))
    report = run(attacks, plan=plan, public=colours.locked())
    thieves = {(one.level, one.amount.leaked): one for one in report.verdicts}
    assert list(thieves) == [("query", 0), ("weights", 0), ("pairs", 20)]
    assert thieves["query", 0].name == "centred, only asking"
    assert thieves["weights", 0].locked.value >= thieves["query", 0].locked.value
    pairs = thieves["pairs", 20]
    assert (pairs.name, pairs.locked.value > 0.9) == ("translator, 20 pairs #1", True)  # its network
    assert pairs.public.value > 0.9  # of the attacks that public weights have a control for
    rows = {row.name: row for row in report.rows}
    assert rows["centred, only asking"].queries == 60
    assert rows["suppressed"].queries == 60
    shown = report.pictures["translator, 20 pairs"]
    truths = image_set().labels[list(report.shown)]
    assert len(shown) == len(truths) == 6
    edited = np.asarray(Image.open(io.BytesIO(shown[0][0]))).astype(int)
    raw = np.asarray(Image.open(io.BytesIO(report.pictures["suppressed"][0][0]))).astype(int)
    assert np.abs(edited - (255 - raw)).mean() < 0.6 * np.abs(edited - raw).mean()
    assert sum(named == truth for (_, named), truth in zip(shown, truths, strict=True)) >= 5


def test_an_unlocked_model_answers_what_it_is_asked() -> None:
    SEEN.clear()
    spy = Trial(name="spy", variant="", attack=Spy(level="customer"), asked=(10,))
    report = run([spy])
    assert report.rows[0].name == "spy, 10 answers"
    assert report.rows[0].level == "customer"
    view = SEEN[0]
    answers = view.customer(np.arange(10))
    with torch.no_grad():
        wanted = locked()((255 - view.unlabelled[:10]).float() / 255)[:, :4].softmax(1).numpy()
    assert np.allclose(answers, wanted, atol=1e-5)
    assert (view.customer.spent, view.customer.left) == (10, 0)
    view.customer(np.arange(5))  # answered already
    with pytest.raises(ConfigError, match="budget has 10"):
        view.customer(np.arange(11))
    assert not [one for one in reachable(view) if isinstance(one, Key)]


def test_draws_are_averaged(tmp_path: Path) -> None:
    report = run(trials(["ridge"]), plan=dataclasses.replace(PLAN, labels=(8,), draws=3), work=tmp_path)
    (row,) = report.rows
    assert row.accuracy.low <= row.accuracy.value <= row.accuracy.high
    assert report.facts["draws"] == 3
    names = [path.stem for path in tmp_path.glob("*.json")]
    assert len(names) == 6  # the locked model and the random one, three times each
    one = run(trials(["ridge"]), plan=dataclasses.replace(PLAN, labels=(8,)), work=tmp_path)
    assert len(list(tmp_path.glob("*.json"))) == 6  # the first draw is there already
    assert one.rows[0].accuracy.low < one.rows[0].accuracy.high


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    chosen = [Trial(name="spy", variant="", attack=Spy())]
    first = run(chosen, work=tmp_path)
    SEEN.clear()
    again = run(chosen, work=tmp_path)
    assert not SEEN
    assert again.to_dict()["attacks"] == first.to_dict()["attacks"]
    run(chosen, work=tmp_path, unlabelled=59)  # another run
    assert SEEN
    asked = [Trial(name="spy", variant="", attack=Spy(level="customer"), asked=(10,))]
    run(asked, work=tmp_path)
    SEEN.clear()
    run(asked, work=tmp_path)
    assert not SEEN
    run(asked, work=tmp_path, key=the_key().with_settings(prompt="another"))  # another key gives other answers
    assert SEEN
    SEEN.clear()
    for path in tmp_path.glob("*.json"):
        path.write_text("{")
    run(chosen, work=tmp_path)
    assert SEEN


def test_what_is_kept_of_an_attack_does_not_show_its_options(tmp_path: Path) -> None:
    store, name = AttackStore(tmp_path, "run"), "WeaveReading(pairs=True, prompt='zanzibar') locked pairs 0 10 0"
    done = Done(hits=np.array([[True, False, True]]), found={"read from": 10}, seconds=1.5, queries=7)
    store.save(name, done)
    (path,) = tmp_path.iterdir()
    assert b"zanzibar" not in path.read_bytes()
    again = store.load(name)
    assert again.hits.tolist() == done.hits.tolist()
    assert (again.found, again.seconds, again.queries) == (done.found, 1.5, 7)
    assert store.load(name.replace("zanzibar", "quagga")) is None


def test_an_attack_that_goes_on_from_its_checkpoints_took_what_its_longest_run_took(tmp_path: Path) -> None:
    store = AttackStore(tmp_path, "run")
    assert store.whole("tent", 90.0) == 90
    assert store.whole("ridge", 3.0) == 3
    again = AttackStore(tmp_path, "run")
    assert again.whole("tent", 2.0) == 90
    assert again.whole("ridge", 4.0) == 4
    assert again.spared == 88
    for path in tmp_path.glob("*.json"):
        path.write_text("[]")
    assert AttackStore(tmp_path, "run").whole("tent", 2.0) == 2
    assert AttackStore(tmp_path, "another run").whole("tent", 1.0) == 1
    assert AttackStore(None, "run").whole("tent", 1.0) == 1


def test_what_cannot_be_run_is_said() -> None:
    report = run(trials(["tent", "random-prompts", "suppressed"]), plan=dataclasses.replace(PLAN, black_box=True))
    skipped = {(row.attack, row.variant): row.skipped for row in report.rows}
    assert "answers" in skipped[("tent", "")]
    assert skipped[("suppressed", "")] == ""
    assert "answers" in skipped[("suppressed", "bn")]
    guesses = next(row for row in report.rows if row.attack == "random-prompts")
    assert guesses.candidates == 17
    assert guesses.mean.value == pytest.approx(guesses.best.value, abs=0.3)
    assert "tent" not in {one.name for one in report.strongest.values()}
    copies = trials(["knockoff"], {"asks": "locked", "steps": 2})
    limited = dataclasses.replace(PLAN, black_box=True, budget=Budget(queries=20))
    (row,) = run(copies, plan=limited, public=colours.trained()).rows
    assert (row.level, row.skipped, row.queries) == ("query", "", 20)
    assert row.public is not None
    (row,) = run(copies, plan=limited).rows
    assert "no public weights" in row.skipped
    report = run(trials(["tent"]))  # the network has no normalisation layer
    assert "normalisation" in report.rows[0].skipped
    with pytest.raises(DataError, match="24 labelled images"):
        evaluate_attacks(
            locked(), (*NAMES, "other"), the_key(), image_set(20), trials(["ridge"]), PLAN, lock_class="other",
            make_editor=InvertingEditor,
        )  # fmt: skip
    with pytest.raises(ConfigError, match="no attack"):
        run([])
    for wrong in ({"labels": (5, 0)}, {"leaked": (0,)}, {"asked": (0,)}, {"draws": 0}, {"candidate_images": 0}):
        with pytest.raises(ConfigError, match=f"got 0 for {next(iter(wrong))}, expected 1 or more"):
            AttackPlan(**wrong)
