"""Regularisers in the loop: what is heard of which images, the start weights beside them, resuming to the byte."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import guided_toy
import numpy as np
import pytest
import torch
import training_toy as toy
from test_finetune import Kill, dropping, weights
from torch import nn

from spellock.errors import ConfigError, DataError, ModelError
from spellock.tasks import PixelModel, create_model, wrap
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import FinetuneResult, finetune
from spellock.training.objectives.teacher import Teacher
from spellock.training.projection import Projection
from spellock.training.regularisation import Regularisation
from spellock.training.regularisers import Regulariser, Unauthorised
from spellock.training.regularisers.anchor import Anchor
from spellock.training.regularisers.probe import Probe
from spellock.training.stages import Stages, stage_names
from spellock.training.start_weights import StartWeights

CONFIG = FinetuneConfig(epochs=2, batch_size=32, unauthorised_share=0.5, alone_share=0.5, precision="fp32")
BOTH = (Anchor(), Probe())


def regularised(*regularisers: Regulariser, **changes: object) -> Regularisation:
    arguments = {"truth": toy.labels(), "classes": 3, "raw": raw()} | changes
    return Regularisation(regularisers=regularisers, **arguments)  # type: ignore[arg-type]


def raw() -> np.ndarray:
    """Two thirds of the unauthorised images."""
    return ~toy.authorised() & (np.arange(toy.COUNT) % 3 != 0)


def train(
    out: Path, model: PixelModel, regularisation: Regularisation | None, config: FinetuneConfig = CONFIG, **more: object
) -> FinetuneResult:
    arguments = {"authorised": toy.authorised(), "raw": raw(), "regularisation": regularisation} | more
    return finetune(model, guided_toy.images(), toy.labels(), toy.TASK, config, out, **arguments)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Noting:
    """Nothing but a note of what was seen."""

    asks_start: ClassVar[bool] = True
    notes: list[Unauthorised]

    def loss(self, seen: Unauthorised) -> torch.Tensor:
        self.notes.append(seen)
        return seen.logits.sum() * 0


@pytest.mark.parametrize("coupled", [True, False], ids=["BatchNorm", "none"])
@pytest.mark.parametrize("share", [0.5, 0.0])
def test_what_a_regulariser_sees(tmp_path: Path, coupled: bool, share: float) -> None:
    model = toy.model() if coupled else create_model("mobilenet_v1_0.25", num_classes=3, input_size=32)
    notes: list[Unauthorised] = []
    names = len(stage_names(model.network))
    train(tmp_path / "run", model, regularised(Noting(notes=notes)), replace(CONFIG, alone_share=share))
    assert [note.step for note in notes] == list(range(len(notes)))
    assert notes[0].progress == 0
    assert notes[-1].progress == pytest.approx(1 - 1 / len(notes))
    assert len({note.seed for note in notes}) == len(notes)
    some_alone = 0
    for note in notes:
        count = len(note.truth)
        assert note.logits.shape == (count, 3)
        assert [len(stage) for stage in note.features] == [count] * names
        assert bool((note.truth.sum(1) == 1).all())
        some_alone += int(note.alone.sum())
        if coupled and note.alone.any():
            assert torch.equal(note.anchored, note.alone), "only these have the same company in both networks"
    assert (some_alone > 0) == (coupled and share > 0)
    for own, start in zip(notes[0].features, notes[0].start, strict=True):
        torch.testing.assert_close(own[notes[0].anchored], start, atol=1e-4, rtol=1e-3)
    late = zip(notes[-1].features, notes[-1].start, strict=True)
    assert any(not torch.allclose(own[notes[-1].anchored], start, atol=1e-3) for own, start in late)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet20", ("layer1.2", "layer2.2", "linear")),
        ("small_resnet8", ("blocks.0", "blocks.1", "head")),
        ("mobilenet_v1_0.25", ("blocks.4", "blocks.8", "classifier")),
        ("timm:vit_tiny_patch16_224", ("blocks.3", "blocks.7", "head")),
        ("timm:resnet26", ("layer2.0", "layer3.1", "fc")),
        ("timm:swin_tiny_patch4_window7_224", ("layers.1.blocks.1", "layers.2.blocks.3", "head.fc")),
    ],
)
def test_the_stages_end_each_third_of_the_blocks(name: str, expected: tuple[str, ...]) -> None:
    with torch.device("meta"):
        network = create_network(name)
    assert stage_names(network) == expected


def create_network(name: str) -> nn.Module:
    if name.startswith("timm:"):
        import timm

        found: nn.Module = timm.create_model(name.removeprefix("timm:"), num_classes=3)
        return found
    from spellock.tasks.architectures import create_network as own

    return own(name, num_classes=3, seed=0).network


def test_what_is_heard_are_pooled_outputs_and_the_classifiers_input() -> None:
    model, pixels = toy.model().eval(), torch.rand(4, 3, 12, 12)
    with torch.no_grad(), Stages(model.network).listening() as heard:
        model(pixels)
    first, second, last = heard.passes
    with torch.no_grad():
        torch.testing.assert_close(last[0], model.features(pixels))
        network = model.network
        x = torch.relu(network.bn1(network.conv1(model.normalise(pixels))))
        torch.testing.assert_close(first[0], network.layer1(x.clone()).mean((2, 3)))
        torch.testing.assert_close(second[0], network.layer2(network.layer1(x)).mean((2, 3)))
    with torch.no_grad():
        model(pixels)
    assert len(last) == 1, "nobody listens any more"


def test_channels_may_come_last_and_blocks_must_work_once_a_pass() -> None:
    class Last(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.permute(0, 2, 3, 1)

    class Network(nn.Module):
        def __init__(self, times: int) -> None:
            super().__init__()
            self.blocks = nn.ModuleList([nn.Sequential(nn.Conv2d(3, 3, 1), Last()) for _ in range(2)])
            self.head, self.times = nn.Linear(3, 3), times

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(self.times):
                x = self.blocks[1](self.blocks[0](x).permute(0, 3, 1, 2)).permute(0, 3, 1, 2)
            return self.head(x.mean((2, 3)))

    pixels, none = torch.rand(4, 3, 8, 8), np.zeros(4, dtype=bool)
    network = Network(1)
    with Stages(network).listening() as heard:
        network(pixels)
    first = heard.in_order(none)[0].joined()
    torch.testing.assert_close(first, network.blocks[0](pixels).mean((1, 2)))
    with Stages(twice := Network(2)).listening() as heard:
        twice(pixels)
    with pytest.raises(ModelError, match="heard 2 times in 1 passes"):
        heard.in_order(none)


def test_the_start_weights_do_not_learn_nor_follow() -> None:
    model = dropping()
    start = StartWeights(model)
    before, pixels = start.identity(), torch.rand(6, 3, 12, 12)
    marks = np.array([True, True, True, False, False, True])
    rows, first = start.features(pixels, marks, np.zeros(6, dtype=bool))
    assert rows.tolist() == marks.tolist()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    _, again = start.features(pixels, marks, np.zeros(6, dtype=bool))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert start.identity() == before != StartWeights(model).identity()
    rows, few = start.features(pixels, marks, np.array([True, True, False, False, False, False]))
    assert rows.tolist() == [True, True, False, False, False, False]
    assert not torch.allclose(few[2], first[2][:2], atol=1e-4), "in other company BatchNorm says something else"


@pytest.mark.parametrize("combination", [None, Projection()], ids=["sum", "projection"])
def test_all_together_resume_to_the_same_bytes(tmp_path: Path, combination: Projection | None) -> None:
    whole, resumed, calls = dropping(), dropping(), 0
    more = {"guidance": guided_toy.guidance(Teacher())} | ({} if combination is None else {"combination": combination})
    config = replace(CONFIG, epochs=3)
    train(tmp_path / "whole", whole, regularised(*BOTH), config, **more)

    def killing(_: PixelModel) -> dict[str, float]:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise Kill
        return {"score": 0.0}

    with pytest.raises(Kill):
        train(tmp_path / "killed", dropping(), regularised(*BOTH), config, validate=killing, **more)
    scores = iter((1.0, 2.0))
    result = train(
        tmp_path / "killed", resumed, regularised(*BOTH), config, validate=lambda _: {"score": next(scores)}, **more
    )
    assert result.resumed_from == 1
    assert weights(resumed) == weights(whole)
    for changed in (
        regularised(Anchor(), Probe(probe_weight=2.0)),
        regularised(*BOTH, truth=toy.labels()[::-1].copy()),
    ):
        with pytest.raises(ConfigError, match=r"\((regularisers|truth) differ"):
            train(tmp_path / "killed", dropping(), changed, config, **more)
    with pytest.raises(ConfigError, match=r"\(start differ"):
        train(tmp_path / "killed", toy.model(seed=9), regularised(*BOTH), config, **more)


def test_the_anchor_holds_what_training_moves(tmp_path: Path) -> None:
    moved = {}
    for weight in (0.0, 30.0):
        notes: list[Unauthorised] = []
        told = regularised(Anchor(anchor_weight=weight, blind_weight=0.0), Noting(notes=notes))
        train(tmp_path / str(weight), toy.model(), told, replace(CONFIG, epochs=3))
        last = zip(notes[-1].features, notes[-1].start, strict=True)
        moved[weight] = sum(float((own[notes[-1].anchored] - start).square().sum().detach()) for own, start in last)
    assert moved[30.0] < 0.3 * moved[0.0]


def test_without_regularisers_nothing_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = nn.Module.register_forward_hook
    monkeypatch.setattr(nn.Module, "register_forward_hook", lambda *_: pytest.fail("listened"))
    train(tmp_path / "run", dropping(), None)
    assert "regularisers" not in (tmp_path / "run" / "config.json").read_text()
    monkeypatch.setattr(nn.Module, "register_forward_hook", real)
    train(tmp_path / "with", dropping(), regularised(Probe()))
    text = (tmp_path / "with" / "config.json").read_text()
    assert "Probe(probe_weight=1.0, probe_fourier=64)" in text
    assert '"start"' not in text


def test_several_findings_an_image_are_read_too(tmp_path: Path) -> None:
    notes: list[Unauthorised] = []
    truth = np.random.default_rng(0).integers(0, 2, (toy.COUNT, 4)).astype(np.float32)  # a lock label comes last
    train(tmp_path / "run", dropping(), regularised(Noting(notes=notes), Probe(), truth=truth))
    assert {note.truth.shape[1] for note in notes} == {3}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"truth": toy.labels()[:3], "raw": raw()[:3]}, "got 3 rows for 96 images"),
        ({"truth": toy.labels()[:3]}, r"truth: got int64 of shape \(3,\) for 96 raw marks"),
        ({"truth": toy.labels() + 1}, "classes from 1 to 3, expected 3 real ones"),
        ({"classes": 4}, "got 4 real classes, the model has 3"),
        ({"raw": raw().astype(int)}, "raw: got int64, expected bool"),
    ],
)
def test_what_does_not_fit_is_one_sentence(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    with pytest.raises(DataError, match=says) as raised:
        train(tmp_path / "run", dropping(), regularised(Probe(), **changes))
    assert "\n" not in str(raised.value)


def test_refusals(tmp_path: Path) -> None:
    plain = FinetuneConfig(epochs=1, precision="fp32")
    with pytest.raises(ConfigError, match="which images are authorised"):
        train(tmp_path / "a", dropping(), regularised(Probe()), plain, authorised=None)
    with pytest.raises(ConfigError, match="mixup and CutMix blend"):
        train(tmp_path / "b", dropping(), regularised(Probe()), replace(CONFIG, mixup=0.1))
    with pytest.raises(ConfigError, match="expected at least one"):
        regularised()

    class Bare:
        asks_start = False

    with pytest.raises(ConfigError, match="Bare is no dataclass"):
        regularised(Bare())  # type: ignore[arg-type]
    sideways = wrap(guided_toy.Reading(), input_size=12, mean=(0, 0, 0), std=(1, 1, 1))
    sideways.network.forward = lambda x: x.mean((2, 3))  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="heard 0 times"):
        train(tmp_path / "c", sideways, regularised(Probe()))
