"""The files of a checkpoint with their SHA-256: what is cut off, damaged or changed is refused.

manifest.json holds {"sha256": {"config.json": "…", "adapter/adapter_config.json": "…"}}. Code and
model card are not in it: drugtext reads neither, and people edit the card.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from drugtext.errors import CheckpointError

MANIFEST = "manifest.json"
CHECKPOINT_FILES = [
    *("head.safetensors", "model.safetensors", "model-*.safetensors", "known_drugs.json"),
    *("adapter/adapter_config.json", "adapter/adapter_model.safetensors", MANIFEST),
]
"""Patterns of files that a checkpoint may have and the next one in its place may not."""
_UNLISTED = (".py", ".md")


def check_manifest(folder: Path) -> None:
    """Check the files of a checkpoint; one without a manifest is taken as it is.

    Raises:
        CheckpointError: the manifest is damaged, or a file is missing or is another one.
    """
    if not (folder / MANIFEST).is_file():
        return
    again = "Fetch or train the checkpoint again; who changed it on purpose deletes manifest.json."
    for name, expected in _listed(folder).items():
        try:
            found = _sha256(folder / name)
        except OSError as error:
            raise CheckpointError(
                f"{folder / name}: is missing ({error.strerror}), though manifest.json names it."
                f" {again}"
            ) from error
        if found != expected:
            raise CheckpointError(
                f"{folder / name}: is damaged or was changed (SHA-256 {found[:16]}…, manifest.json"
                f" has {str(expected)[:16]}…). {again}"
            )


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give a folder to write a checkpoint into, and put it in the place of another one.

    A write that is interrupted leaves what stood there before. Files of a checkpoint that stood
    there and that the new one has not are deleted; others stay.

    Args:
        folder: of the checkpoint; made if it is absent.

    Yields:
        An empty folder in it.

    Raises:
        CheckpointError: the folder is no checkpoint's, and holds a file that would be overwritten.
    """
    folder.mkdir(parents=True, exist_ok=True)
    is_checkpoint = any((folder / name).is_file() for name in ("config.json", MANIFEST))
    with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as staged:
        new = Path(staged)
        yield new
        names = [path.relative_to(new) for path in sorted(new.rglob("*")) if path.is_file()]
        listed = {n.as_posix(): _sha256(new / n) for n in names if n.suffix not in _UNLISTED}
        taken = [name for name in names if (folder / name).exists()]
        if taken and not is_checkpoint:
            raise CheckpointError(
                f"{folder}: holds {taken[0]} and is no checkpoint's folder; give a new or an empty"
                " one."
            )
        text = json.dumps({"sha256": listed}, indent=1) + "\n"
        (new / MANIFEST).write_text(text, encoding="utf-8")
        for path in [*names, Path(MANIFEST)]:  # last: until then, what is mixed is refused
            (folder / path).parent.mkdir(exist_ok=True)
            (new / path).replace(folder / path)
        for old in {found for pattern in CHECKPOINT_FILES for found in folder.glob(pattern)}:
            if old.relative_to(folder) not in {*names, Path(MANIFEST)}:
                old.unlink()
        with suppress(OSError):  # it holds something, or is not there
            (folder / "adapter").rmdir()


def _listed(folder: Path) -> dict[str, str]:
    """Return name -> SHA-256 of the manifest; nothing where there is none."""
    file = folder / MANIFEST
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))["sha256"]
        names = {str(name): str(sha256) for name, sha256 in listed.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{file}: cannot be read ({error}). Fetch or train the checkpoint again."
        ) from error
    for name in names:  # of this folder alone, whoever wrote it
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise CheckpointError(f"{file}: names {name!r}, which is outside the folder.")
    return names


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
