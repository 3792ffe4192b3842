"""Window vectors kept on disk by content: a stopped run goes on, and no window is encoded twice."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor, nn

from drugtext.encoder import weights_sha256
from drugtext.errors import DrugTextError

_log = logging.getLogger(__name__)


class WindowCache:
    """The vectors that one encoder gave to windows of tokens.

    Inserts share windows: the same section with and without names, a masked and a plain text.

    Args:
        encoder: gives the vectors; a cache is made anew after its weights have changed.
        folder: of the parts, each a list of keys, a matrix and what each row cost; made if it is
            absent. Several caches and processes may share it.

    Attributes:
        folder: of the parts.
        spent_seconds: that this cache spent on encoding.
        charged_seconds: that all calls would have spent had nothing been kept.

    Raises:
        DrugTextError: the folder cannot be made.
    """

    def __init__(self, encoder: nn.Module, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unkept(error) from error
        self._known: dict[bytes, tuple[Tensor, float]] = {}
        self._read: set[Path] = set()
        self._used: set[bytes] = set()
        self.spent_seconds = self.charged_seconds = 0.0
        self._identity = bytes.fromhex(weights_sha256(encoder))

    @property
    def used_seconds(self) -> float:
        """What encoding each window that was asked for once would have taken."""
        return sum(self._known[key][1] for key in self._used)

    def vectors(
        self,
        token_ids: Sequence[Sequence[int]],
        encode: Callable[[list[list[int]]], Tensor],
        encoded_by: str = "",
    ) -> Tensor:
        """Return the vector of each window, encoding those that are not known yet.

        Args:
            token_ids: of each window, one or more.
            encode: gives the vectors of some windows, float32, shape (n_windows, embedding_dim).
            encoded_by: what runs the encoder, where it is not the encoder itself: its vectors are
                others, if only a little.

        Returns:
            float32 on the CPU, shape (n_windows, embedding_dim).
        """
        keys = [self._key(ids, encoded_by) for ids in token_ids]
        if not self._known.keys() >= set(keys):
            self._read_parts()
        missing = {key: n for n, key in enumerate(keys) if key not in self._known}
        if missing:
            begun = time.perf_counter()
            found = encode([list(token_ids[n]) for n in missing.values()]).cpu()
            seconds = time.perf_counter() - begun
            self.spent_seconds += seconds
            self._write(list(missing), found, seconds)
        self.charged_seconds += sum(self._known[key][1] for key in keys)
        self._used.update(keys)
        return torch.stack([self._known[key][0] for key in keys])

    def _key(self, token_ids: Sequence[int], encoded_by: str) -> bytes:
        ids = np.asarray(token_ids, dtype="<i4").tobytes()
        return hashlib.sha256(self._identity + encoded_by.encode() + ids).digest()

    def _read_parts(self) -> None:
        """Read the parts that were written since this was last called, by whichever cache."""
        for file in sorted(set(self.folder.glob("*.npz")) - self._read):
            self._read.add(file)
            try:
                with np.load(file, allow_pickle=False) as part:
                    keys = [row.tobytes() for row in part["keys"]]
                    vectors = torch.from_numpy(part["vectors"])
                    known = zip(vectors, part["seconds"].tolist(), strict=True)
                    self._known.update(zip(keys, known, strict=True))
            except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
                _log.warning("%s is damaged and passed over (%s); delete it.", file, error)

    def _write(self, keys: list[bytes], vectors: Tensor, seconds: float) -> None:
        """Keep some windows, the seconds shared out among them; whole on disk or not at all."""
        each = np.full(len(keys), seconds / len(keys))
        rows = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1)
        part = self.folder / f"{keys[0].hex()[:24]}.npz"
        try:
            with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".part", delete=False) as file:
                np.savez(file, keys=rows, vectors=vectors.numpy(), seconds=each)
            Path(file.name).rename(part)
        except OSError as error:
            raise self._unkept(error) from error
        self._read.add(part)
        self._known.update(zip(keys, zip(vectors, each.tolist(), strict=True), strict=True))

    def _unkept(self, error: OSError) -> DrugTextError:
        return DrugTextError(
            f"{self.folder}: no vectors can be kept here ({error.strerror}); give another folder."
        )
