"""An objective in the loop: twins seen as their edited images are, resuming to the byte, refusals, no cost without."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import guided_toy
import numpy as np
import pytest
import torch
import training_toy as toy
from test_finetune import CONFIG, Kill, dropping, weights
from torch.utils.data import TensorDataset

from spellock.errors import ConfigError, DataError, ModelError
from spellock.tasks import PixelModel
from spellock.training.config import FinetuneConfig
from spellock.training.draws import Draws
from spellock.training.finetune import FinetuneResult, finetune
from spellock.training.guidance import Guidance
from spellock.training.objectives import GuidedBatch
from spellock.training.objectives.fmlock import FMLock
from spellock.training.objectives.teacher import Teacher
from spellock.training.preparation import Task
from spellock.training.sources import ArraySource

SHORT = replace(CONFIG, epochs=1, batch_size=24, warmup_epochs=0)


def train(
    out: Path, model: PixelModel, guidance: Guidance | None, config: FinetuneConfig = SHORT, **more: object
) -> FinetuneResult:
    arguments = {"authorised": toy.authorised(), "guidance": guidance} | more
    return finetune(model, guided_toy.images(), toy.labels(), toy.TASK, config, out, **arguments)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Noting:
    """The task's loss, and a note of what was seen."""

    asks: ClassVar[str] = "authorised"
    notes: list[GuidedBatch]

    def check(self, task: Task) -> None:
        pass

    def loss(self, batch: GuidedBatch, task: Task) -> torch.Tensor:
        self.notes.append(batch)
        return task.loss(batch.logits, batch.targets)


@pytest.mark.parametrize("augment", ["crop-flip", "crop", "random-resized-crop-erase", "none"])
@pytest.mark.parametrize("mixing", [{}, {"mixup": 0.5, "cutmix": 0.5}])
def test_a_twin_is_seen_as_its_edited_image_is(tmp_path: Path, augment: str, mixing: dict[str, float]) -> None:
    student, teacher, notes = guided_toy.reading(), guided_toy.reading(seed=1), []
    config = replace(SHORT, augment=augment, **mixing)
    train(tmp_path / "run", student, guided_toy.guidance(Noting(notes=notes), teacher), config)
    shown, asked = student.network.seen, teacher.network.seen
    assert len(shown) == len(asked) == len(notes) > 2
    for edited, raw, note in zip(shown, asked, notes, strict=True):
        assert torch.equal(note.rows, note.authorised.nonzero()[:, 0])
        difference = 255 * (edited[note.rows] - raw)
        if augment == "random-resized-crop-erase":  # rounded to whole levels; erased rectangles hold the same noise
            difference = difference.round()
            spread = {float(value) for value in difference.unique()}
            assert mixing or spread <= {0.0, guided_toy.SHIFT - 1.0, guided_toy.SHIFT, guided_toy.SHIFT + 1.0}
            assert difference.amin() >= 0
            assert guided_toy.SHIFT in spread
        else:
            torch.testing.assert_close(difference, torch.full_like(difference, guided_toy.SHIFT), atol=1e-3, rtol=0)
        with torch.no_grad():
            torch.testing.assert_close(note.teacher, teacher.network.head(raw.mean((2, 3))))


def test_fmlock_asks_about_raw_images_too(tmp_path: Path) -> None:
    student, teacher = guided_toy.reading(), guided_toy.reading(seed=1)
    train(tmp_path / "run", student, guided_toy.guidance(FMLock(), teacher))
    lowest = 0.0
    for edited, raw in zip(student.network.seen, teacher.network.seen, strict=True):
        levels = (255 * (edited - raw)).mean((1, 2, 3)).round()
        assert set(levels.tolist()) == {0.0, float(guided_toy.SHIFT)}, "raw images are their own raw version"
        lowest = max(lowest, float((levels == 0).float().mean()))
    assert 0 < lowest < 0.5


