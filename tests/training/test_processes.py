"""Training by several processes, as ``accelerate launch`` starts them, on the CPU."""

from __future__ import annotations

from pathlib import Path

from ..two_processes import run_in_two_processes

PROGRAM = """
import hashlib, os, pathlib
import guided_toy
from spellock.training.objectives.teacher import Teacher
from spellock.errors import ConfigError
from spellock.training.projection import Projection
from spellock.training.regularisers.anchor import Anchor
from spellock.training.regularisers.probe import Probe
from test_finetune import dropping, train, weights
from test_regulator import regularised
folder = pathlib.Path(sys.argv[1])
model, result = train(folder, dropping(), validate=lambda m: {"score": 1.0})
digest = hashlib.sha256(b"".join(weights(model))).hexdigest()
guided, _ = train(folder / "guided", dropping(), images=guided_toy.images(), guidance=guided_toy.guidance(Teacher()))
digest += " " + hashlib.sha256(b"".join(weights(guided))).hexdigest()
told = regularised(Anchor(), Probe())
regular, _ = train(folder / "regular", dropping(), images=guided_toy.images(), regularisation=told)
digest += " " + hashlib.sha256(b"".join(weights(regular))).hexdigest()
try:
    train(folder / "no", dropping(), images=guided_toy.images(), combination=Projection())
except ConfigError as error:
    assert "one process, got 2" in str(error)
else:
    raise AssertionError("projection was let through")
(folder / f"rank{os.environ['RANK']}").write_text(f"{digest} {result.best_epoch} {len(result.history)}")
"""


def test_two_processes_end_with_the_same_weights(tmp_path: Path) -> None:
    run_in_two_processes(PROGRAM, tmp_path, tmp_path / "run", imports=Path(__file__).parent)
    first, second = ((tmp_path / "run" / f"rank{rank}").read_text() for rank in (0, 1))
    assert first == second
    plain, guided, regular, *_ = first.split()
    assert len({plain, guided, regular}) == 3
    assert first.endswith(" 1 3")
