"""HTML pages: headings, encodings, what is refused."""

from __future__ import annotations

import pytest

from drugtext.errors import ReadError
from drugtext.inserts.leaflet import read_html


@pytest.mark.parametrize(
    "page",
    [
        "<title>X</title><h1>Examplol</h1><h2>Uses</h2><p>Pain</p><h2>Contraindications</h2>None",
        "<h1>Examplol</h1><p><b>Uses</b></p><p>Pain</p><p><b>Contraindications</b></p><p>None</p>",
        "<title>Examplol</title><nav>Home</nav><h2>Uses</h2>Pain<h2>Contraindications</h2>None",
    ],
)
def test_html(page):
    for data in (page, page.encode(), b"\xef\xbb\xbf" + page.encode()):
        insert = read_html(data, "page.html")
        assert insert.name == "Examplol"
        found = dict(insert.sections)
        found.pop("preamble", None)
        assert found == {"indications_and_usage": "Pain", "contraindications": "None"}


def test_control_characters_in_a_heading_of_a_page():
    page = "<h2>Us\x01es</h2>Pain<h2>\x01Contraindications</h2>None"
    assert read_html(page, "page.html").sections["contraindications"] == "None"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_chinese_html_without_a_declared_encoding(encoding):
    page = "<p>【适应症】用于头痛、发热和关节痛。</p><p>【禁忌】对本品过敏者禁用。</p>"
    assert read_html(page.encode(encoding), "page.html").sections == {
        "indications_and_usage": "用于头痛、发热和关节痛。",
        "contraindications": "对本品过敏者禁用。",
    }


@pytest.mark.parametrize("data", [b"", "", "<p>", b"<html></html>"])
def test_html_refusals(data):
    with pytest.raises(ReadError, match=r"x\.html: (is no readable HTML page|holds only white)"):
        read_html(data, "x.html")


@pytest.mark.parametrize("sign", ["\x01", "&#1;", "\x1b", "\ufffe", "&#xffff;", "\0"])
def test_signs_that_xml_forbids_in_a_heading(sign):
    page = f"<h1>Indica{sign}tions</h1>Pain<h2>{sign}Contraindications</h2>None"
    for data in (page, page.encode()):
        assert read_html(data, "page.html").sections["contraindications"] == "None"


@pytest.mark.parametrize("tag", ["div", "b", "font"])
def test_text_nested_a_thousand_deep(tag):
    deep = f"<{tag}>" * 1000 + "Pain" + f"</{tag}>" * 1000
    page = f"<h2>Uses</h2>{deep}<h2>Contraindications</h2>None"
    assert read_html(page, "page.html").sections == {
        "indications_and_usage": "Pain",
        "contraindications": "None",
    }


@pytest.mark.parametrize("before", ["", "</p></foo>" * 300], ids=["alone", "behind many faults"])
def test_text_nested_too_deep_to_be_read_is_refused(before):
    page = f"<h2>Uses</h2>Pain{before}{'<div>' * 5000}<h2>Contraindications</h2>None"
    with pytest.raises(
        ReadError, match=r"cannot be read to the end of its HTML \(.*\)\. Save it as plain text\."
    ):
        read_html(page, "page.html")


def test_text_of_over_ten_megabytes():
    page = f"<h2>Uses</h2>{'For pain. ' * 1_100_000}<h2>Contraindications</h2>None"
    found = read_html(page, "page.html").sections
    assert len(found["indications_and_usage"]) == 11_000_000 - 1
    assert found["contraindications"] == "None"


def test_a_page_of_dailymed():
    sections = {
        "34067-9": ("1 INDICATIONS AND USAGE", "<p>For a fast pulse.</p>"),
        "34070-3": ("4 CONTRAINDICATIONS", "<p>Asthma.</p>"),
        "43684-0": ("8 USE IN SPECIFIC POPULATIONS", "<h2>8.1 Pregnancy</h2><p>Avoid.</p>"),
        "34088-5": ("10 OVERDOSAGE", "<p>Wash.</p>"),
        "34090-1": ("12 CLINICAL PHARMACOLOGY", "<h2>12.1 Mechanism of Action</h2><p>Slows.</p>"),
    }
    items = (
        f'<li><a href="#">{title}</a><div data-sectioncode="{code}">{text}</div></li>'
        for code, (title, text) in sections.items()
    )
    assert read_html(f"<ul>{''.join(items)}</ul>", "page.html").sections == {
        "indications_and_usage": "For a fast pulse.",
        "contraindications": "Asthma.",
        "use_in_specific_populations": "8.1 Pregnancy\nAvoid.",
        "overdosage": "Wash.",
        "mechanism_of_action": "Slows.",
    }


@pytest.mark.parametrize("style", ["", " hidden", ' style="display: none"'])
def test_what_waits_to_be_opened_is_read(style):
    page = (
        f"<h3><button>Uses</button></h3><div{style}>Pain</div><h3>Storage</h3><div{style}>Dry</div>"
    )
    assert read_html(page, "page.html").sections == {
        "indications_and_usage": "Pain",
        "storage": "Dry",
    }


def test_one_damaged_byte_costs_no_page():
    page = '<meta charset="utf-8"><p>【适应症】用于头痛、发热和关节痛。</p><p>【禁忌】无</p>'
    found = read_html(page.encode() + b"\xff", "page.html").sections
    assert found["indications_and_usage"] == "用于头痛、发热和关节痛。"


@pytest.mark.parametrize("declared", ["gb2312", "utf-8", "utf-16", "klingon"])
def test_page_in_another_encoding_than_it_declares(declared):
    page = (
        f'<meta charset="{declared}"><p>【适应症】用于头痛、发热和关节痛，朱镕。</p>'
        "<p>【禁忌】对本品过敏者禁用。</p>"
    )
    assert read_html(page.encode("gb18030"), "page.html").sections == {
        "indications_and_usage": "用于头痛、发热和关节痛，朱镕。",
        "contraindications": "对本品过敏者禁用。",
    }
