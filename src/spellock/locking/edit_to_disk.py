"""Edit what is not yet on disk and store it, shard by shard."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path
from typing import Final

from spellock.locking.edit_stream import EditStream
from spellock.locking.shards import ShardWriter
from spellock.progress import track

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 32


def edit_to_disk(stream: EditStream, work: Path, shard: int, *, again: bool = True) -> None:
    """Run the stream for the images that ``work`` lacks; what is finished stays there whatever happens.

    Args:
        work: folder of the shards.
        shard: images between two saves.
        again: whether images that an earlier run passed over are tried again, if they can be read now or are to stop
            the work. Their whole shard is made anew, with the same bytes for all others.

    Raises:
        DataError: an image cannot be decoded, where such images are not skipped.
        StorageError: the disk is full, or nothing may be written.
    """
    writer = ShardWriter(work, size=shard, jobs=len(stream.plan))
    failed = True
    try:
        jobs = list(writer.missing(stream.tries_again) if again else writer.missing())
        done = len(stream.plan) - len(jobs)
        if done:
            _log.info("going on: %d of %d images of the locked set are there already", done, len(stream.plan))
        with closing(stream.run(jobs)) as products:
            for product in track(products, total=len(jobs), label="locking"):
                if product.problem is not None:
                    _log.warning("skipped: %s", product.problem)
                writer.add(product)
        failed = False
    finally:
        writer.close(failed=failed)
    stats = stream.stats
    if stats.edited:
        rate = stats.edited / max(stats.seconds, 1e-9)
        _log.info("edited %d images, %.1f/s, editor busy %.0f %%", stats.edited, rate, 100 * stats.busy)


def images_at_once(canonical: int, shard: int) -> int:
    """Images given to the editor at once: a few of its canonical batches, no more than a shard."""
    return max(1, min(_AT_ONCE, shard) // canonical) * canonical
