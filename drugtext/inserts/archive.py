"""Zip and gzip, unpacked as streams and bounded in size."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import IO, BinaryIO, cast

from drugtext.errors import ReadError
from drugtext.inserts.text import decode_name

MAX_UNPACKED_BYTES = 32 * 2**30
"""A member may unpack to this much; a bulk part of openFDA holds 1 to 2 GB."""
MAX_RATIO = 100
"""A member, or an archive, that unpacks to more than this many times its size is taken for a bomb:
members may lie over one another, and each of them unpack to little."""
MAX_MEMBERS = 100_000

_RATIO_COUNTS_FROM = 64 * 2**20  # bytes; a small file of repeated records may well pack tighter
_BLOCK = 2**16
_NAME_IS_UTF8 = 0x800  # of the flags of a member
_IN_MEMORY = 64 * 2**20  # bytes of an archive from a pipe; beyond, it goes to a temporary file
# zipfile lets errors of the modules below it through: struct, the codecs, the file's own seek.
_DAMAGE = (
    EOFError,
    MemoryError,  # LZMA asks for as much as the archive says, up to 4 GB
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,
    OverflowError,
    IndexError,
)
_OF_SYSTEMS = ("thumbs.db", "desktop.ini", "__macosx")
_PICTURES = (".jpg", ".jpeg", ".png", ".gif")  # DailyMed packs those of a label beside it


@contextmanager
def _explained(source: str) -> Iterator[None]:
    """Turn what goes wrong in unpacking into a `ReadError`."""
    try:
        yield
    except NotImplementedError as error:
        raise ReadError(
            source, f"is packed in a way that Python cannot unpack ({error}); pack it as plain zip."
        ) from error
    except _DAMAGE as error:
        reason = str(error) or type(error).__name__
        raise ReadError(
            source, f"the archive is damaged or cut off ({reason}); fetch or save it again."
        ) from error


@dataclass
class _Bound:
    """How much a member, or an archive with all its members, may unpack to.

    Attributes:
        packed_bytes: tells its size.
        most_bytes: that it may unpack to, whatever its size.
        n_read: unpacked bytes that were read.
    """

    packed_bytes: Callable[[], int]
    most_bytes: float
    n_read: int = 0

    def check(self, source: str) -> None:
        """Raise `ReadError` where too much was unpacked for what was packed."""
        too_dense = self.n_read > MAX_RATIO * max(self.packed_bytes(), 1)
        if self.n_read > self.most_bytes or (too_dense and self.n_read > _RATIO_COUNTS_FROM):
            raise ReadError(
                source,
                f"unpacks to {self.n_read // 2**20} MB and more from"
                f" {self.packed_bytes() / 2**20:.1f} MB; at most {MAX_RATIO} times as much and"
                f" {MAX_UNPACKED_BYTES // 2**30} GB are read. It looks like an archive bomb: unpack"
                " it yourself if you trust it.",
            )


class _Unpacked(io.RawIOBase):
    """The unpacked bytes of one member, refused when they are too many for what was packed."""

    def __init__(self, stream: IO[bytes], source: str, *bounds: _Bound) -> None:
        self._stream, self._source, self._bounds = stream, source, bounds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        with _explained(self._source):
            block = self._stream.read(len(buffer))
        for bound in self._bounds:
            bound.n_read += len(block)
            bound.check(self._source)
        buffer[: len(block)] = block
        return len(block)


class _Counted(io.RawIOBase):
    """A stream that knows how many bytes were read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.n_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        block = self._stream.read(len(buffer))
        self.n_read += len(block)
        buffer[: len(block)] = block
        return len(block)


