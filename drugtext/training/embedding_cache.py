"""Embeddings kept on disk by content: a stopped run goes on, and no text is embedded twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from drugtext._version import __version__
from drugtext.classifier import DrugClassifier
from drugtext.corpus import insert_from_row

_PART = 128  # texts embedded between two writes


class EmbeddingCache:
    """The embeddings that one encoder gave, by one reading plan.

    Args:
        classifier: gives the embeddings.
        folder: holds the parts, each a list of keys and a matrix; made if it is absent.
    """

    def __init__(self, classifier: DrugClassifier, folder: Path) -> None:
        self._classifier, self._folder = classifier, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, NDArray] = {}
        for file in sorted(folder.glob("*.npz")):
            with np.load(file, allow_pickle=False) as part:
                self._known.update(zip(part["keys"].tolist(), part["embeddings"], strict=True))
        self._identity = self._identify()

    def _identify(self) -> bytes:
        """What an embedding depends on beside the text: weights, reading plan, prefix, version."""
        model = self._classifier.model
        digest = hashlib.sha256()
        for name, tensor in sorted(model.encoder.state_dict().items()):
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        told = (self._classifier.reading_plan, model.config.prefix, __version__)
        digest.update(repr(told).encode())
        return digest.digest()

    def embed(self, rows: Dataset, column: str, advance: Callable[[int], object] = bool) -> NDArray:
        """Embed a column of the corpus.

        Args:
            rows: a split, as `build_corpus` makes it.
            column: "text" or "masked".
            advance: called with the number of texts done, for a progress bar.

        Returns:
            float32, shape (n_rows, embedding_dim).
        """
        keys = [hashlib.sha256(self._identity + text.encode()).hexdigest() for text in rows[column]]
        first = {key: n for n, key in reversed(list(enumerate(keys)))}
        missing = sorted(n for key, n in first.items() if key not in self._known)
        advance(len(keys) - len(missing))
        for start in range(0, len(missing), _PART):
            part = missing[start : start + _PART]
            inserts = [insert_from_row(rows[n], masked=column == "masked") for n in part]
            self._write([keys[n] for n in part], self._classifier.embed(inserts))
            advance(len(part))
        return np.stack([self._known[key] for key in keys])

    def _write(self, keys: list[str], embeddings: NDArray) -> None:
        unfinished = self._folder / "unfinished"
        with unfinished.open("wb") as file:
            np.savez(file, keys=np.array(keys), embeddings=embeddings)
        unfinished.rename(self._folder / f"{keys[0][:24]}.npz")
        self._known.update(zip(keys, embeddings, strict=True))
