"""Write a file where a user wants it, whole or not at all, or say why that cannot be."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path

from drugtext.errors import DrugTextError


def write_file(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a whole file; a text in UTF-8, with "?" for half characters (surrogates).

    Args:
        path: of the file, in a folder that exists; a file that stands there is replaced in one
            step, so that an interrupted write leaves it as it was.
        content: of the file.

    Raises:
        DrugTextError: the file cannot be written.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    try:
        file = Path(os.path.realpath(path))  # a link stays one
        if file.exists() and not file.is_file():  # such as /dev/stdout; a folder is refused
            file.write_bytes(data)
        else:
            _replace(file, data)
    except (OSError, ValueError) as error:  # ValueError: no file can be called so
        raise DrugTextError(
            f"{os.fspath(path)}: cannot be written ({getattr(error, 'strerror', None) or error});"
            " give a file in a folder that exists and may be written to."
        ) from error


def _replace(file: Path, data: bytes) -> None:
    new = file.with_name(f".new-{os.getpid()}-{threading.get_ident()}")
    try:
        with new.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileNotFoundError):  # there was none
            shutil.copymode(file, new)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
