"""Headed text and HTML in the styles of US, EU and Chinese inserts."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drugtext.errors import DrugTextError, ReadError
from drugtext.inserts.headings import canonical_name
from drugtext.inserts.insert import DrugInsert, Section, join_sections
from drugtext.inserts.leaflet import read_html, read_leaflet

SAMPLES = Path(__file__).parents[2] / "samples"


def sections(text: str) -> dict[str, str]:
    return dict(read_leaflet(text, "insert.txt").sections)


# --- Chinese -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "heading",
    [
        "【适应症】",
        "［适应症］：",
        "[适应症]",
        "〖适应症〗",
        "【适 应 症】:",
        "【適應症】",
        "【 适应症 】",
        "适应症】",
        "【适应症\n",
        "适应症：",
        "适应症:",
        "适 应 症：",
        "一、适应症\n",
        "（一）适应症：",
        "1．适应症：",
        "１、【适应症】",
        "## 适应症\n",
        "●【适应症】",
        "**【适应症】**",
        "适应症\n",
    ],
)
@pytest.mark.parametrize("before", ["", "某某片说明书\n"])
def test_chinese_heading_styles(heading, before):
    found = sections(f"{before}{heading}用于头痛。")
    assert found.pop("indications_and_usage") == "用于头痛。"
    assert found == ({"preamble": "某某片说明书"} if before else {})


def test_chinese_headings_run_on_without_a_newline():
    text = (
        "【适应症】头痛。【用法用量】口服。【不良反应】恶心、皮疹罕见【禁忌】孕妇禁用【贮藏】密封"
    )
    assert sections(text) == {
        "indications_and_usage": "头痛。",
        "dosage_and_administration": "口服。",
        "adverse_reactions": "恶心、皮疹罕见",
        "contraindications": "孕妇禁用",
        "storage": "密封",
    }


def test_bare_chinese_headings_run_on():
    text = (
        "药品名称： 通用名称：某某片 商品名称：明明 适应症：用于头痛。用法用量：口服。 禁忌：孕妇。"
    )
    insert = read_leaflet(text, "insert.txt")
    assert (insert.name, insert.ingredients, insert.brand_names) == (
        "某某片",
        ("某某片",),
        ("明明",),
    )
    assert insert.sections == {
        "通用名称": "某某片",
        "商品名称": "明明",
        "indications_and_usage": "用于头痛。",
        "dosage_and_administration": "口服。",
        "contraindications": "孕妇。",
    }


@pytest.mark.parametrize(
    "body",
    [
        "慎用（参见【注意事项】）。",
        "减量，见【禁忌】。",
        "详见[药代动力学]",
        "请参阅【禁忌】、【注意事项】和【药物相互作用】。",
        "（见【注意事项】，【药物相互作用】）",
        "见\n【禁忌】。",
        "按【用法与用量】项下的说明服用",
        "第一次[口服]，第二次【饭后】",
        "儿童：减半。\n成人：每日一次",
    ],
)
def test_references_and_other_brackets_are_no_headings(body):
    text = f"【适应症】头痛\n【用法用量】{body}\n【贮藏】密封"
    assert sections(text) == {
        "indications_and_usage": "头痛",
        "dosage_and_administration": body,
        "storage": "密封",
    }


def test_a_section_may_consist_of_a_reference():
    text = "【适应症】头痛\n【老年用药】见【用法用量】\n【禁忌】无"
    assert sections(text)["use_in_specific_populations"] == "见【用法用量】"
    assert sections(text)["contraindications"] == "无"


def test_lines_within_a_bracketed_section_are_no_headings():
    text = (
        "【成份】某某\n化学名称：甲\n分子式：C6\n【用法用量】口服\n用法：饭后\n儿童：减半\n"
        "【禁忌】无"
    )
    assert sections(text) == {
        "composition": "某某\n化学名称：甲\n分子式：C6",
        "dosage_and_administration": "口服\n用法：饭后\n儿童：减半",
        "contraindications": "无",
    }


def test_other_chinese_headings_are_kept_as_they_stand():
    text = "【适应症】头痛\n【有效期】24个月\n【執行標準】某标准\n【本厂的话】多喝水"
    assert sections(text) == {
        "indications_and_usage": "头痛",
        "有效期": "24个月",
        "執行標準": "某标准",
        "本厂的话": "多喝水",
    }


@pytest.mark.parametrize(
    ("names", "name", "brands"),
    [
        ("【药品名称】\n通用名称：某某片\n商品名称：明明\n英文名称：Some", "某某片", ("明明",)),
        ("【藥品名稱】\n通用名稱：某某片\n商品名稱：明明", "某某片", ("明明",)),
        ("【通用名称】某某片\n【商品名称】明明", "某某片", ("明明",)),
        ("【药品名称】某某片", "某某片", ()),
        ("药品名称：通用名称：某某片 英文名称：Some 商品名称：无", "某某片", ()),
    ],
)
def test_chinese_names(names, name, brands):
    insert = read_leaflet(f"{names}\n【适应症】头痛\n【禁忌】无", "insert.txt")
    assert (insert.name, insert.ingredients, insert.brand_names) == (name, (name,), brands)
    assert insert.sections["indications_and_usage"] == "头痛"


def test_the_title_line_names_a_chinese_insert_without_a_generic_name():
    insert = read_leaflet("核准日期：2020年\n某某片使用说明书\n【适应症】头痛", "insert.txt")
    assert (insert.name, insert.ingredients) == ("某某片", ())


# --- US ----------------------------------------------------------------------------------------

US = """HIGHLIGHTS OF PRESCRIBING INFORMATION
These highlights do not include all the information needed to use EXAMPLOL safely and effectively.
-------INDICATIONS AND USAGE-------
For pain (1)
-------CONTRAINDICATIONS-------
None (4)
FULL PRESCRIBING INFORMATION: CONTENTS*
1 INDICATIONS AND USAGE
4 CONTRAINDICATIONS
5 WARNINGS AND PRECAUTIONS
5.1 Drowsiness
FULL PRESCRIBING INFORMATION
WARNING: LIVER FAILURE
Watch the liver.
1 INDICATIONS AND USAGE
Examplol is for pain [see Warnings and Precautions (5.1)].
4 CONTRAINDICATIONS
Contraindications include allergy (see WARNINGS and
PRECAUTIONS).
5 WARNINGS AND PRECAUTIONS
5.1 Drowsiness
Do not drive.
Pregnancy
12 CLINICAL PHARMACOLOGY
12.1 Mechanism of Action
It blocks a channel.
12.3 Pharmacokinetics
It lasts a day.
14 CLINICAL STUDIES
Two.
"""


def test_us_full_text():
    insert = read_leaflet(US, "us.txt")
    assert (insert.name, insert.language) == ("EXAMPLOL", "en")
    found = dict(insert.sections)
    highlights = found.pop("HIGHLIGHTS OF PRESCRIBING INFORMATION")
    assert highlights.endswith("-------CONTRAINDICATIONS-------\nNone (4)")
    assert found.pop("FULL PRESCRIBING INFORMATION: CONTENTS").endswith("5.1 Drowsiness")
    assert found == {
        "boxed_warning": "WARNING: LIVER FAILURE\nWatch the liver.",
        "indications_and_usage": "Examplol is for pain [see Warnings and Precautions (5.1)].",
        "contraindications": "Contraindications include allergy (see WARNINGS and\nPRECAUTIONS).",
        "warnings": "5.1 Drowsiness\nDo not drive.\nPregnancy",
        "mechanism_of_action": "It blocks a channel.",
        "clinical_pharmacology": "It lasts a day.",
        "CLINICAL STUDIES": "Two.",
    }


def test_contents_without_an_end_swallow_nothing():
    text = (
        "FULL PRESCRIBING INFORMATION: CONTENTS\n1 INDICATIONS AND USAGE\nPain.\n"
        "4 CONTRAINDICATIONS\nNone."
    )
    assert sections(text) == {"indications_and_usage": "Pain.", "contraindications": "None."}


@pytest.mark.parametrize(
    "text",
    [
        "INDICATIONS AND USAGE\nPain.\nCONTRAINDICATIONS\nNone.",
        "INDICATIONS & USAGE:\nPain.\nCONTRAINDICATIONS:\nNone.",
        "Indications and Usage\nPain.\n\nContraindications\nNone.",
        "1 Indications and Usage\nPain.\n4 Contraindications\nNone.",
        "1. INDICATIONS AND USAGE\nPain.\n4. CONTRAINDICATIONS\nNone.",
        "Indications: Pain.\nContraindications: None.",
        "## Indications\nPain.\n## Contraindications\nNone.",
        "**Indications**\nPain.\n**Contraindications:**\nNone.",
        "INDICATIONS AND USAGE Pain.\nCONTRAINDICATIONS None.",
        "\r\nINDICATIONS\r\nPain.\r\nCONTRAINDICATIONS\r\nNone.\r\n",
    ],
)
def test_us_heading_styles(text):
    assert sections(text) == {"indications_and_usage": "Pain.", "contraindications": "None."}


def test_drug_facts():
    text = (
        "Drug Facts\nActive ingredient (in each tablet)\nExamplol 5 mg\nPurpose\nPain reliever\n"
        "Uses\nfor pain\nWarnings\nAllergy alert: may itch\nDo not use\nif allergic\n"
        "Stop use and ask a doctor if\npain lasts\nDirections\ntake 1\n"
        "Other information\nkeep dry\nInactive ingredients\nstarch\nQuestions or comments?\ncall us"
    )
    assert sections(text) == {
        "preamble": "Drug Facts",
        "composition": "Examplol 5 mg\n\nstarch",
        "indications_and_usage": "Pain reliever\n\nfor pain",
        "warnings": "Allergy alert: may itch\n\npain lasts",
        "contraindications": "if allergic",
        "dosage_and_administration": "take 1",
        "storage": "keep dry",
        "Questions or comments?": "call us",
    }


def test_markdown():
    text = (
        "# Examplol\n## Indications\nPain\n### In children\nno\n"
        "## Contraindications\nNone\n## Trials\nTwo"
    )
    insert = read_leaflet(text, "insert.md")
    assert insert.name == "Examplol"
    assert insert.sections == {
        "indications_and_usage": "Pain\nIn children\nno",
        "contraindications": "None",
        "Trials": "Two",
    }


# --- EU ----------------------------------------------------------------------------------------

EU_HEADINGS = {
    "indications_and_usage": "1. What Examplol is and what it is used for",
    "warnings": "2. What you need to know before you take Examplol",
    "dosage_and_administration": "3. How to take Examplol",
    "adverse_reactions": "4. Possible side effects",
    "storage": "5. How to store Examplol",
    "composition": "6. Contents of the pack and other information",
}
EU_BODIES = {
    "indications_and_usage": "It is for pain.",
    "warnings": "Do not take Examplol\n- if you are allergic\nWarnings and precautions\nAsk first.",
    "dosage_and_administration": "1. Open the pack.\n2. Take one tablet.",
    "adverse_reactions": "Sleepiness.",
    "storage": "Keep it dry.",
    "composition": "What Examplol contains\nExamplol 5 mg.",
}


@pytest.mark.parametrize(
    "style", [str, str.upper, lambda heading: heading[3:], lambda heading: f"## {heading}"]
)
def test_eu_leaflet(style):
    text = "Package leaflet: Information for the patient\n\nExamplol 5 mg tablets\nexamplolum\n\n"
    text += "What is in this leaflet\n" + "\n".join(map(style, EU_HEADINGS.values())) + "\n\n"
    text += "\n".join(f"{style(EU_HEADINGS[name])}\n{body}" for name, body in EU_BODIES.items())
    insert = read_leaflet(text, "eu.txt")
    assert (insert.name, insert.ingredients) == ("Examplol 5 mg tablets", ("examplolum",))
    found = dict(insert.sections)
    assert found.pop("preamble").startswith("Package leaflet")
    assert found == EU_BODIES


def test_eu_summary_of_product_characteristics():
    text = (
        "1. NAME OF THE MEDICINAL PRODUCT\nExamplol 5 mg tablets\n4. CLINICAL PARTICULARS\n"
        "4.1 Therapeutic indications\nPain\n4.2 Posology and method of administration\nOne a day\n"
        "4.3 Contraindications\nAllergy\n4.7 Effects on ability to drive and use machines\nSome\n"
        "4.8 Undesirable effects\nSleep\n5.1 Pharmacodynamic properties\nBlocks\n"
        "6.4 Special precautions for storage\nDry"
    )
    insert = read_leaflet(text, "smpc.txt")
    assert insert.name == "Examplol 5 mg tablets"
    assert insert.sections == {
        "NAME OF THE MEDICINAL PRODUCT": "Examplol 5 mg tablets",
        "indications_and_usage": "Pain",
        "dosage_and_administration": "One a day",
        "contraindications": "Allergy",
        "Effects on ability to drive and use machines": "Some",
        "adverse_reactions": "Sleep",
        "clinical_pharmacology": "Blocks",
        "storage": "Dry",
    }


# --- HTML --------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("data", [b"", "", "<p>", b"<html></html>"])
def test_html_refusals(data):
    with pytest.raises(ReadError, match=r"x\.html: (is no readable HTML page|holds only white)"):
        read_html(data, "x.html")


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
    text = piece * (1_000_000 // len(piece)) + "x"
    start = time.perf_counter()
    with pytest.raises(ReadError):
        read_leaflet(text, "long.txt")
    assert time.perf_counter() - start < 10


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
    "eu": ("{}\n{}", ";".join(EU_HEADINGS.values())),
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
