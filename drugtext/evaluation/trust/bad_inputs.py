"""Bad inputs: whole files of every format, ways to damage them, and files made to do harm.

All are built here; no sentence is of a real insert.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from random import Random

_RECORD = {
    "id": "1",
    "set_id": "a-1",
    "effective_time": "20240506",
    "openfda": {"brand_name": ["Examplol"], "generic_name": ["EXAMPLOLOL"], "route": ["ORAL"]},
    "indications_and_usage": ["1 INDICATIONS AND USAGE Examplol calms a fast pulse."],
    "mechanism_of_action": ["12.1 Mechanism of Action It blocks beta receptors of the heart."],
}
_OWN = {
    "name": "Examplol",
    "language": "en",
    "ingredients": ["examplolol"],
    "category": "C07AB",
    "categories": {"atc": ["C07AB"]},
    "sections": {"indications_and_usage": "Calms a fast pulse.", "storage": "Keep it dry."},
}
_BARE = {"text": "It lowers a high pressure.", "category": "C08"}
_SPL = """<?xml version="1.0" encoding="UTF-8"?>
<document xmlns="urn:hl7-org:v3"><id root="d-1"/><code displayName="HUMAN LABEL"/>
<effectiveTime value="20240506"/><setId root="a-1"/><versionNumber value="2"/>
<component><structuredBody>
<component><section><code code="48780-1"/><subject><manufacturedProduct><manufacturedProduct>
<name>Examplol<suffix> XL</suffix></name><ingredient classCode="ACTIB"><ingredientSubstance>
<name>EXAMPLOLOL</name></ingredientSubstance></ingredient></manufacturedProduct>
</manufacturedProduct></subject></section></component>
<component><section><code code="34067-9"/><title>1 INDICATIONS AND USAGE</title><text>
<paragraph>Examplol calms a <content styleCode="bold">fast</content>pulse<footnote>at rest
</footnote>.</paragraph><list><item><caption>a.</caption>in adults</item></list>
<table><tr><td>Dose</td><td>5 mg</td></tr></table></text></section></component>
<component><section><code code="34090-1"/><title>12 CLINICAL PHARMACOLOGY</title>
<component><section><code code="43679-0"/><title>12.1 Mechanism of Action</title>
<text>It blocks beta receptors.</text>
</section></component></section></component></structuredBody></component></document>
"""
_PAGE = """<!DOCTYPE html><html><head><title>Examplol</title></head><body><h1>Examplol</h1>
<h2>Indications and usage</h2><p>It calms a fast&nbsp;pulse &amp; more.</p><ul><li>adults</li></ul>
<h2>Contraindications</h2><table><tr><td>Asthma</td><td>&#8805; grade 2</td></tr></table>
</body></html>
"""
_US = """EXAMPLOL (examplolol) tablets
1 INDICATIONS AND USAGE
Examplol calms a fast pulse.
4 CONTRAINDICATIONS
Asthma.
12 CLINICAL PHARMACOLOGY
12.1 Mechanism of Action
It blocks beta receptors.
"""
_EU = """Package leaflet: Information for the patient
Examplol 5 mg tablets
examplolol
1. What Examplol is and what it is used for
It calms a fast pulse.
2. What you need to know before you take Examplol
Tell your doctor of asthma.
4. Possible side effects
Cold hands.
"""
_MARKDOWN = "# Examplol\n\n## Uses\n- a fast pulse\n\n## Contraindications\nAsthma\n"
_CHINESE = """【药品名称】
通用名称：示例洛尔片
【适应症】
用于治疗心跳过快。
【禁忌】
哮喘患者禁用。
"""
_TABLE = 'name,text,category\nExamplol,"Calms, at last, a fast pulse.",C07AB\nOther,For pain.,N02\n'
_TAXONOMIES = {
    "csv": "id,name,parent\nC,heart,\nC07,beta blockers,C\nC07A,plain ones,C07\nN,nerves,\n",
    "atc": "atc_code,name_en\nC,HEART\nC07,BETA BLOCKERS\nC07A,PLAIN\nC07AB,SELECTIVE\n",
    "epc": "class_name,class_type\nBeta-Adrenergic Blocker,EPC\nOther,MoA\nOpioid Agonist,EPC\n",
    "keg": "+C\tDrug\n#<h2>drugs</h2>\n!\nA C heart\nB  C07 beta blockers\nC    D1 examplol\n",
}
# What is put into a document, so many times, besides bytes drawn at random.
_FOREIGN = [
    *(b"\0", b"\xff\xfe\xfd", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xe9", b"\x1f", b"\x1b[2J"),
    *(b"9", b"-1e999", b"[", b'{"a":', b"]", b"}", b'"', b"\\ud800", b"\\", b"null", b"\r", b"\n"),
    *(b"<div>", b"</p>", b"<!--", b"<![CDATA[", b"&#x110000;", b"&lt", b"<", b">", b"text,", b"#"),
    *("【".encode(), "】".encode(), b"\xe2\x80\xae", b" ", b"\t", b";", b":", b"PK\x01\x02"),
]


def sound_inputs() -> dict[str, bytes]:
    """Return name -> a whole file, of every format that `read_inserts` knows."""
    told = {name: json.dumps(value) for name, value in (("fda", _RECORD), ("own", _OWN))}
    lines = "".join(json.dumps(value) + "\n" for value in (_OWN, _BARE, _RECORD))
    texts = {
        "openfda.json": json.dumps({"meta": {"results": {"total": 2}}, "results": [_RECORD] * 2}),
        "record.json": told["fda"],
        "array.json": f"[{told['own']},\n{told['fda']}]",
        "lines.jsonl": lines,
        "spl.xml": _SPL,
        "page.html": _PAGE,
        "us.txt": _US,
        "eu.txt": _EU,
        "marked.md": _MARKDOWN,
        "chinese.txt": _CHINESE,
        "table.csv": _TABLE,
        "table.tsv": "category\ttext\nC07AB\tIt calms a fast pulse.\n",
    }
    files = {name: text.encode() for name, text in texts.items()}
    files["chinese-gb.txt"] = _CHINESE.encode("gb18030")
    files["us-utf16.txt"] = _US.encode("utf-16")
    files["lines-utf16.jsonl"] = lines.encode("utf-16")
    files["bulk.json.zip"] = zipped({"drug-label-0001-of-0001.json": files["openfda.json"]})
    one = zipped({"label.xml": files["spl.xml"], "label-1.jpg": b"\xff\xd8\xff"})
    files["dailymed.zip"] = zipped({"prescription/a.zip": one, "us.txt": files["us.txt"]})
    files["lines.jsonl.gz"] = gzip.compress(files["lines.jsonl"], mtime=0)
    return files


def sound_taxonomies() -> dict[str, bytes]:
    """Return kind ("csv" of `Taxonomy.from_csv`) -> a whole file."""
    return {kind: text.encode() for kind, text in _TAXONOMIES.items()}


def damaged(data: bytes, random: Random) -> bytes:
    """Return a file with one to three faults in it.

    Args:
        data: the whole file.
        random: decides which faults, and where; with one of the same state they are the same.
    """
    for _ in range(random.randint(1, 3)):
        data = random.choice(_FAULTS)(data, random)
    return data


def _cut_off(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def _without_tail(data: bytes, random: Random) -> bytes:
    return data[: -random.randint(1, 30)]


def _without_a_part(data: bytes, random: Random) -> bytes:
    start, end = _places(data, random, 2)
    return data[:start] + data[end:]


def _with_flipped_bits(data: bytes, random: Random) -> bytes:
    flipped = bytearray(data)
    for _ in range(random.randint(1, 8) if data else 0):
        flipped[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _with_swapped_parts(data: bytes, random: Random) -> bytes:
    start, middle, end = _places(data, random, 3)
    return data[:start] + data[middle:end] + data[start:middle] + data[end:]


def _with_a_part_twice(data: bytes, random: Random) -> bytes:
    start, end = _places(data, random, 2)
    return data[:end] + data[start:]


def _with_foreign_bytes(data: bytes, random: Random) -> bytes:
    (place,) = _places(data, random, 1)
    foreign = random.choice([*_FOREIGN, random.randbytes(random.randint(1, 20))])
    return data[:place] + foreign * random.choice([1, 1, 3, 50, 3000]) + data[place:]


def _places(data: bytes, random: Random, n: int) -> list[int]:
    return sorted(random.randint(0, len(data)) for _ in range(n))


_FAULTS: list[Callable[[bytes, Random], bytes]] = [
    *(_cut_off, _without_tail, _without_a_part, _with_flipped_bits, _with_swapped_parts),
    *(_with_a_part_twice, _with_foreign_bytes, _with_foreign_bytes),
]


def zipped(files: dict[str, bytes] | Iterable[tuple[str, bytes]]) -> bytes:
    """Pack names and bytes into a zip archive, always the same one."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items() if isinstance(files, dict) else files:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def hostile_folder(folder: Path) -> dict[str, Path]:
    """Make links that lead in circles, a pipe, odd names, and what else a folder may hold.

    Args:
        folder: an empty one.

    Returns:
        What it is -> its path, which may not exist. What this system cannot make is left out.
    """
    inside = folder / "sound"
    inside.mkdir()
    (inside / "us.txt").write_text(_US, encoding="utf-8")
    with suppress(OSError, NotImplementedError):
        (folder / "circle").symlink_to("circle")
        (folder / "there").symlink_to("back")
        (folder / "back").symlink_to("there")
        (inside / "up").symlink_to("..")
        (folder / "nowhere").symlink_to("not here")
    with suppress(OSError, AttributeError):
        os.mkfifo(folder / "pipe")
    for name in (b"named.json", b"\xff\xfe", b"two\nlines.txt"):
        with suppress(OSError):
            (folder / os.fsdecode(name)).mkdir()
            (folder / os.fsdecode(name) / "us.txt").write_text(_US, encoding="utf-8")
    (folder / "empty folder").mkdir()
    paths = {f"path {path.name!r}": path for path in sorted(folder.iterdir())}
    paths["path of all these"] = folder
    absent = {"absent": "absent.txt", "long": "x" * 5000, "zero byte": "a\0b", "many": "a/" * 3000}
    return paths | {f"path {what}": folder / name for what, name in absent.items()}
