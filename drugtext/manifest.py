"""The files of a checkpoint with their SHA-256: what is cut off, damaged or changed is refused.

manifest.json holds {"sha256": {"config.json": "…", "adapter/adapter_config.json": "…"}}. Code and
model card are not in it: drugtext reads neither, and people edit the card.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
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
# What drugtext or transformers would read, were it there.
_READ = [name for name in CHECKPOINT_FILES if name != MANIFEST]
_READ += ["config.json", "adapter_config.json", "adapter_model.safetensors"]
_MODEL = "drugtext"  # as config.json tells, in a checkpoint from before there were manifests, too


def check_manifest(folder: Path) -> None:
    """Check the files of a checkpoint; one without a manifest is taken as it is.

    Raises:
        CheckpointError: the manifest is damaged, a file is missing or is another one, or there is
            one that would be read and that the manifest does not name.
    """
    if not os.path.lexists(folder / MANIFEST):
        return
    again = "Fetch or train the checkpoint again; who changed it on purpose deletes manifest.json."
    named = listed(folder)
    for name, expected in named.items():
        try:
            found = sha256_of(folder / name)
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
    if unnamed := sorted({path.relative_to(folder).as_posix() for path in there} - {*named}):
        raise CheckpointError(
            f"{folder / unnamed[0]}: was added, manifest.json does not name it. {again}"
        )


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


def listed(folder: Path) -> dict[str, str]:
    """Return name -> SHA-256 of the manifest; nothing where there is none."""
    file = folder / MANIFEST
    try:
        told = json.loads(file.read_text(encoding="utf-8"))["sha256"]
        names = {str(name): str(sha256) for name, sha256 in told.items()}
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


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a regular file, in hexadecimal digits."""
    if not stat.S_ISREG(file.stat().st_mode):  # a pipe would be waited for
        raise OSError(errno.EINVAL, "it is no regular file")
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
