"""The output folder while work is under way: who may go on with it, and when it is finished."""

from __future__ import annotations

import hmac
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spellock.artefacts import read_json, storage_errors, write_json
from spellock.errors import ConfigError, StorageError
from spellock.locking.sampled import changed

try:
    import fcntl
except ImportError:  # not on Windows; there two processes in one folder are not told apart
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Workspace:
    """Paths in an output folder.

    ``locked_set`` is what may be released, ``owner`` never is, ``work`` holds unfinished work and is gone in the end.
    """

    out: Path

    @property
    def locked_set(self) -> Path:
        """The folder to release."""
        return self.out / "locked_set"

    @property
    def owner(self) -> Path:
        """The owner's folder."""
        return self.out / "owner"

    @property
    def work(self) -> Path:
        """Unfinished work."""
        return self.out / ".work"

    @property
    def finished(self) -> bool:
        """Whether all is done: the manifest is written last."""
        return (self.owner / "manifest.jsonl").is_file()

    def check(self, fingerprint: str) -> None:
        """Check that the folder is new, or that work with the same fingerprint left it.

        Raises:
            StorageError: it holds something else.
            ConfigError: it was begun with another key, configuration or images.
        """
        settings = self.owner / "config.json"
        if settings.is_file():
            if not hmac.compare_digest(str(read_json(settings).get("fingerprint")), fingerprint):
                raise ConfigError(
                    f"{self.out} was begun with another key, configuration or image set; repeat the command with the "
                    "same ones "
                    "or choose another folder"
                )
            return
        with storage_errors(self.out):
            if self.out.exists() and not self.out.is_dir():
                raise StorageError(f"{self.out} is a file, expected a folder to write to; choose another place")
            foreign = (
                sorted({entry.name for entry in self.out.iterdir()} - {".work", "owner"}) if self.out.exists() else []
            )
        if foreign:
            raise StorageError(f"{self.out} holds {foreign[0]!r}, not an unfinished lock; choose a new or empty folder")

    def check_images(self, sample: Mapping[str, str], name: str) -> None:
        """Check that images of the set ``name`` are those that work was begun with; folders of before samples were
        kept pass.

        Args:
            sample: as `sample_of` gives it.

        Raises:
            ConfigError: some are others.
        """
        settings = self.owner / "config.json"
        before = read_json(settings).get("sample") if settings.is_file() else None
        if isinstance(before, dict) and (others := changed(before, sample)):
            raise ConfigError(
                f"{name} has changed since {self.out} was begun with it: {others[0]!r} is another image now; choose "
                "another folder, or bring the images back"
            )

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folders and keep other processes out until the block ends; the system lets go if the process is
        killed.

        Raises:
            StorageError: nothing can be written there, or another process is at work there.
        """
        with storage_errors(self.work):
            self.work.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.work / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    raise StorageError(
                        f"another process is writing to {self.out}; wait for it or choose another folder"
                    ) from error
            yield
        finally:
            os.close(handle)

    def begin(self, settings: Mapping[str, object]) -> None:
        """Write the resolved settings to ``owner/config.json`` unless they are there.

        Raises:
            StorageError: nothing can be written there.
            ConfigError: settings are there and differ, as after a change of device that changes the batch size.
        """
        target = self.owner / "config.json"
        if target.is_file():
            if read_json(target).get("decoy_keys_used") != settings["decoy_keys_used"]:
                raise ConfigError(
                    f"{self.out} was begun with an editor of another batch size; go on with the same editor and device"
                )
            return
        with storage_errors(target):
            # Written inside .work first: a temporary file that a kill leaves behind goes away with it.
            write_json(self.work / "config.json", settings)
            self.owner.mkdir(exist_ok=True)
            os.replace(self.work / "config.json", target)

    def clear(self) -> None:
        """Remove unfinished work, once all is finished.

        Raises:
            StorageError: it cannot be removed.
        """
        with storage_errors(self.work):
            if self.work.exists():
                shutil.rmtree(self.work)
