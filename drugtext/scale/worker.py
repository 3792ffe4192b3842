"""One of the processes that classify a corpus: it holds a classifier, and does a part at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drugtext.bundled import bundled_checkpoints
from drugtext.errors import CheckpointError
from drugtext.scale.answers import answer_rows
from drugtext.scale.output import write_part
from drugtext.scale.parts import Part, PartReader


class Worker:
    """A classifier in a process of its own: parts in, files of answers out."""

    def __init__(
        self,
        model: str | None,
        sha256: str,
        backend: str,
        quick: bool,
        top_k: int,
        id_column: str,
        n_threads: int,
    ) -> None:
        import torch

        from drugtext.classifier import load

        # Its cores and no more, whatever OMP_NUM_THREADS says. Every backend asks torch.
        torch.set_num_threads(n_threads)
        self._classifier, self._reader = load(model, backend=backend), PartReader()
        if quick:
            self._classifier.reading_plan = self._classifier.reading_plan.quick()
        self._options = top_k, id_column
        # A folder may be written anew, and a name on the hub mean another commit.
        self._changed = str(model) if model_sha256(model) != sha256 else ""

    def __call__(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Classify a part, write its file, and return how many rows that has, or what is wrong."""
        result = {"name": task["name"], "n_rows": 0, "error": ""}
        part = Part(**json.loads(task["part"]))
        try:
            if self._changed:
                raise CheckpointError(
                    f"{self._changed}: is another model than when the run began; give the folder of"
                    " one that stays as it is, and another output."
                )
            rows = [*answer_rows(self._classifier, part, self._reader, *self._options)]
            write_part(task["output"], task["name"], rows)
        except Exception as error:  # this part's alone: the others go on
            return result | {"error": f"{type(error).__name__}: {error}"[:500]}
        return result | {"n_rows": len(rows)}


def found_by_workers(model: str | None) -> str | None:
    """Return what names a model to workers, who may stand in another folder; as `load` finds it.

    Of a registry it is the version that is used now: others may be used before all is done.
    """
    from drugtext.checkpoint import checkpoint_folder
    from drugtext.encoder import DEFAULT_ENCODER  # brings torch

    if model is None or model in bundled_checkpoints() or model == DEFAULT_ENCODER:
        return model
    return str(checkpoint_folder(model).absolute()) if Path(model).is_dir() else model


def model_sha256(model: str | None) -> str:
    """Return a fingerprint of a checkpoint's configuration and weights."""
    from drugtext.checkpoint import checkpoint_folder

    digest = hashlib.sha256()
    folder = checkpoint_folder(model)
    for file in sorted([*folder.glob("*.json"), *folder.rglob("*.safetensors")]):
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
