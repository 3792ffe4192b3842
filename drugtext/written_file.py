"""Write a file where a user wants it, or say why that cannot be."""

from __future__ import annotations

import os
from pathlib import Path

from drugtext.errors import DrugTextError


def write_file(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a whole file; a text in UTF-8, with "?" for half characters (surrogates).

    Args:
        path: of the file, in a folder that exists; a file that stands there is replaced.
        content: of the file.

    Raises:
        DrugTextError: the file cannot be written.
    """
    try:
        Path(path).write_bytes(
            content.encode("utf-8", "replace") if isinstance(content, str) else content
        )
    except OSError as error:
        raise DrugTextError(
            f"{os.fspath(path)}: cannot be written ({error.strerror or error}); give a file in a"
            " folder that exists and may be written to."
        ) from error
