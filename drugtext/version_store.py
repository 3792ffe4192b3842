"""A folder of versions of a classifier: written whole or not at all, one writer at a time.

<folder>/versions/0001/   a checkpoint's folder, as `DrugClassifier.save_pretrained` writes it, and
                          change.json: what was done, when, why, and the SHA-256 of each support
<folder>/current          number of the version that is used
<folder>/lock             held by who writes

Versions are never changed: readers need no lock, and an undone one can be taken up again.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from drugtext.classifier import DrugClassifier
from drugtext.embedder import HALF_CHARACTERS
from drugtext.errors import CheckpointError, DrugTextError
from drugtext.written_file import write_file

_CHANGE = "change.json"
_UNFINISHED = ".new-"


@dataclass(frozen=True)
class Version:
    """A version of the categories.

    Attributes:
        number: counted from 1.
        parent: the version that it was made of; None for the first.
        date: when it was made, UTC, ISO 8601.
        action: what was done: create, add, extend, remove, rename, merge or split.
        categories: that were named in it.
        note: why, by who did it.
        supports: SHA-256 of each insert that was learnt from: its text, and by what names it goes.
    """

    number: int
    parent: int | None
    date: str
    action: str
    categories: tuple[str, ...]
    note: str
    supports: tuple[str, ...] = ()


class VersionStore:
    """The versions in a folder, which many may read at once, and one at a time may write.

    Args:
        folder: of the versions; it may be absent until the first is written.
        seconds_to_wait: for another writer, before `locked` refuses.
    """

    def __init__(self, folder: Path, seconds_to_wait: float) -> None:
        self.folder, self._seconds_to_wait = folder, seconds_to_wait

    def locked(self) -> AbstractContextManager[object]:
        """Keep other writers out.

        Raises:
            CheckpointError: another one stays too long, or the folder cannot be written to.
        """
        lock = FileLock(self.folder / "lock", timeout=self._seconds_to_wait)
        try:
            return lock.acquire()
        except Timeout as error:
            raise CheckpointError(
                f"{self.folder}: another program has held its lock for {self._seconds_to_wait:g}"
                " seconds. Try again when it has finished."
            ) from error
        except OSError as error:
            raise CheckpointError(
                f"{self.folder}: cannot be written to ({error.strerror or error}); give a folder"
                " that may be."
            ) from error

    def has_begun(self) -> bool:
        """Tell whether there is a version that is used."""
        return (self.folder / "current").exists()

    def current(self) -> int:
        """Return the number of the version that is used.

        Raises:
            CheckpointError: there is none.
        """
        try:
            return int((self.folder / "current").read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"{self.folder}: is no registry ({error}); `drugtext registry create`, or"
                " Registry.create, makes one."
            ) from error

    def numbers(self) -> list[int]:
        """Return the numbers of all versions, oldest first."""
        names = (path.name for path in self.folder.glob("versions/*"))
        return sorted(int(name) for name in names if name.isdecimal())

    def next_number(self) -> int:
        """Return the number of a new version."""
        return max(self.numbers(), default=0) + 1

    def folder_of(self, number: int) -> Path:
        """Return the checkpoint's folder of a version."""
        return self.folder / "versions" / f"{number:04}"

    def version(self, number: int) -> Version:
        """Return what was done in a version.

        Raises:
            CheckpointError: it is not there, or damaged.
        """
        file = self.folder_of(number) / _CHANGE
        try:
            told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            told |= {name: tuple(told[name]) for name in ("categories", "supports")}
            return Version(**told)
        except FileNotFoundError as error:
            raise CheckpointError(
                f"{self.folder}: there is no version {number}; `drugtext registry log`, or"
                " versions(), tells which there are."
            ) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(
                f"{file}: is damaged ({error}); `drugtext registry use` takes up another version."
            ) from error

    def write(
        self, classifier: DrugClassifier, version: Version, *, with_known_drugs: bool
    ) -> None:
        """Write a version whole, or not at all, and make it the one that is used.

        Raises:
            CheckpointError: it cannot be written.
        """
        if HALF_CHARACTERS.search(version.note):
            raise DrugTextError(
                f"the note {version.note!r} holds half characters; decode it as UTF-8."
            )
        folder = self.folder_of(version.number)
        try:
            folder.parent.mkdir(exist_ok=True)
            for left in folder.parent.glob(f"{_UNFINISHED}*"):  # by a writer who was killed
                shutil.rmtree(left, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=_UNFINISHED) as staged:
                new = Path(staged) / folder.name
                classifier.save_pretrained(new, with_known_drugs=with_known_drugs)
                text = json.dumps(asdict(version), ensure_ascii=False, indent=1) + "\n"
                (new / _CHANGE).write_text(text, encoding="utf-8")
                new.replace(folder)
            self.point_at(version.number)
        except OSError as error:
            raise CheckpointError(f"{folder}: cannot be written ({error.strerror}).") from error

    def point_at(self, number: int) -> None:
        """Say which version is used, in one step."""
        write_file(self.folder / "current", f"{number}\n")
