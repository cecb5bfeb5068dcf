"""Lock and unlock models on disk, one tensor at a time, so that memory holds little more than the key."""

from __future__ import annotations

import logging
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from torch import Tensor

from spellock.artefacts import new_folder, storage_errors, write_bytes
from spellock.errors import ModelError
from spellock.key import Key
from spellock.progress import track
from spellock.weightlocks.deltas import OpenedValues
from spellock.weightlocks.dtypes import bytes_of
from spellock.weightlocks.hashing import Hashing, RunningDigest
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import Locker
from spellock.weightlocks.places import Place, check_fits
from spellock.weightlocks.safetensors_header import TensorEntry
from spellock.weightlocks.safetensors_stream import SafetensorsReader, write_safetensors
from spellock.weightlocks.splice import lasting_buffers, spliced
from spellock.weightlocks.states import INDEX_FILE, WEIGHTS_FILE, FileState, shard_index
from spellock.weightlocks.weight_key import WeightKey

#: What goes along with the weights. Not weights in other formats: those would be the whole model in the clear.
_BESIDE: Final = (".json", ".md", ".txt", ".model")
_CARD: Final = "README.md"
_KEYED: Final = (
    "# A keyed model\n\nA part of these weights was taken out and is the owner's key: without it the model predicts "
    "badly. Put it back in memory with `spellock predict --key` or `spellock.UnlockedModel`."
)
_WHOLE: Final = "# An unlocked model\n\nThese are whole weights, in the clear: whoever has them needs no key."
#: How the names of files end that say, beside a key, how it was made.
SETTINGS: Final = ".settings.json"
_log = logging.getLogger(__name__)


def lock_files(
    model: Path,
    out: Path,
    config: WeightLockConfig,
    *,
    secret: bytes | None = None,
    public: Path | None = None,
    image_key: Key | None = None,
) -> WeightKey:
    """Write the keyed model of ``model`` to the new folder ``out`` and return its key, which is not written.

    Args:
        model: a safetensors file, or a folder with one or with shards; configuration and card are taken along.
        public: the public pretrained model, for the fill of that name.
        secret, image_key: as in `spellock.weightlocks.locking.lock_module`.

    Raises:
        ConfigError: settings do not fit the model.
        ModelError: a model is missing, damaged or quantised.
        StorageError: ``out`` exists, or cannot be written; nothing is left there.
    """
    state = FileState(Path(model))
    with Locker(state, config, secret=secret, public=None if public is None else FileState(public)) as locker:
        with _folder_like(state, Path(out)) as folder:
            _write(state, folder, locker.pieces, label="locking")
            write_bytes(folder / _CARD, _card(Path(model), _KEYED).encode())
            key = locker.key(image_key=image_key)  # within the block: a keyed model without its key is lost
        return key


def unlock_files(keyed: Path, out: Path, key: WeightKey, *, check: bool = True) -> None:
    """Write the whole model to the new folder ``out``: in the clear, for whoever reads it.

    Each tensor's digest is taken while it is copied, and checked before the one after the next is, so a wrong or
    altered model leaves nothing behind.

    Raises:
        ConfigError: the model has not the tensors of the key.
        ModelError: the model is missing or damaged, or with ``check`` not the key's, or was altered.
        StorageError: ``out`` exists, or cannot be written; nothing is left there.
    """
    state = FileState(Path(keyed))
    infos = state.infos
    check_fits(key.places, infos, what=str(keyed))
    if check and infos.keys() != key.digests.keys():
        raise ModelError(f"{keyed} is not the keyed model of this key: it has other tensors; get the right one")

    taken: deque[tuple[str, RunningDigest]] = deque()
    buffers = lasting_buffers()

    def compare(waiting: int) -> None:
        while check and len(taken) > waiting:
            name, digest = taken.popleft()
            if digest.hexdigest() != key.digests[name]:
                raise ModelError(
                    f"{keyed} is not the keyed model of this key, or was altered: {name} differs; get the model that "
                    "came with the key, or the key that came with the model"
                )

    def opens(place: Place, tensor: Tensor) -> OpenedValues:
        return OpenedValues(place=place, held=key.lazily(place.name), tensor=tensor, coding=key.coding)

    def whole(name: str) -> Iterator[Tensor]:
        tensor, place = state[name], key.places.get(name)
        digest = hashing.start(infos[name])
        taken.append((name, digest))
        pieces = [(tensor, tensor)] if place is None else spliced(place, tensor, opens(place, tensor), buffers)
        for before, after in pieces:
            if check:
                digest.update(before)
            yield after
        compare(waiting=1)

    with Hashing() as hashing, _folder_like(state, Path(out)) as folder:
        _write(state, folder, whole, label="unlocking")
        compare(waiting=0)
        write_bytes(folder / _CARD, _card(state.path, _WHOLE).encode())


@contextmanager
def _folder_like(state: FileState, out: Path) -> Iterator[Path]:
    """A new folder with what lies beside the weights of ``state``."""
    with new_folder(out) as folder, storage_errors(out):
        if state.path.is_dir():
            left = []
            for beside in sorted(state.path.iterdir()):
                if beside in state.files or beside.name in (_CARD, INDEX_FILE) or beside.name.endswith(SETTINGS):
                    continue
                if (
                    beside.is_file() and beside.suffix in _BESIDE
                ):  # through links, which Hugging Face's cache is made of
                    shutil.copyfile(beside, folder / beside.name)
                else:
                    left.append(beside.name)
            if left:
                _log.warning("not taken along from %s: %s", state.path, ", ".join(left))
            index = shard_index(state.path)
            if index is not None and len(state.files) > 1:  # a single shard is written as a whole model
                write_bytes(folder / INDEX_FILE, index)
        yield folder


def _write(state: FileState, folder: Path, pieces_of: Callable[[str], Iterator[Tensor]], *, label: str) -> None:
    names = iter(track(state.infos, total=len(state.infos), label=label))
    for file in state.files:
        with SafetensorsReader(file) as reader:
            header = reader.header

        def pieces(entry: TensorEntry) -> Iterator[memoryview]:
            next(names)
            for piece in pieces_of(entry.name):
                yield bytes_of(piece)

        target = folder / (file.name if len(state.files) > 1 else WEIGHTS_FILE)
        write_safetensors(target, header.entries, pieces, metadata=header.metadata)


def _card(model: Path, words: str) -> str:
    """The card of ``model`` under words of ours, in place of those that are there already."""
    before = ""
    if (model / _CARD).is_file():
        before = (model / _CARD).read_text(encoding="utf-8", errors="replace")
        for ours in (_KEYED, _WHOLE):
            before = before.removeprefix(ours)
    return f"{words}\n\n{before.lstrip()}" if before.strip() else words
