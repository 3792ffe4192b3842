"""Window vectors kept on disk by content: a stopped run goes on, and no window is encoded twice."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from drugtext.encoder import WeightsState, weights_sha256, weights_state
from drugtext.errors import DrugTextError

_FILE = "windows.sqlite"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS windows"
    " (key BLOB PRIMARY KEY, vector BLOB NOT NULL, seconds REAL NOT NULL)"
)
_PATIENCE = 60.0  # seconds, while another process writes

_Known = tuple[NDArray[np.float32], float]
"""The vector of a window, and the seconds that encoding it took."""


class WindowCache:
    """The vectors that one encoder gave to windows of tokens, in an SQLite file.

    Inserts share windows: the same section with and without names, a masked and a plain text.

    Args:
        encoder: gives the vectors; those of other weights are others.
        folder: of the file; made if it is absent. Several caches and processes may share it.
        counts_used: whether `used_seconds` is wanted. It is what takes memory, some 200 bytes a
            window; all else is on disk.

    Attributes:
        folder: of the file.
        spent_seconds: that this cache spent on encoding.
        charged_seconds: that all calls would have spent had nothing been kept.

    Raises:
        DrugTextError: the file cannot be made, or is damaged.
    """

    def __init__(self, encoder: nn.Module, folder: Path, *, counts_used: bool = True) -> None:
        self.folder = folder
        self._used: dict[bytes, float] | None = {} if counts_used else None
        self.spent_seconds = self.charged_seconds = 0.0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unkept(str(error.strerror)) from error
        with self._opened() as file:
            file.execute(_TABLE)
        self._encoder = encoder
        self._fingerprint: tuple[WeightsState, bytes] | None = None

    @property
    def used_seconds(self) -> float:
        """What encoding each window that was asked for once would have taken."""
        if self._used is None:
            raise ValueError("what was used is not counted; make the cache with counts_used=True.")
        return sum(self._used.values())

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
        identity = self._identity()
        keys = [_key(identity, ids, encoded_by) for ids in token_ids]
        windows = dict(zip(keys, token_ids, strict=True))
        known = self._read(windows)
        missing = [key for key in windows if key not in known]
        if missing:
            begun = time.perf_counter()
            found = encode([list(windows[key]) for key in missing]).cpu()
            seconds = time.perf_counter() - begun
            self.spent_seconds += seconds
            each = seconds / len(missing)  # shared out among them
            new = {key: (row, each) for key, row in zip(missing, found.numpy(), strict=True)}
            self._write(new)
            known |= new
        asked = [known[key] for key in keys]
        self.charged_seconds += sum(seconds for _, seconds in asked)
        if self._used is not None:
            self._used.update((key, seconds) for key, (_, seconds) in known.items())
        return torch.from_numpy(np.stack([vector for vector, _ in asked]))

    def _identity(self) -> bytes:
        """Return the fingerprint of the encoder's weights, as they are now."""
        state = weights_state(self._encoder)
        if self._fingerprint is None or self._fingerprint[0] != state:
            self._fingerprint = state, bytes.fromhex(weights_sha256(self._encoder))
        return self._fingerprint[1]

    def _read(self, keys: Iterable[bytes]) -> dict[bytes, _Known]:
        """Return those of some windows that are kept."""
        known = {}
        with self._opened() as file:
            for key in keys:
                row = "SELECT vector, seconds FROM windows WHERE key = ?"
                for vector, seconds in file.execute(row, (key,)):
                    known[key] = np.frombuffer(vector, dtype="<f4"), seconds
        return known

    def _write(self, new: Mapping[bytes, _Known]) -> None:
        """Keep some windows, all or none; those that another process was faster with stay."""
        rows = ((key, v.astype("<f4").tobytes(), seconds) for key, (v, seconds) in new.items())
        with self._opened() as file:
            file.executemany("INSERT OR IGNORE INTO windows VALUES (?, ?, ?)", rows)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction: no thread or process has another's connection."""
        path = self.folder / _FILE
        try:
            connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level="IMMEDIATE")
            with closing(connection), connection:
                yield connection
        except sqlite3.OperationalError as error:  # no room, no right, or locked for too long
            raise self._unkept(str(error)) from error
        except sqlite3.DatabaseError as error:
            raise DrugTextError(f"{path}: is damaged ({error}); delete it.") from error

    def _unkept(self, reason: str) -> DrugTextError:
        return DrugTextError(
            f"{self.folder}: no vectors can be kept here ({reason}); give another folder."
        )


def _key(identity: bytes, token_ids: Sequence[int], encoded_by: str) -> bytes:
    ids = np.asarray(token_ids, dtype="<i4").tobytes()
    return hashlib.sha256(identity + encoded_by.encode() + ids).digest()