def unpack_gzip(stream: BinaryIO, source: str) -> BinaryIO:
    """Return the unpacked bytes of a gzip stream.

    Args:
        stream: the packed bytes; it need not seek.
        source: the file's name, for messages.

    Returns:
        A stream; reading it raises `ReadError` where the data is damaged, cut off or a bomb.
    """
    packed = _Counted(stream)
    unpacked = gzip.GzipFile(fileobj=io.BufferedReader(cast(io.RawIOBase, packed), _BLOCK))
    bound = _Bound(lambda: packed.n_read, MAX_UNPACKED_BYTES)
    return cast(BinaryIO, _Unpacked(cast(IO[bytes], unpacked), source, bound))


def unpack_zip(stream: BinaryIO, source: str) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
    """List the files in a zip archive, in its own order.

    Folders, hidden files and the pictures that accompany a label are passed over.

    Args:
        stream: the archive; one that cannot seek (a pipe) is first copied to a temporary file.
        source: the archive's name; a member's is `source/member`.

    Yields:
        Name of each member, and a function that opens it. The function, and reading what it
        returns, raise `ReadError` where this member is locked, damaged or a bomb.

    Raises:
        ReadError: the archive is damaged, an office document, or holds no member or too many.
    """
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        if not stream.seekable():
            _copy(stream, cast(BinaryIO, copy), source)
        with _explained(source):
            archive = zipfile.ZipFile(cast(IO[bytes], stream if stream.seekable() else copy))
        with archive:
            names = archive.namelist()
            if "[Content_Types].xml" in names or names[:1] == ["mimetype"]:
                raise ReadError(
                    source, "is an office document or e-book; save it as plain text, HTML or CSV."
                )
            members = [member for member in archive.infolist() if _is_document(member.filename)]
            if not 0 < len(members) <= MAX_MEMBERS:
                raise ReadError(
                    source,
                    f"the archive holds {len(members):,} documents; 1 to {MAX_MEMBERS:,} are"
                    " needed. Pack the inserts themselves.",
                )
            n_bytes = cast(IO[bytes], archive.fp).seek(0, io.SEEK_END)
            whole = _Bound(lambda: n_bytes, inf)
            for member in members:
                name = f"{source}/{_name(member)}"
                yield name, partial(_open_member, archive, member, name, whole)


def _name(member: zipfile.ZipInfo) -> str:
    """Return the name of a member.

    Where no flag says that it is UTF-8, Python takes it for the code page that the format names
    (APPNOTE.TXT 6.3.10, appendix D). Writers of Linux and of Chinese Windows put down their own.
    """
    if not member.flag_bits & _NAME_IS_UTF8:
        with suppress(UnicodeEncodeError):
            return decode_name(member.filename.encode("cp437")) or member.filename
    return member.filename


def _copy(stream: BinaryIO, copy: BinaryIO, source: str) -> None:
    while block := stream.read(_BLOCK):
        copy.write(block)
        if copy.tell() > MAX_UNPACKED_BYTES:
            raise ReadError(
                source, f"the archive is over {MAX_UNPACKED_BYTES // 2**30} GB; split it."
            )
    copy.seek(0)


def _open_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, whole: _Bound
) -> BinaryIO:
    whole.check(name)
    if member.flag_bits & 1:
        raise ReadError(
            name, "is locked with a password; unpack it first, and give what is inside."
        )
    with _explained(name):
        unpacked = archive.open(member)
    bound = _Bound(lambda: member.compress_size, MAX_UNPACKED_BYTES)
    return cast(BinaryIO, _Unpacked(unpacked, name, bound, whole))


def is_passed_over(name: str) -> bool:
    """Tell files and folders that nobody put where they are: hidden ones, and those of systems."""
    return name.startswith((".", "~$")) or name.lower() in _OF_SYSTEMS


def _is_document(name: str) -> bool:
    parts = name.split("/")
    # "../insert.xml" is what `zip insert.zip ../insert.xml` calls it: nothing is unpacked there.
    steps = [part for part in parts if part not in (".", "..")]
    is_left = any(map(is_passed_over, steps))
    return bool(parts[-1]) and not is_left and not name.lower().endswith(_PICTURES)
