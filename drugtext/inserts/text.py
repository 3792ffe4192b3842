"""Bytes -> text, and a plain word for what is not text."""

from __future__ import annotations

import codecs

from drugtext.errors import ReadError

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_MAGIC = {
    b"%PDF": "a PDF; extract its text first (for example: pdftotext -layout insert.pdf insert.txt)",
    b"\xd0\xcf\x11\xe0": "an old Word or Excel file; save it as text or HTML",
    b"\x89PNG": "a picture; run text recognition on it first",
    b"\xff\xd8\xff": "a picture; run text recognition on it first",
    b"PK\x03\x04": "an archive inside an archive; unpack it first",
    b"\x1f\x8b": "an archive inside an archive; unpack it first",
}
_SAMPLE = 2**16


def decode_text(data: bytes, source: str) -> str:
    """Decode the bytes of a text document.

    Args:
        data: the whole document. A byte order mark decides; then UTF-8; then the encoding that
            charset-normalizer finds (GB 18030 and Windows code pages are common in inserts).
        source: the file's name, for messages.

    Returns:
        The text, without a byte order mark.

    Raises:
        ReadError: the bytes are no text, or in no encoding that can be told.
    """
    for magic, what in _MAGIC.items():
        if data.startswith(magic):
            raise ReadError(source, f"is {what}.")
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = _decode_by_content(data, source)
    if text.count("\0") + text.count("\ufffd") > len(text) // 100:
        raise ReadError(source, "holds binary data, not text; an insert as text is needed.")
    return text.replace("\0", " ")


def _decode_by_content(data: bytes, source: str) -> str:
    from charset_normalizer import from_bytes, is_binary

    if is_binary(data[:_SAMPLE]):
        raise ReadError(source, "holds binary data, not text; an insert as text is needed.")
    best = from_bytes(data[:_SAMPLE]).best()
    for encoding in [best.encoding] if best else []:
        # A sample may end inside a character, and a superset reads what its subset cannot.
        wider = {"gb2312": "gb18030", "gbk": "gb18030", "ascii": "cp1252"}.get(encoding, encoding)
        try:
            return data.decode(wider)
        except UnicodeDecodeError:
            continue
    raise ReadError(source, "its text encoding cannot be told; save it as UTF-8.")
