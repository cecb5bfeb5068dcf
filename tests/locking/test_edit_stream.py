"""The stream keeps order, works ahead within bounds, and lets the editor work all the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from spellock.data.memory import MemorySet
from spellock.errors import DataError
from spellock.locking.config import LockConfig
from spellock.locking.edit_stream import EditStream
from spellock.locking.plan import Role, make_plan

from .fake_editor import FakeEditor, fake_key, random_images


class Watched(MemorySet):
    """Counts what is opened; may be slow or broken."""

    opened = 0
    on_open: Callable[[int], None] = staticmethod(lambda index: None)

    def open(self, index):
        self.on_open(index)
        with _lock:
            self.opened += 1
        return super().open(index)


_lock = threading.Lock()


def stream(count=200, *, editor=None, skip=False, config=None, **options):
    plain = random_images(count)
    images = Watched(plain._arrays, plain.labels, plain.classes, name="random")
    editor = editor or FakeEditor(fake_key())
    plan = make_plan(images, editor.key, config or LockConfig())
    return EditStream(images=images, plan=plan, editor=lambda number: editor, skip=skip, **options)


def test_products_come_in_order_with_the_files_of_their_roles() -> None:
    running = stream(config=LockConfig(raw_twins=True, decoys=20))
    uses = {
        Role.TWIN: ("twin", "edited"),
        Role.RAW: ("raw",),
        Role.VALIDATION: ("validation raw", "validation edited"),
        Role.DECOY: ("decoy",),
    }
    jobs = [0, 3, 4, *range(20, 220)]
    products = list(running.run(jobs))
    assert [product.job for product in products] == jobs
    for product in products:
        assert tuple(use for use, _ in product.files) == uses[Role(running.plan.roles[product.job])]
    assert list(running.run([])) == []


@pytest.mark.parametrize("alpha", [0.95, 0.05])
def test_only_a_few_batches_are_held(alpha) -> None:
    running = stream(600, config=LockConfig(edited_fraction=alpha, validation=0))
    most = max(running.images.opened - done for done, _ in enumerate(running.run(range(600)), 1))
    assert most <= 8 * 12  # batches of 8: two decoded ahead, at most eight open, two being encoded


def test_editor_is_busy_while_images_are_decoded() -> None:
    running = stream(240, editor=FakeEditor(fake_key(), seconds=0.03))
    running.images.on_open = lambda index: time.sleep(0.002)
    list(running.run(range(240)))
    assert running.stats.edited == (running.plan.editors == 0).sum()
    # One after the other would be 0.24 s of decoding on 0.87 s of editing: 78 %.
    assert running.stats.busy > 0.85


def test_broken_image_stops_or_is_reported_in_its_place() -> None:
    def fail(index: int) -> None:
        if index == 5:
            raise DataError("random#5 cannot be decoded")

    running = stream(40)
    running.images.on_open = fail
    with pytest.raises(DataError, match="random#5"):
        list(running.run(range(40)))
    running = stream(40, skip=True)
    running.images.on_open = fail
    products = list(running.run(range(40)))
    assert [product.problem for product in products if product.problem] == ["random#5 cannot be decoded"]
    assert products[5].files == ()
    assert len(products) == 40


def test_threads_end_with_the_stream() -> None:
    before = threading.active_count()
    running = stream(60).run(range(60))
    next(running)
    running.close()
    assert threading.active_count() == before


def test_ids_reach_the_editor_with_their_images() -> None:
    seen: dict[str, bytes] = {}

    class Recording(FakeEditor):
        def edit_uint8(self, images, ids=None):
            seen.update({name: image.tobytes() for name, image in zip(ids, images, strict=True)})
            return super().edit_uint8(images, ids)

    running = stream(50, editor=Recording(fake_key()), batch_size=5, workers=3)
    list(running.run(range(50)))
    assert len(seen) == (running.plan.editors == 0).sum()
    for name, data in seen.items():
        assert data == np.asarray(running.images.open(running.images.ids.index(name))).tobytes()
