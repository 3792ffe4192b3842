"""A checkpoint's folder is written whole or not at all, and read whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from drugtext.errors import CheckpointError, DrugTextError
from drugtext.manifest import CHECKPOINT_FILES, MANIFEST, is_checkpoint, listed, sha256_of

_UNLISTED = (".py", ".md")
_UNFINISHED, _LOCK = ".new-", ".lock"
_SECONDS_OF_A_DAY = 24 * 60 * 60
_NEXT = ".next"  # folder of a checkpoint that is whole, and not yet in its place
_TRIES = 5

T = TypeVar("T")


class _DamagedWriteError(CheckpointError):
    """A write that was interrupted cannot be finished: what was written is no longer whole."""


def read_whole(folder: Path, read: Callable[[], T]) -> T:
    """Return what is read of a checkpoint's folder, all of it of one write.

    Who saves it anew meanwhile puts one file after the other in its place: what was read of both
    is read again.

    Args:
        folder: of the checkpoint.
        read: reads it.

    Raises:
        CheckpointError: it is written all the time; or as `finish_write`.
    """
    for _ in range(_TRIES):
        before = _state(folder)
        try:
            found = read()
        except DrugTextError:
            if _state(folder) == before:
                raise
        else:
            if _state(folder) == before:
                return found
    raise CheckpointError(
        f"{folder}: is written anew again and again; load it when the other program has finished."
    )


def _state(folder: Path) -> tuple[int, ...]:
    """Return what is another after each write, one that has begun to be put in its place, too."""
    finish_write(folder)
    try:
        manifest = (folder / MANIFEST).stat()
    except OSError:  # told by who reads it
        return ()
    return manifest.st_ino, manifest.st_mtime_ns, manifest.st_size


def finish_write(folder: Path) -> None:
    """Finish a write that was interrupted when all its files were there: it is whole again.

    Raises:
        CheckpointError: the folder may not be written to, or a file of the new checkpoint was
            damaged since.
    """
    if not (folder / _NEXT).is_dir():
        return
    _check_next(folder)
    try:
        _put_in_place(folder)
    except OSError as error:
        raise CheckpointError(
            f"{folder}: a write was interrupted, and cannot be finished ({error.strerror}). Load it"
            " once where it may be written to, or save it again."
        ) from error


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give a folder to write a checkpoint into, and put it in the place of another one.

    A write that is interrupted leaves what stood there before; behind the moment when the new one
    is whole, what is left to do is done by `finish_write`. Files of a checkpoint that stood there
    and that the new one has not are deleted; others stay.

    Args:
        folder: of the checkpoint; made if it is absent.

    Yields:
        An empty folder in it.

    Raises:
        CheckpointError: the folder is no checkpoint's, and holds a file that would be overwritten;
            or it is that of a registry.
    """
    if (folder / "current").is_file() and (folder / "versions").is_dir():
        raise CheckpointError(
            f"{folder}: holds a registry, which would go on with its own version; add to it by"
            " `drugtext registry add`, or give another folder."
        )
    folder.mkdir(parents=True, exist_ok=True)
    is_damaged = False
    try:
        finish_write(folder)
    except _DamagedWriteError:  # this one is written in its place
        is_damaged = True
    for left in folder.glob(f"{_UNFINISHED}*"):
        if _was_left(left):
            shutil.rmtree(left, ignore_errors=True)
    was_checkpoint = is_checkpoint(folder)
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED) as staged,
        FileLock(Path(staged) / _LOCK),
    ):
        new = Path(staged) / _NEXT
        new.mkdir()
        yield new
        names = _names(new)
        sums = {n.as_posix(): sha256_of(new / n) for n in names if n.suffix not in _UNLISTED}
        taken = [name for name in names if (folder / name).exists()]
        if taken and not was_checkpoint:
            raise CheckpointError(
                f"{folder}: holds {taken[0]} and is no checkpoint's folder; give a new or an empty"
                " one."
            )
        text = json.dumps({"sha256": sums}, indent=1) + "\n"
        (new / MANIFEST).write_text(text, encoding="utf-8")
        for name in _names(new):  # on the disk, before they take the place of the old ones
            with (new / name).open("rb") as file:
                os.fsync(file.fileno())
        if is_damaged:
            shutil.rmtree(folder / _NEXT)
        new.replace(folder / _NEXT)
        _put_in_place(folder)


def _was_left(staged: Path) -> bool:
    """Tell the folder of a writer who was killed, whose lock is free, from that of one at work.

    Others stage in folders that are called alike, and lock none: theirs are left for a day.
    """
    with suppress(OSError, Timeout):
        if not (staged / _LOCK).is_file():
            return time.time() - staged.stat().st_mtime > _SECONDS_OF_A_DAY
        with FileLock(staged / _LOCK, timeout=0):
            return True
    return False


def _check_next(folder: Path) -> None:
    """Check that each file of the next checkpoint is whole, here or moved to its place already."""
    named = listed(folder / _NEXT)
    for name, expected in named.items():
        found = None
        for place in (folder / _NEXT, folder):  # in this order: another program may move it now
            with suppress(OSError, ValueError):
                found = sha256_of(place / name)
                break
        # Another list: other programs have finished this write, and begun the next one.
        if found != expected and listed(folder / _NEXT) == named:
            is_moved = any(not (folder / _NEXT / other).exists() for other in named)
            way_out = (
                "Fetch or train the checkpoint again."
                if is_moved
                else f"Delete {folder / _NEXT} to go back to what stood there before."
            )
            raise _DamagedWriteError(
                f"{folder}: a write was interrupted, and its {name} cannot be read or was damaged"
                f" since. {way_out}"
            )


def _put_in_place(folder: Path) -> None:
    """Move the files of the next checkpoint to where they belong, whoever else does it, too."""
    new, manifest = folder / _NEXT, Path(MANIFEST)
    if named := {Path(name) for name in listed(new)}:  # else the other one has just finished
        for path in [name for name in _names(new) if name != manifest]:
            (folder / path).parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # it is moved
                (new / path).replace(folder / path)
        for old in {found for pattern in CHECKPOINT_FILES for found in folder.glob(pattern)}:
            if old.relative_to(folder) not in {*named, manifest}:
                old.unlink(missing_ok=True)
        with suppress(FileNotFoundError):  # last: until then, the write can be finished
            (new / manifest).replace(folder / manifest)
    for emptied in (new / "adapter", new, folder / "adapter"):
        with suppress(OSError):  # it holds something, or is not there
            emptied.rmdir()


def _names(folder: Path) -> list[Path]:
    """Return the files below a folder; none where it is not there."""
    with suppress(FileNotFoundError):
        return [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    return []
