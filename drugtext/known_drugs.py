"""Names of the drugs that a classifier remembers: which of them is an insert like?

The embeddings are the head's own memory; names are saved where that was asked for alone.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from drugtext.errors import CheckpointError

_FILE = "known_drugs.json"


class KnownDrug(NamedTuple):
    """A drug that a category was learnt from.

    Attributes:
        name: its ingredients; that of the insert where nobody told them.
        category_id: that it is of.
        cosine: of the embedding of its inserts to that of the insert that it is compared with.
    """

    name: str
    category_id: str
    cosine: float


def save_names(names: tuple[str, ...] | None, folder: str | os.PathLike[str]) -> None:
    """Write the names into a checkpoint's folder; None writes nothing."""
    if names is not None:
        text = json.dumps(names, ensure_ascii=False, indent=0) + "\n"
        (Path(folder) / _FILE).write_text(text, encoding="utf-8")


def read_names(folder: str | os.PathLike[str], n_known: int) -> tuple[str, ...] | None:
    """Read what `save_names` wrote; None where there is no such file.

    Args:
        folder: of a checkpoint.
        n_known: embeddings that its head remembers; each has a name.

    Raises:
        CheckpointError: the file is damaged.
    """
    file = Path(folder) / _FILE
    if not file.is_file():
        return None
    try:
        names = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(names, list) or len(names) != n_known:
            raise ValueError(f"not the {n_known} names of what the head remembers")
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{file}: is damaged ({error}). Fetch or train the checkpoint again, or delete the"
            " file: answers do not need it."
        ) from error
    return tuple(map(str, names))
