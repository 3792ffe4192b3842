"""read_leaflet and read_html in any style: what is refused, that nothing is lost, real inserts."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from growth import growth
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.errors import DrugTextError, ReadError
from drugtext.inserts.headings import canonical_name
from drugtext.inserts.insert import DrugInsert, Section, join_sections
from drugtext.inserts.leaflet import read_html, read_leaflet

SAMPLES = Path(__file__).parents[2] / "samples"


def sections(text: str) -> dict[str, str]:
    return dict(read_leaflet(text, "insert.txt").sections)


# --- Refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" \n\t\u3000", r"x\.txt: holds only white space; the text of an insert is needed\."),
        (
            "Dear Sir, thank you for your letter.",
            r"x\.txt: no section was recognised in its 36 characters, which begin 'Dear Sir, .*"
            r"'INDICATIONS AND USAGE', .*'【适应症】' are looked for",
        ),
        ("本公司成立于一九九〇年。", "no section was recognised in its 12 characters"),
        ("Uses\n\nContraindications\n", r"no text below its headings \['Uses', 'Contraindications"),
        ("【有效期】三年", "no section was recognised"),
        ("Uses\na\n" * 6000, "more than 5,000 headings; one insert has about twenty"),
    ],
)
def test_refusals(text, reason):
    with pytest.raises(ReadError, match=reason):
        read_leaflet(text, "x.txt")


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        " ",
        "\n",
        "【",
        "】",
        "[",
        "见【适应症】",
        "适应症】",
        "适应症：",
        "适 ",
        "Uses\n",
        "AB ",
        "Foo 1\n",
    ],
)
def test_time_grows_with_the_length_alone(piece):
    def read(n_characters: int) -> None:
        with pytest.raises(ReadError):
            read_leaflet(piece * (n_characters // len(piece)) + "x", "long.txt")

    assert growth(read, 100_000) < 10


# --- Properties --------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "【",
        "】",
        "[",
        "适应症",
        "禁忌",
        "：",
        "\n",
        "Uses",
        "1. ",
        "## ",
        "WARNING",
        ": ",
        " ",
        "a",
        "见",
    ]
)


@settings(deadline=None)
@given(st.text() | st.lists(PIECES).map("".join))
def test_any_text_gives_an_insert_or_an_error_of_ours(text):
    try:
        insert = read_leaflet(text, "any.txt")
    except DrugTextError:
        return
    assert isinstance(insert, DrugInsert)


@settings(deadline=None)
@given(
    st.binary() | st.lists(PIECES | st.sampled_from(["<p>", "<h2>", "<li>", "\x01"])).map("".join)
)
def test_any_page_gives_an_insert_or_an_error_of_ours(data):
    try:
        insert = read_html(data, "any.html")
    except DrugTextError:
        return
    assert isinstance(insert, DrugInsert)


STYLES = {
    "zh": ("【{}】{}", "适应症 用法用量 不良反应 禁忌 注意事项 药物相互作用 贮藏 有效期"),
    "zh, square": ("［{}］：{}", "適應症 用法用量 不良反應 禁忌 注意事項 儲存"),
    "zh, bare": ("{}：{}", "适应症 用法用量 不良反应 禁忌 注意事项 药物过量 贮藏"),
    "us": (
        "{}\n{}",
        "INDICATIONS AND USAGE;CONTRAINDICATIONS;WARNINGS;OVERDOSAGE;CLINICAL STUDIES;DESCRIPTION",
    ),
    "eu": (
        "{}\n{}",
        "1. What Examplol is and what it is used for;2. What you need to know before you take"
        " Examplol;3. How to take Examplol;4. Possible side effects;5. How to store Examplol;"
        "6. Contents of the pack and other information",
    ),
    "markdown": ("## {}\n{}", "Uses;Contraindications;Side effects;Storage;Trials"),
}
BODIES = st.lists(
    st.text("abc 口服片，。0123", min_size=1).map(str.strip).filter(bool), min_size=3, max_size=5
)


@pytest.mark.parametrize("style", STYLES)
@settings(deadline=None)
@given(bodies=BODIES)
def test_nothing_is_lost(style, bodies):
    layout, names = STYLES[style]
    headings = names.split(";") if ";" in names else names.split()
    pairs = list(zip(headings, bodies, strict=False))
    text = "\n".join(layout.format(heading, body) for heading, body in pairs)
    expected = join_sections(
        Section(canonical_name(heading) or heading, body) for heading, body in pairs
    )
    assert sections(text) == expected


# --- Samples and real inserts ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "name", "language", "n_sections"),
    [
        ("levetira-eu-leaflet.txt", "Levetira 250 mg film-coated tablets", "en", 7),
        ("mingkang-zh.txt", "苯磺酸氨氯地平片", "zh", 17),
    ],
)
def test_samples(file, name, language, n_sections):
    insert = read_leaflet((SAMPLES / file).read_text(encoding="utf-8"), file)
    assert (insert.name, insert.language, len(insert.sections)) == (name, language, n_sections)
    assert insert.source == file


@pytest.mark.real_data
def test_real_chinese_inserts_are_split_at_their_headings(real_data):
    n_read = n = 0
    with gzip.open(real_data / "zh" / "inserts.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["kind"] != "insert":
                continue
            expected = join_sections(
                Section(canonical_name(title) or title, text)
                for title, text in record["sections"].items()
            )
            n += 1
            n_read += _texts(expected) == _texts(sections(record["text"]))
    print(f"{n_read} of {n} Chinese inserts ({n_read / n:.1%}) are split as their records say")
    assert n_read >= 0.95 * n


def _texts(found: dict[str, str]) -> dict[str, list[str]]:
    """Parts of each section without white space; records list theirs in an order of their own."""
    return {
        name: sorted("".join(part.split()) for part in text.split("\n\n"))
        for name, text in found.items()
    }
