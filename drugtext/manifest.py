"""The files of a checkpoint with their SHA-256: what is cut off, damaged or changed is refused.

manifest.json holds {"sha256": {"config.json": "…", "adapter/adapter_config.json": "…"}}. Code and
model card are not in it: drugtext reads neither, and people edit the card.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from drugtext.errors import CheckpointError

MANIFEST = "manifest.json"
CHECKPOINT_FILES = [
    *("head.safetensors", "model.safetensors", "model-*.safetensors", "known_drugs.json"),
    *("adapter/adapter_config.json", "adapter/adapter_model.safetensors", MANIFEST),
    *("model.safetensors.index.json", "tokenizer*.json", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.*", "merges.txt", "spiece.model", "sentencepiece*.model"),
]
"""Patterns of files that a checkpoint may have and the next one in its place may not."""
_UNLISTED = (".py", ".md")
# What drugtext or transformers would read, were it there.
_READ = [name for name in CHECKPOINT_FILES if name != MANIFEST]
_READ += ["config.json", "adapter_config.json", "adapter_model.safetensors"]
_UNFINISHED, _SECONDS_OF_A_DAY = ".new-", 24 * 60 * 60
_MODEL = "drugtext"  # as config.json tells, in a checkpoint from before there were manifests, too
_NEXT = ".next"  # folder of a checkpoint that is whole, and not yet in its place


class _DamagedWriteError(CheckpointError):
    """A write that was interrupted cannot be finished: what was written is no longer whole."""


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


def check_manifest(folder: Path) -> None:
    """Check the files of a checkpoint; one without a manifest is taken as it is.

    Raises:
        CheckpointError: the manifest is damaged, a file is missing or is another one, or there is
            one that would be read and that the manifest does not name.
    """
    if not os.path.lexists(folder / MANIFEST):
        return
    again = "Fetch or train the checkpoint again; who changed it on purpose deletes manifest.json."
    listed = _listed(folder)
    for name, expected in listed.items():
        try:
            found = _sha256(folder / name)
        except (OSError, ValueError) as error:  # ValueError: no file can be called so
            reason = getattr(error, "strerror", None) or error
            raise CheckpointError(
                f"{folder / name}: is missing ({reason}), though manifest.json names it. {again}"
            ) from error
        if found != expected:
            raise CheckpointError(
                f"{folder / name}: is damaged or was changed (SHA-256 {found[:16]}…, manifest.json"
                f" has {str(expected)[:16]}…). {again}"
            )
    there = {found for pattern in _READ for found in folder.glob(pattern)}
    if unnamed := sorted({path.relative_to(folder).as_posix() for path in there} - {*listed}):
        raise CheckpointError(
            f"{folder / unnamed[0]}: was added, manifest.json does not name it. {again}"
        )


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
    for left in folder.glob(f"{_UNFINISHED}*"):  # by a writer who was killed
        if time.time() - left.stat().st_mtime > _SECONDS_OF_A_DAY:
            shutil.rmtree(left, ignore_errors=True)
    was_checkpoint = is_checkpoint(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED) as staged:
        new = Path(staged) / _NEXT
        new.mkdir()
        yield new
        names = _names(new)
        listed = {n.as_posix(): _sha256(new / n) for n in names if n.suffix not in _UNLISTED}
        taken = [name for name in names if (folder / name).exists()]
        if taken and not was_checkpoint:
            raise CheckpointError(
                f"{folder}: holds {taken[0]} and is no checkpoint's folder; give a new or an empty"
                " one."
            )
        text = json.dumps({"sha256": listed}, indent=1) + "\n"
        (new / MANIFEST).write_text(text, encoding="utf-8")
        for name in _names(new):  # on the disk, before they take the place of the old ones
            with (new / name).open("rb") as file:
                os.fsync(file.fileno())
        if is_damaged:
            shutil.rmtree(folder / _NEXT)
        new.replace(folder / _NEXT)
        _put_in_place(folder)


def is_checkpoint(folder: Path) -> bool:
    """Tell a checkpoint's folder from that of another program, which may have files so called."""
    sums = _object_in(folder / MANIFEST).get("sha256")
    return isinstance(sums, dict) or _object_in(folder / "config.json").get("model_type") == _MODEL


def _object_in(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where there is none."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _check_next(folder: Path) -> None:
    """Check that each file of the next checkpoint is whole, here or moved to its place already."""
    listed = _listed(folder / _NEXT)
    for name, expected in listed.items():
        found = None
        for place in (folder / _NEXT, folder):  # in this order: another program may move it now
            with suppress(OSError, ValueError):
                found = _sha256(place / name)
                break
        # Another list: other programs have finished this write, and begun the next one.
        if found != expected and _listed(folder / _NEXT) == listed:
            is_moved = any(not (folder / _NEXT / other).exists() for other in listed)
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
    if listed := {Path(name) for name in _listed(new)}:  # else the other one has just finished
        for path in [name for name in _names(new) if name != manifest]:
            (folder / path).parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):  # it is moved
                (new / path).replace(folder / path)
        for old in {found for pattern in CHECKPOINT_FILES for found in folder.glob(pattern)}:
            if old.relative_to(folder) not in {*listed, manifest}:
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


def _listed(folder: Path) -> dict[str, str]:
    """Return name -> SHA-256 of the manifest; nothing where there is none."""
    file = folder / MANIFEST
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))["sha256"]
        names = {str(name): str(sha256) for name, sha256 in listed.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"{file}: cannot be read ({error}). Fetch or train the checkpoint again."
        ) from error
    for name in names:  # of this folder alone, whoever wrote it
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise CheckpointError(f"{file}: names {name!r}, which is outside the folder.")
    return names


def _sha256(file: Path) -> str:
    if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be waited for
        raise OSError(errno.EINVAL, "it is no regular file")
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