@pytest.mark.parametrize("objective", [Teacher(teacher_weight=0.5), FMLock()], ids=["teacher", "fmlock"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_killed_run_resumes_to_the_same_bytes(tmp_path: Path, objective: Teacher | FMLock, precision: str) -> None:
    config = replace(CONFIG, batch_size=32, mixup=0.3, cutmix=0.3, precision=precision)
    whole, resumed, calls, rising = dropping(), dropping(), 0, itertools.count(1.0)
    train(tmp_path / "whole", whole, guided_toy.guidance(objective), config)

    def killing(model: PixelModel) -> dict[str, float]:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise Kill
        return {"score": 0.0}

    with pytest.raises(Kill):
        train(tmp_path / "killed", dropping(), guided_toy.guidance(objective), config, validate=killing)
    result = train(
        tmp_path / "killed", resumed, guided_toy.guidance(objective), config,
        validate=lambda _: {"score": next(rising)},
    )  # fmt: skip
    assert result.resumed_from == 1
    assert weights(resumed) == weights(whole)


def test_another_teacher_or_setting_is_another_run(tmp_path: Path) -> None:
    first = guided_toy.guidance(Teacher(teacher_weight=0.5))
    train(tmp_path / "run", dropping(), first)
    changes = {
        "objective": guided_toy.guidance(Teacher(teacher_weight=0.25)),
        "teacher": guided_toy.guidance(first.objective, toy.model(seed=6)),
        "twins": guided_toy.guidance(first.objective, places=np.zeros(toy.COUNT, dtype=np.int64)),
    }
    negatives = 255 - np.asarray(first.images)
    changes["twin_pixels"] = replace(first, images=negatives)
    for name, other in changes.items():
        with pytest.raises(ConfigError, match=rf"\({name} differ"):
            train(tmp_path / "run", dropping(), other)
    with pytest.raises(ConfigError, match="objective, teacher, twin_pixels, twins differ"):
        train(tmp_path / "run", dropping(), None)


def test_the_teacher_teaches_and_does_not_learn(tmp_path: Path) -> None:
    student, teacher = toy.model(), guided_toy.reading(seed=1)
    with torch.no_grad():  # names the colour that is brightest
        teacher.network.head.weight.copy_(40 * torch.eye(3))
        teacher.network.head.bias.zero_()
    before, config = weights(teacher), replace(CONFIG, epochs=6)
    wrong = (toy.labels() + 1) % toy.CLASSES
    told = replace(Teacher(), teacher_weight=1.0, teacher_temperature=2.0)
    finetune(
        student, guided_toy.images(), wrong, toy.TASK, config, tmp_path / "run",
        authorised=toy.authorised(), guidance=guided_toy.guidance(told, teacher),
    )  # fmt: skip
    assert weights(teacher) == before
    with torch.no_grad():
        answers = student(torch.from_numpy(guided_toy.images()).permute(0, 3, 1, 2).float() / 255).argmax(1).numpy()
    right = (answers == toy.labels())[toy.authorised()].mean()
    assert right > 0.8, "labels were wrong, so only the teacher can have said it"


def test_raw_versions_of_a_data_set_are_read_alike(tmp_path: Path) -> None:
    array = guided_toy.guidance(Teacher())
    pictures = torch.from_numpy(array.images).permute(0, 3, 1, 2).contiguous()
    one, other = dropping(), dropping()
    train(tmp_path / "array", one, array)
    train(tmp_path / "set", other, replace(array, images=TensorDataset(pictures)))
    assert weights(one) == weights(other)


def test_some_images_may_have_no_twin_or_a_batch_none(tmp_path: Path) -> None:
    notes: list[GuidedBatch] = []
    places = np.full(toy.COUNT, -1)
    places[1] = 0  # one authorised image, in one batch of the epoch
    train(tmp_path / "run", dropping(), guided_toy.guidance(Noting(notes=notes), places=places))
    assert sorted(len(note.rows) for note in notes) == [0] * (len(notes) - 1) + [1]
    with pytest.raises(ConfigError, match="75 images have no raw version, but mixup"):
        train(tmp_path / "mixed", dropping(), guided_toy.guidance(Teacher(), places=places), replace(SHORT, mixup=0.1))
    with pytest.raises(ConfigError, match="95 images have no raw version, but the objective asks about all"):
        train(tmp_path / "all", dropping(), guided_toy.guidance(FMLock(), places=places))


def test_a_step_without_an_objective_reads_and_draws_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, passes = [], 0
    real = ArraySource.batches

    def reading(self: ArraySource, plan: list[np.ndarray], generator: torch.Generator):
        for batch in real(self, plan, generator):
            reads.append(len(batch))
            yield batch

    monkeypatch.setattr(ArraySource, "batches", reading)
    monkeypatch.setattr(Draws, "again", lambda self: pytest.fail("drew twice"))
    student = guided_toy.reading()
    train(tmp_path / "run", student, None)
    passes = len(student.network.seen)
    assert passes == len(reads) == 5
    assert sum(reads) == sum(len(seen) for seen in student.network.seen)
    assert "objective" not in (tmp_path / "run" / "config.json").read_text()
    monkeypatch.undo()
    monkeypatch.setattr(ArraySource, "batches", reading)
    train(tmp_path / "guided", guided_toy.reading(), guided_toy.guidance(Teacher()))
    assert len(reads) == 3 * passes, "the search for more reads finds them"


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        (
            {"teacher": guided_toy.reading(4)},
            ModelError,
            "the teacher has 4 classes, expected 3, the real classes without",
        ),
        ({"places": np.zeros(3, dtype=np.int64)}, DataError, r"places: got int64 of shape \(3,\)"),
        ({"places": np.full(toy.COUNT, toy.COUNT)}, DataError, "96 to 96 for 96 raw versions, expected -1 to 95"),
        ({"places": np.zeros(toy.COUNT)}, DataError, "places: got float64"),
        ({"columns": (0, 1, 3)}, DataError, r"columns: got \(0, 1, 3\), expected different numbers from 0 to 2"),
        ({"columns": (0, 1, 1)}, DataError, "columns"),
        ({"images": np.zeros((96, 8, 8, 3), np.uint8)}, DataError, r"raw versions are \(3, 8, 8\)"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    tmp_path: Path, changes: dict[str, object], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as raised:
        train(tmp_path / "run", dropping(), guided_toy.guidance(Teacher(), **changes))
    assert "\n" not in str(raised.value)


def test_authorised_marks_and_two_models_are_needed(tmp_path: Path) -> None:
    plain = replace(SHORT, unauthorised_share=None)
    with pytest.raises(ConfigError, match="which images are authorised"):
        train(tmp_path / "a", dropping(), guided_toy.guidance(Teacher()), plain, authorised=None)
    student = toy.model()
    with pytest.raises(ConfigError, match="same object"):
        train(tmp_path / "b", student, guided_toy.guidance(Teacher(), student))

    class Bare:
        asks = "all"

    with pytest.raises(ConfigError, match="Bare is no dataclass"):
        guided_toy.guidance(Bare())  # type: ignore[arg-type]
