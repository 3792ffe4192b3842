"""Files that nobody's insert looks like, made to hang a reader, exhaust it, or lead it astray."""

from __future__ import annotations

import gzip
import struct
import zlib

from drugtext.evaluation.trust.bad_inputs import sound_inputs, zipped

_DEEP, _LONG = 100_000, 4_000_000
_USES = b"<h2>Uses</h2>Pain"
_TWICE = b'<!ENTITY e%d "&e%d;&e%d;">'


def hostile_inputs() -> dict[str, bytes]:
    """Return what each is -> the file; some hold a few megabytes, and unpack to many."""
    return _of_xml() | _of_html() | _of_json() | _of_text() | _of_archives()


def hostile_taxonomies() -> dict[str, tuple[str, bytes]]:
    """Return what each is -> the kind, as in `sound_taxonomies`, and the file."""
    chain = "".join(f"c{n},,c{n - 1}\n" for n in range(1, _DEEP))
    circle = "".join(f"c{n},,c{(n + 1) % 1000}\n" for n in range(1000))
    deep = "".join(f"{chr(65 + min(n, 25))} c{n} x\n" for n in range(_DEEP // 10))
    return {
        "taxonomy: a chain of 100,000": ("csv", f"id,name,parent\nc0,,\n{chain}".encode()),
        "taxonomy: a circle of 1,000": ("csv", f"id,name,parent\n{circle}".encode()),
        "taxonomy: one id, twice": ("csv", b"id,name\na,x\na,y\n"),
        "taxonomy: a cell of 1 MB": ("csv", b"id,name\na," + b"x" * 1_000_000),
        "taxonomy: 100,000 columns": ("csv", b"id,name" + b",x" * _DEEP + b"\na,b\n"),
        "taxonomy: a code of another shape": ("atc", b"code,name\nC07,x\nhypertension,y\n"),
        "taxonomy: tags that do not end": ("keg", b"A C " + b"<" * 1_000_000 + b"\n"),
        "taxonomy: deeper than the alphabet": ("keg", deep.encode()),
        "taxonomy: a level left out": ("keg", b"A C heart\nC  D1 x\n"),
        "taxonomy: nothing": ("epc", b""),
    }


def _spl(body: bytes, head: bytes = b"") -> bytes:
    return b'<?xml version="1.0"?>%s<document xmlns="urn:hl7-org:v3">%s</document>' % (head, body)


def _section(text: bytes) -> bytes:
    inside = b'<section><code code="34067-9"/><text>%s</text></section>' % text
    wrapped = b"<component><structuredBody><component>%s</component></structuredBody></component>"
    return wrapped % inside


def _of_xml() -> dict[str, bytes]:
    laughs = b'<!ENTITY e0 "ha">' + b"".join(_TWICE % (n, n - 1, n - 1) for n in range(1, 40))
    outside = b'<!ENTITY x SYSTEM "%s">'
    opened = b"<component><section><text>Pain</text>"
    return {
        "xml: entities that double 40 times": _spl(
            _section(b"&e39;"), b"<!DOCTYPE d [%s]>" % laughs
        ),
        "xml: one long entity, many times": _spl(
            _section(b"&a;" * 50_000), b'<!DOCTYPE d [<!ENTITY a "%s">]>' % (b"a" * 50_000)
        ),
        "xml: entity of a file": _spl(
            _section(b"&x;"), b"<!DOCTYPE d [%s]>" % (outside % b"file:///etc/passwd")
        ),
        "xml: entity of an address": _spl(
            _section(b"&x;"), b"<!DOCTYPE d [%s]>" % (outside % b"http://127.0.0.1:9/x")
        ),
        "xml: outer document type": _spl(_section(b"x"), b'<!DOCTYPE d SYSTEM "/dev/zero">'),
        "xml: parameter entity": _spl(
            b"", b'<!DOCTYPE d [<!ENTITY % p SYSTEM "file:///dev/random"> %p;]>'
        ),
        "xml: included file": _spl(
            _section(
                b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"'
                b' parse="text"/>'
            )
        ),
        "xml: sections nested 100 deep": _spl(
            _section(b"x</text>%s%s<text>" % (opened * 100, b"</section></component>" * 100))
        ),
        "xml: nested without end": _spl(b"<component>" * _DEEP),
        "xml: 100,000 attributes": _spl(
            b"<a %s/>" % b" ".join(b'a%d=""' % n for n in range(_DEEP))
        ),
        "xml: another encoding than it says": _spl(_section(b"Pain")).decode().encode("utf-16"),
    }


def _of_html() -> dict[str, bytes]:
    files = {
        f"html: <{tag}> nested 100,000 deep": b"<h2>Uses</h2>" + b"<%s>" % tag.encode() * _DEEP
        for tag in ("div", "b", "table><tr><td", "ul><li", "font")
    }
    return files | {
        "html: a million separators": b"<h2>Uses</h2>" + b"\x1f" * 1_000_000 + b"Pain",
        "html: separators as references": b"<h2>Uses</h2>" + b"&#31;" * _DEEP + b"Pain",
        "html: comments that do not end": b"<h2>Uses</h2>" + b"<!--" * _DEEP,
        "html: brackets": _USES + b"<" * _LONG,
        "html: tags that close nothing": _USES + b"</p></foo>" * _DEEP,
        "html: numbers of no character": _USES + b"&#xFFFFFFFFFF;&#x0;&#xD800;",
        "html: zero bytes": b"<h2>U\0ses</h2>\0Pain\0",
        "html: declared as what it is not": b"<meta charset='utf-32'>" + _USES + b"\xff\xfe",
        "html: nothing but a frame": b"<frameset><frame></frameset>",
        "html: plain text begins": _USES + b"<plaintext>" + b"</div>" * _DEEP,
    }


def _of_json() -> dict[str, bytes]:
    record, deep = b'{"indications_and_usage": ["Pain."]}', b'{"a":' * _DEEP + b"1" + b"}" * _DEEP
    half = b'{"text": "Pain \\ud800 \\udfff", "\\ud800": "\\udc00", "categories": {"\\ud800": "a"}}'
    return {
        "json: lists nested 100,000 deep": b"[" * _DEEP + b"]" * _DEEP,
        "json: lists nested, not closed": b'[{"text":' + b"[" * _DEEP,
        "json: mappings nested 100,000 deep": deep,
        "json: a line nested 100,000 deep": record + b"\n" + deep + b"\n" + record + b"\n",
        "json: half characters": half,
        "json: half characters on lines": half + b"\n" + record + b"\n",
        "json: a number of 5,000 digits": b'{"text": "Pain.", "n": %s}' % (b"9" * 5000),
        "json: numbers of 5,000 digits on lines": b'{"n": %s}\n%s\n' % (b"9" * 5000, record),
        "json: a number beyond all": b'[{"text": "Pain.", "n": 1e99999}]',
        "json: no number": b'{"text": NaN}\n{"text": -Infinity}\n',
        "json: zero bytes": b'{"text": "Pa\\u0000in", "na\0me": 3}',
        "json: 300,000 values": b'{"text": [%s]}' % b",".join([b"1"] * 300_000),
        "json: the same field 1,000 times": b"{%s}" % b",".join([b'"text": "Pain."'] * 1000),
        "json: one text of 4 MB": b'{"text": "%s"}' % (b"a " * (_LONG // 2)),
        "json: 20,000 names": b'{"text": "Pain.", "brand_name": [%s]}'
        % b",".join(b'"name%d"' % n for n in range(20_000)),
        "json: byte order mark, twice": b"\xef\xbb\xbf" * 2 + record,
        "json: utf-16 without a mark": record.decode().encode("utf-16-be"),
        "json: utf-32": record.decode().encode("utf-32"),
    }


def _of_text() -> dict[str, bytes]:
    head = b"INDICATIONS AND USAGE\n"
    return {
        "text: nothing": b"",
        "text: white space": b" \n\t\r\f\v" * 1000 + b"\xef\xbb\xbf",
        "text: zero bytes": b"\0" * 1000,
        "text: one line of 4 MB": b"A" * _LONG,
        "text: one line of 2,000,000 words": b"A " * (_LONG // 2),
        "text: 100,000 short lines": head + b"A\n" * _DEEP,
        "text: underscores": head + b"_" * _LONG + b"\nPain",
        "text: spaces and a colon": (b"Use" + b" " * 500 + b": x\n") * 1000,
        "text: brackets that open": ("【" * _DEEP).encode(),
        "text: brackets that close": ("禁】" * _DEEP).encode(),
        "text: 100,000 headings": "【禁忌】无\n".encode() * _DEEP,
        "text: odd utf-16": b"\xff\xfe" + b"\x00\xd8" * 10 + b"x",
        "text: utf-32 of no character": b"\xff\xfe\0\0" + b"\xff" * 40,
        "text: utf-8 of half characters": head + b"Pain \xed\xa0\x80\xed\xbf\xbf",
        "text: terminal commands": head + b"Pain \x1b[2J\x1b]0;x\x07\x9b31m",
        "table: no end of a quotation": b'name,text\n"a,' + b"Pain\n" * 1000,
        "table: 100,000 columns": b"text" + b",a" * _DEEP + b"\nPain\n",
        "table: the text twice": b"text,text\nPain,Fever\n",
        "table: only a head": b"name,text\n",
        "table: lines end otherwise": b"name,text\ra,Pain\r",
    }


def _of_archives() -> dict[str, bytes]:
    sound = sound_inputs()
    text, spaces = sound["us.txt"], b"[" + b" " * 80_000_000
    bomb = zipped({"a.json": spaces})
    astray = [(f"{up}evil.txt", text) for up in ("../../", "/etc/", "a/../../", "..\\", "C:\\")]
    return {
        "zip: 80 MB of spaces": bomb,
        "zip: a bomb in a zip": zipped({"a.zip": bomb}),
        "zip: 400 members over one another": _overlapping(b"[" + b" " * 20_000_000, 400),
        "zip: names that lead elsewhere": zipped(astray),
        "zip: one name, five times": _overlapping(text, 5),
        "zip: nothing": zipped({}),
        "zip: four deep": zipped(
            {"a.zip": zipped({"a.zip": zipped({"a.zip": zipped({"a.txt": text})})})}
        ),
        "zip: 10,000 members": zipped({f"{n}.txt": b"" for n in range(10_000)}),
        "zip: only its first bytes": b"PK\x03\x04",
        "gzip: 80 MB of spaces": gzip.compress(spaces, mtime=0),
        "gzip: nothing": gzip.compress(b"", mtime=0),
        "gzip: something behind": gzip.compress(text, mtime=0) + b"more",
        "gzip: a wrong checksum": sound["lines.jsonl.gz"][:-8] + b"\0" * 8,
    }


def _overlapping(data: bytes, n: int) -> bytes:
    """Pack one member, and list it several times: each is unpacked anew.

    Source:
        Fifield 2019, "A better zip bomb", WOOT; here without the quoted headers.
    """
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(data) + deflate.flush()
    name = b"a.json"
    sizes = struct.pack("<LLLHH", zlib.crc32(data), len(packed), len(data), len(name), 0)
    local = b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 8, 0, 33) + sizes + name
    listed = b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33) + sizes
    listed += struct.pack("<HHHLL", 0, 0, 0, 0, 0) + name
    end = struct.pack("<HHHHLLH", 0, 0, n, n, len(listed) * n, len(local) + len(packed), 0)
    return local + packed + listed * n + b"PK\x05\x06" + end
