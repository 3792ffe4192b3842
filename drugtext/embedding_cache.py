"""Embeddings kept on disk by content: a stopped run goes on, and no text is embedded twice."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drugtext._version import __version__
from drugtext.classifier import DrugClassifier
from drugtext.inserts.insert import DrugInsert

_PART = 128  # inserts embedded between two writes


class EmbeddingCache:
    """The embeddings that one encoder gave, by one reading plan.

    Args:
        classifier: gives the embeddings.
        folder: holds the parts, each a list of keys, a matrix and what each row cost; made if it is
            absent. Caches that share one find what the others have embedded.
    """

    def __init__(self, classifier: DrugClassifier, folder: Path) -> None:
        self._classifier, self._folder = classifier, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, tuple[NDArray, float]] = {}
        self._read: set[Path] = set()
        self._identity = self._identify()

    def _read_parts(self) -> None:
        """Read the parts that were written since this was last called, by whichever cache."""
        for file in sorted(set(self._folder.glob("*.npz")) - self._read):
            self._read.add(file)
            with np.load(file, allow_pickle=False) as part:
                if "seconds" not in part:  # of an earlier form: embedded again
                    continue
                rows = zip(part["embeddings"], part["seconds"].tolist(), strict=True)
                self._known.update(zip(part["keys"].tolist(), rows, strict=True))

    def _identify(self) -> bytes:
        """What an embedding depends on beside the text: weights, reading plan, prefix, version."""
        model, plan = self._classifier.model, self._classifier.reading_plan
        digest = hashlib.sha256()
        for name, tensor in sorted(model.state_dict().items()):
            if name.startswith(("encoder.", "head.centre", "head.whitening")):
                digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        # Whether names are hidden matters only to inserts that have names: see `_key`.
        told = (replace(plan, hide_names=True), model.config.prefix, __version__)
        digest.update(repr(told).encode())
        return digest.digest()

    def _key(self, insert: DrugInsert) -> str:
        read = (insert.name, insert.ingredients, insert.brand_names)
        names = read if self._classifier.reading_plan.hide_names and any(read) else None
        text = repr((names, list(insert.sections.items())))
        return hashlib.sha256(self._identity + text.encode("utf-8", "surrogatepass")).hexdigest()

    def _keys(self, inserts: Sequence[DrugInsert]) -> list[str]:
        """Return the key of each insert, with what is on disk of them in memory."""
        keys = [self._key(insert) for insert in inserts]
        if not self._known.keys() >= set(keys):
            self._read_parts()
        return keys

    def embed(
        self, inserts: Sequence[DrugInsert], advance: Callable[[int], object] = bool
    ) -> NDArray:
        """Embed inserts, as `DrugClassifier.embed` does.

        Args:
            inserts: one or more.
            advance: called with the number of inserts done, for a progress bar.

        Returns:
            float32, shape (n_inserts, embedding_dim).
        """
        keys = self._keys(inserts)
        first = {key: n for n, key in reversed(list(enumerate(keys)))}
        missing = sorted(n for key, n in first.items() if key not in self._known)
        advance(len(keys) - len(missing))
        for start in range(0, len(missing), _PART):
            part = missing[start : start + _PART]
            begun = time.perf_counter()
            embeddings = self._classifier.embed([inserts[n] for n in part])
            self._write([keys[n] for n in part], embeddings, time.perf_counter() - begun)
            advance(len(part))
        return np.stack([self._known[key][0] for key in keys])

    def seconds(self, inserts: Sequence[DrugInsert]) -> float:
        """Return how long these inserts, embedded before, took when they were not yet cached."""
        return sum(self._known[key][1] for key in self._keys(inserts))

    def costs(self, inserts: Sequence[DrugInsert]) -> dict[str, float]:
        """Return for each embedding, by its key, how long it took when it was not yet cached."""
        return {key: self._known[key][1] for key in self._keys(inserts)}

    def _write(self, keys: list[str], embeddings: NDArray, seconds: float) -> None:
        each = np.full(len(keys), seconds / len(keys))
        unfinished = self._folder / "unfinished"
        with unfinished.open("wb") as file:
            np.savez(file, keys=np.array(keys), embeddings=embeddings, seconds=each)
        unfinished.rename(self._folder / f"{keys[0][:24]}.npz")
        rows = zip(embeddings, each.tolist(), strict=True)
        self._known.update(zip(keys, rows, strict=True))
