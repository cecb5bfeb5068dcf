"""Read a locked set back: as the owner, who knows what each image is, or as a training service, who does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from spellock.artefacts import read_json, storage_errors
from spellock.data.image_set import ImageSet, Labels
from spellock.errors import DataError
from spellock.locking.assemble import tier_folder
from spellock.locking.manifest import AUTHORISED, Entry, read_manifest
from spellock.locking.released import read_held_out, read_released
from spellock.locking.set_settings import optional_class, optional_distribution, optional_tiers, str_list
from spellock.locking.soft_labels import SoftLabels
from spellock.locking.tiers import group_labels
from spellock.locking.workspace import Workspace
from spellock.tasks.registry import make_task


class LockedSet:
    """Images of a locked set in the order of their names.

    Attributes:
        classes: class names, those that the lock target added last.
        labels: int64 (N,) or (N, K), as the files hold them.
        task: what the labels are.
        lock_class: number of the class that unauthorised images alone belong to; None where the lock target has none,
            and in the training service's view, where nobody says.
        names: file names without suffix, sorted.
        image_set: the same images as an `ImageSet`.
        entries: the owner's manifest in the same order; None in the training service's view.
        tiers: what the tiers release: groups by tier name; empty in the training service's view.
    """

    def __init__(
        self, image_set: ImageSet, names: list[str], *, entries: list[Entry] | None, owner: Path | None
    ) -> None:
        """Use `open`."""
        self.image_set, self.names, self.entries, self._owner = image_set, names, entries, owner
        self.classes, self.labels = image_set.classes, image_set.labels
        self.task = make_task(image_set.task)
        settings = {} if owner is None else read_json(owner / "config.json")
        # Sets of before the field was written all have a new class, the last one.
        self.lock_class = optional_class(settings.get("lock_class", len(self.classes) - 1), owner)
        tiers = optional_tiers(settings.get("tiers", []), owner)
        self.tiers = {name: groups for name, (groups, _) in tiers.items()}
        distribution = optional_distribution(settings.get("distribution"), len(self.classes), owner)
        self._soft = SoftLabels(distribution=distribution, answers=settings.get("answers"), tiers=tiers, owner=owner)

    @classmethod
    def open(cls, path: Path | str) -> LockedSet:
        """Open an output folder of `lock_images`, or its ``locked_set`` folder alone (then nothing is known of the
        owner's part).

        Raises:
            DataError: there is no locked set, it is unfinished, or manifest and images do not fit together.
        """
        space = Workspace(Path(path))
        if space.locked_set.is_dir():
            if not space.finished:
                raise DataError(f"{path} is unfinished; run the same lock command again to complete it")
            image_set, names = read_released(space.locked_set)
            known = {entry.name: entry for entry in read_manifest(space.owner / "manifest.jsonl")}
            if set(known) != set(names):
                raise DataError(
                    f"the images in {space.locked_set} are not those of the manifest; restore them or lock again"
                )
            return cls(image_set, names, entries=[known[name] for name in names], owner=space.owner)
        if space.work.is_dir():
            raise DataError(f"{path} is unfinished; run the same lock command again to complete it")
        image_set, names = read_released(space.out)
        return cls(image_set, names, entries=None, owner=None)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def authorised(self) -> npt.NDArray[np.bool_] | None:
        """bool (N,): True for images that the key or a tier's key edited, False for raw ones, twins and decoys; None in
        the training service's view."""
        return (
            None
            if self.entries is None
            else np.array([entry.kind in AUTHORISED for entry in self.entries], dtype=np.bool_)
        )

    @property
    def raw(self) -> npt.NDArray[np.bool_] | None:
        """bool (N,): True for images as they were, twins included; None in the training service's view."""
        return (
            None
            if self.entries is None
            else np.array([entry.kind in ("raw", "twin") for entry in self.entries], dtype=np.bool_)
        )

    @property
    def true_labels(self) -> Labels | None:
        """int64 (N,) or (N, K): labels before the lock target; None in the training service's view."""
        if self.entries is None:
            return None
        return self.task.unpack([entry.true_label for entry in self.entries], len(self.classes))

    @property
    def training_labels(self) -> Labels | npt.NDArray[np.float32]:
        """What is learnt: ``labels`` (as float32 where an image has several), or float32 (N, K), a probability a class,
        where unauthorised images learn a distribution or a tier's images learn classes beside their group. The training
        service's view has ``labels`` only."""
        if self.entries is None or not (self.learns_distribution or self.spreads):
            targets: Labels | npt.NDArray[np.float32] = self.task.targets(self.labels)
            return targets
        return self._soft.of(self.labels, self.classes, self.entries)

    @property
    def spreads(self) -> bool:
        """Whether a tier's images learn classes beside the group that their labels in the files name."""
        return self._soft.spreads

    @property
    def group_classes(self) -> tuple[int, ...]:
        """Numbers of the classes that are groups."""
        names = {group for groups in self.tiers.values() for group in groups.values()}
        return tuple(place for place, name in enumerate(self.classes) if name in names)

    @property
    def learns_distribution(self) -> bool:
        """Whether unauthorised images learn a distribution that their labels in the files only stand for."""
        return self._soft.distribution is not None

    def images(self, index: int) -> npt.NDArray[np.uint8]:
        """Image ``index``, uint8 (R, R, 3).

        Raises:
            DataError: it cannot be decoded.
        """
        return np.asarray(self.image_set.open(index))

    def arrays(self, cache: Path | None = None) -> npt.NDArray[np.uint8]:
        """All images, uint8 (N, R, R, 3).

        Args:
            cache: a ``.npy`` file to keep them in and memory-map them from, for sets larger than memory; None loads
            them.

        Raises:
            DataError: an image cannot be decoded.
            StorageError: the cache cannot be written.
        """
        shape = (len(self), *self.images(0).shape)
        if cache is None:
            return self._fill(np.empty(shape, dtype=np.uint8))
        if not cache.exists():
            temporary = cache.with_name(f".{cache.name}.part")
            with storage_errors(cache):
                array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
                self._fill(array).flush()  # type: ignore[attr-defined]  # a memmap comes back
                del array
                temporary.replace(cache)
        mapped: npt.NDArray[np.uint8] = np.load(cache, mmap_mode="r", allow_pickle=False)
        if mapped.shape != shape:
            raise DataError(
                f"{cache} holds images of shape {mapped.shape}, expected {shape}; it belongs to another set, remove it"
            )
        return mapped

    def validation(self) -> tuple[ImageSet, ImageSet] | None:
        """The held-out images, raw and edited, in the same order; None when nothing was held out or in the service's
        view."""
        if self._owner is None or not (self._owner / "validation").is_dir():
            return None
        raw, edited = (self._validation(self._owner / "validation" / version) for version in ("raw", "edited"))
        return raw, edited

    def tier_validation(self) -> dict[str, tuple[ImageSet, Labels]]:
        """By tier name the held-out images under the tier's key, in the order of `validation`, and their labels, int64,
        as the model shall say them; empty where nothing was held out or without tiers."""
        found: dict[str, tuple[ImageSet, Labels]] = {}
        for place, (name, groups) in enumerate(self.tiers.items()):
            if self._owner is not None and (self._owner / "validation").is_dir():
                held = self._validation(self._owner / "validation" / tier_folder(place))
                found[name] = held, group_labels(groups, held.classes, self.classes)[held.labels]
        return found

    def _validation(self, folder: Path) -> ImageSet:
        real = str_list(read_json(folder.parents[1] / "config.json").get("classes"), folder)
        return read_held_out(folder, real)

    def _fill(self, array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        for index in range(len(self)):
            array[index] = self.images(index)
        return array
