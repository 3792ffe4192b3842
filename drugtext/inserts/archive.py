"""Zip and gzip, unpacked as streams and bounded in size."""

from __future__ import annotations

import gzip
import io
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, BinaryIO, cast

from drugtext.errors import ReadError

MAX_UNPACKED_BYTES = 32 * 2**30
"""A member may unpack to this much; a bulk part of openFDA holds 1 to 2 GB."""
MAX_RATIO = 100
"""A member that unpacks to more than this many times its size is taken for a bomb."""
MAX_MEMBERS = 100_000

_RATIO_COUNTS_FROM = 64 * 2**20  # bytes; a small file of repeated records may well pack tighter
_BLOCK = 2**16


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of one member, refused when they are too many for what was packed."""

    def __init__(self, stream: IO[bytes], packed_bytes: Callable[[], int], source: str) -> None:
        self._stream, self._packed_bytes, self._source = stream, packed_bytes, source
        self._n_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        block = self._stream.read(min(len(buffer), _BLOCK))
        self._n_read += len(block)
        too_dense = self._n_read > MAX_RATIO * max(self._packed_bytes(), 1)
        if self._n_read > MAX_UNPACKED_BYTES or (too_dense and self._n_read > _RATIO_COUNTS_FROM):
            raise ReadError(
                self._source,
                f"unpacks to more than {self._n_read // 2**20} MB, over {MAX_RATIO} times its packed"
                " size: it looks like an archive bomb. Unpack it yourself if you trust it.",
            )
        buffer[: len(block)] = block
        return len(block)


def unpack_gzip(stream: BinaryIO, source: str) -> BinaryIO:
    """Return the unpacked bytes of a gzip stream; reading raises `ReadError` on a bomb."""
    n_packed = 0

    class Counted(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            nonlocal n_packed
            block = stream.read(len(buffer))
            n_packed += len(block)
            buffer[: len(block)] = block
            return len(block)

    unpacked = gzip.GzipFile(fileobj=io.BufferedReader(Counted(), _BLOCK))
    return cast(BinaryIO, _Unpacked(cast(IO[bytes], unpacked), lambda: n_packed, source))


def unpack_zip(stream: BinaryIO, source: str) -> Iterator[tuple[str, BinaryIO]]:
    """Yield (name, unpacked bytes) of each file in a zip archive, in its own order.

    Args:
        stream: the archive; one that cannot seek (a pipe) is first copied to a temporary file.
        source: the archive's name; a member's is `source/member`.

    Yields:
        Name and stream of each member; folders and hidden files are passed over.

    Raises:
        ReadError: no member, too many, or one under a password.
    """
    with tempfile.SpooledTemporaryFile(max_size=64 * 2**20) as copy:
        if not stream.seekable():
            while block := stream.read(_BLOCK):
                copy.write(block)
                if copy.tell() > MAX_UNPACKED_BYTES:
                    raise ReadError(source, f"is over {MAX_UNPACKED_BYTES // 2**30} GB; split it.")
            copy.seek(0)
        with zipfile.ZipFile(cast(IO[bytes], stream if stream.seekable() else copy)) as archive:
            members = [m for m in archive.infolist() if _is_document(m.filename)]
            if not 0 < len(members) <= MAX_MEMBERS:
                raise ReadError(
                    source, f"holds {len(members)} files; 1 to {MAX_MEMBERS} inserts are needed."
                )
            for member in members:
                name = f"{source}/{member.filename}"
                if member.flag_bits & 1:
                    raise ReadError(name, "is locked with a password; unpack it first.")
                with archive.open(member) as unpacked:
                    yield name, cast(
                        BinaryIO, _Unpacked(unpacked, lambda m=member: m.compress_size, name)
                    )


def _is_document(name: str) -> bool:
    parts = name.split("/")
    return bool(parts[-1]) and not any(p.startswith((".", "__MACOSX")) for p in parts)


def read_limited(stream: BinaryIO, limit: int, source: str) -> bytes:
    """Read a whole stream of at most `limit` bytes.

    Raises:
        ReadError: the stream is longer.
    """
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise ReadError(
            source,
            f"is over {limit // 2**20} MB, and no single insert is that long."
            " Split it into one file an insert, or use JSON lines, which are streamed.",
        )
    return data
