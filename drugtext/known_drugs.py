"""The drugs that a classifier learnt its categories from: which of them is an insert like?

Only names and embeddings are kept, no text; they are saved where that was asked for alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from drugtext.errors import CheckpointError

_FILE = "known_drugs.safetensors"
_LEVELS = 127  # of a stored figure: whole numbers of a byte, each row with a scale of its own


class KnownDrug(NamedTuple):
    """A drug that a category was learnt from.

    Attributes:
        name: its ingredients; that of the insert where nobody told them.
        category_id: that it is of.
        cosine: of its embedding to that of the insert that it is compared with.
    """

    name: str
    category_id: str
    cosine: float


@dataclass(frozen=True)
class KnownDrugs:
    """Drugs with their categories and embeddings.

    Attributes:
        names: of the drugs.
        category_ids: of the drugs.
        embeddings: projected, unit vectors, float32, shape (n_drugs, embedding_dim).
    """

    names: tuple[str, ...]
    category_ids: tuple[str, ...]
    embeddings: Tensor

    def nearest(self, projected: Tensor, n: int) -> list[KnownDrug]:
        """Return the drugs that are nearest to an insert, nearest first.

        Args:
            projected: its embedding, unit vector, shape (embedding_dim,).
            n: how many, at most.
        """
        cosines = self.embeddings @ projected
        order = cosines.argsort(descending=True, stable=True)[:n].tolist()
        return [
            KnownDrug(self.names[i], self.category_ids[i], round(float(cosines[i]), 4))
            for i in order
        ]

    def __add__(self, other: KnownDrugs) -> KnownDrugs:
        return KnownDrugs(
            self.names + other.names,
            self.category_ids + other.category_ids,
            torch.cat([self.embeddings, other.embeddings]),
        )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write a file into a checkpoint's folder, a byte a figure."""
        scales = self.embeddings.abs().amax(dim=1).clamp(min=1e-12) / _LEVELS
        levels = (self.embeddings / scales.unsqueeze(1)).round().to(torch.int8)
        save_file(
            {"levels": levels.contiguous(), "scales": scales.contiguous()},
            Path(folder) / _FILE,
            metadata={
                "format": "pt",
                "names": json.dumps(self.names, ensure_ascii=False),
                "category_ids": json.dumps(self.category_ids, ensure_ascii=False),
            },
        )

    @classmethod
    def from_folder(cls, folder: str | os.PathLike[str]) -> KnownDrugs | None:
        """Read what `save` wrote; None where there is no such file.

        Raises:
            CheckpointError: the file is damaged.
        """
        file = Path(folder) / _FILE
        if not file.is_file():
            return None
        try:
            with safe_open(file, "pt") as stored:
                told = stored.metadata() or {}
                names, category_ids = (
                    tuple(map(str, json.loads(told[key]))) for key in ("names", "category_ids")
                )
                levels, scales = stored.get_tensor("levels"), stored.get_tensor("scales")
            if not len(names) == len(category_ids) == len(levels) == len(scales):
                raise ValueError(f"{len(names)} names for {len(levels)} embeddings")
            embeddings = nn.functional.normalize(levels.float() * scales.unsqueeze(1), dim=1)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(
                f"{file}: is damaged ({error}). Fetch or train the checkpoint again, or delete the"
                " file: answers do not need it."
            ) from error
        return cls(names, category_ids, embeddings)

    @staticmethod
    def forget(folder: str | os.PathLike[str]) -> None:
        """Take the file out of a folder, of a checkpoint that stood there before."""
        (Path(folder) / _FILE).unlink(missing_ok=True)
