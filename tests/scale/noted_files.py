"""Local files at noted:///…: a file system of fsspec that notes what workers do, and has faults.

`plugin` makes of it a package, as which fsspec finds it in any process, also in those of Ray.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import IO, NamedTuple

from fsspec.implementations.local import LocalFileSystem

NOTES = "NOTED_FILE"
"""Environment variable: the file of notes."""
WORKERS = "NOTED_WORKERS"
"""Environment variable: how many workers have to read before any of them goes on."""
MENDED = "NOTED_MENDED"
"""Environment variable: set where there are no faults."""

_PATIENCE = 150.0  # seconds, for another worker to start


class Note(NamedTuple):
    """That a worker has begun to read a file, or has written one."""

    what: str
    file: str
    pid: int


class NotedFileSystem(LocalFileSystem):
    """Files named "broken" cannot be read by a worker; those named "deadly" end it."""

    protocol = "noted"

    def _open(self, path: str, mode: str = "rb", **_: object) -> IO[bytes]:
        if mode == "rb" and "/inserts/" in path and _is_worker():
            _note("read", path)
            _wait_for_others()
            if "broken" in path and MENDED not in os.environ:
                raise OSError("the disk has a hole")
            if "deadly" in path and MENDED not in os.environ:
                os.kill(os.getpid(), signal.SIGKILL)
        return Path(path).open(mode)

    def mv(self, path1: str, path2: str, **_: object) -> None:
        super().mv(path1, path2)
        if _is_worker():
            _note("wrote", path2)


def _is_worker() -> bool:
    return Path(sys.argv[0]).name != "classify_corpus.py"


def _note(what: str, path: str) -> None:
    with Path(os.environ[NOTES]).open("a") as file:  # a line is one write, and so stays whole
        file.write(f"{what} {Path(path).name} {os.getpid()}\n")


def _wait_for_others() -> None:
    end = time.monotonic() + _PATIENCE
    while len({n.pid for n in notes(Path(os.environ[NOTES]))}) < int(os.environ.get(WORKERS, 1)):
        if time.monotonic() > end:
            raise TimeoutError("no other worker has started")
        time.sleep(0.05)


def notes(file: Path) -> list[Note]:
    """Return the notes so far, in order."""
    rows = (line.split() for line in file.read_text().splitlines())
    return [Note(what, name, int(pid)) for what, name, pid in rows]


def plugin(folder: Path) -> dict[str, str]:
    """Write what tells fsspec of the file system, and return an environment in which it is found.

    Args:
        folder: a new one; the notes are in it, too.
    """
    package = folder / "noted-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: noted\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[fsspec.specs]\nnoted = noted_files:NotedFileSystem\n"
    )
    (folder / "notes").touch()
    path = os.pathsep.join([str(folder), str(Path(__file__).parent)])
    return {"PYTHONPATH": path, NOTES: str(folder / "notes")}
