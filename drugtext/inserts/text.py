"""Bytes -> text, within bounds, and a plain word for what is not text."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import BinaryIO

from drugtext.errors import ReadError

MAX_INSERT_BYTES = 32 * 2**20
"""A record, or a document that is parsed whole, may be this large; the largest real one is 5 MB."""

# White space and the byte order mark of UTF-8. The bytes of the mark begin other characters, too.
_BLANKS = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n\f\v])*")
_BOMS = {  # UTF-32 first: its mark begins like that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
_FOREIGN = {
    b"%PDF": "a PDF; extract its text first (for example: pdftotext insert.pdf insert.txt)",
    b"{\\rtf": "a document in RTF; save it as plain text or HTML",
    b"\xd0\xcf\x11\xe0": "an old Word or Excel file; save it as plain text, HTML or CSV",
    b"\x89PNG": "a picture; run text recognition on it first",
    b"\xff\xd8\xff": "a picture; run text recognition on it first",
    b"GIF8": "a picture; run text recognition on it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first, or pack it as zip",
    b"Rar!": "a RAR archive; unpack it first, or pack it as zip",
    b"\xfd7zXZ": "compressed with xz; unpack it first, or use gzip",
    b"BZh": "compressed with bzip2; unpack it first, or use gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first, or use gzip",
    b"PAR1": "a Parquet table; save it as JSON lines or CSV",
}
# Each the widest of its family: GB 18030 also reads GBK and GB 2312, cp1252 also Latin-1.
_ENCODINGS = ["gb18030", "big5", "cp932", "euc_kr", "cp1252", "cp1250", "cp1251", "cp1253"]
_CHINESE_ENCODINGS = ("gb18030", "cp950", "big5hkscs")
# Words of nearly every Chinese insert; bytes that are read wrongly do not make them by chance.
_CHINESE_HEADING = re.compile(
    "适应[症证]|功能主治|用法用量|不良反应|注意事项|禁忌|成[份分]|贮[藏存]|说明书"
    "|適應[症證]|不良反應|注意事項|副作用|用法|貯[藏存]|說明書"
)
_LAST_PUNCTUATION, _FIRST_ROW, _LAST_KOREAN_ROW, _LAST_COMMON_ROW = 0xA3, 0xB0, 0xC8, 0xD7
_COMMON_SHARE, _SHARE_BEHIND = 0.85, 0.15
_SAMPLE = 2**16
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_BINARY = "holds binary data, not text; an insert as text, HTML, XML, JSON or CSV is needed."


def refuse_foreign(head: bytes, source: str) -> None:
    """Refuse a file of a format that is known, but not read here.

    Args:
        head: the first bytes of the file.
        source: the file's name, for messages.

    Raises:
        ReadError: it is a PDF, a picture, an office document or an archive of another kind.
    """
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            raise ReadError(source, f"is {what}.")
    if head[257:262] == b"ustar":
        raise ReadError(
            source, "is a tar archive; unpack it and give the folder, or pack it as zip."
        )


def read_bounded(stream: BinaryIO, source: str) -> bytes:
    """Read a whole stream of at most `MAX_INSERT_BYTES`.

    Args:
        stream: any stream of bytes.
        source: the file's name, for messages.

    Raises:
        ReadError: the stream is longer.
    """
    data = stream.read(MAX_INSERT_BYTES + 1)
    if len(data) > MAX_INSERT_BYTES:
        raise ReadError(
            source,
            f"is over {MAX_INSERT_BYTES // 2**20} MB, and no single insert is that long."
            " Split it into one file an insert, or use JSON lines, which are streamed.",
        )
    return data


def byte_order_mark(data: bytes) -> str | None:
    """Name the encoding that a byte order mark announces; None where there is no such mark."""
    return next((encoding for mark, encoding in _BOMS.items() if data.startswith(mark)), None)


def without_blanks(data: bytes) -> bytes:
    """Return a document from where it begins, behind white space and marks of UTF-8."""
    blanks = _BLANKS.match(data)
    return data[blanks.end() :] if blanks else data


def decode_text(data: bytes, source: str) -> str:
    """Decode the bytes of a text document.

    Args:
        data: the whole document. A byte order mark decides; then UTF-8; then the Chinese encoding
            in which it holds words of an insert, or common characters alone; then what
            charset-normalizer finds.
        source: the file's name, for messages.

    Returns:
        The text, without a byte order mark.

    Raises:
        ReadError: the bytes are no text, or in no encoding that can be told.
    """
    encoding = byte_order_mark(data)
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding:
            raise ReadError(
                source,
                f"its byte order mark says {encoding}, but it cannot be read as that"
                f" ({error.reason} at byte {error.start:,}). Save it as UTF-8.",
            ) from error
        text = _decode_chinese(data) or _decode_by_content(data, source)
    if sum(1 for _ in _CONTROL.finditer(text)) > len(text) // 100:
        raise ReadError(source, _BINARY)
    return text.replace("\0", " ")


def as_utf8(text: str) -> str:
    """Return a text that can be written down: what of a file's name is no UTF-8 is spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def decode_name(data: bytes) -> str:
    """Return a name in UTF-8, or in GB 2312 and common characters; empty where it is neither."""
    with suppress(UnicodeDecodeError):
        return data.decode("utf-8")
    return _decode_common_chinese(data)


def _decode_chinese(data: bytes) -> str:
    """Return the text in the first Chinese encoding that shows one of an insert; empty if none."""
    for encoding in _CHINESE_ENCODINGS:
        with suppress(UnicodeDecodeError):
            if _CHINESE_HEADING.search(text := data.decode(encoding)):
                return text
    return _decode_common_chinese(data)  # a table of shelves holds no heading


def _decode_common_chinese(data: bytes) -> str:
    with suppress(UnicodeDecodeError):
        text = data.decode("gb2312")
        if _is_common_chinese(text):
            return text
    return ""


def _is_common_chinese(text: str) -> bool:
    """Tell Chinese by its common characters, the first level of GB 2312, which pinyin orders.

    Those behind row C8 show that it is no Korean in EUC-KR, kana that it is Japanese.
    """
    rows = [sign.encode("gb2312")[0] for sign in text[:_SAMPLE] if sign > "\x7f"]
    signs = [row for row in rows if row >= _FIRST_ROW]
    common = [row for row in signs if row <= _LAST_COMMON_ROW]
    others = any(_LAST_PUNCTUATION < row < _FIRST_ROW for row in rows)
    is_mostly = len(common) >= _COMMON_SHARE * len(signs)
    behind = sum(row > _LAST_KOREAN_ROW for row in common)
    return is_mostly and not others and behind > _SHARE_BEHIND * len(common)


def _decode_by_content(data: bytes, source: str) -> str:
    from charset_normalizer import from_bytes, is_binary

    sample = data[:_SAMPLE]
    if len(data) > _SAMPLE:  # ends at a line, so that no character is cut in two
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    if is_binary(sample):
        raise ReadError(source, _BINARY)
    best = from_bytes(sample, cp_isolation=_ENCODINGS).best()
    try:
        return data.decode(best.encoding if best else "utf-8")
    except UnicodeDecodeError as error:
        raise ReadError(
            source,
            f"its text encoding cannot be told ({error.reason} at byte {error.start:,} when read as"
            f" {error.encoding}). Save it as UTF-8.",
        ) from error
