"""Chinese leaflets: headings in brackets and without, references, names."""

from __future__ import annotations

import pytest

from drugtext.errors import ReadError
from drugtext.inserts.leaflet import SeveralInsertsError, read_leaflet


def sections(text: str) -> dict[str, str]:
    return dict(read_leaflet(text, "insert.txt").sections)


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
        "适应症(Indications)：",
        "【适应症 Indications】",
        "INDICATIONS 適應症\n",
        "〔适应症〕",
        "【适\n应症】",
        "适应症\t",
        "适应症 | ",
        "适应症：| ",
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


def test_chinese_headings_run_on_behind_numbers_and_commas():
    text = "1.适应症：感染 2.用法用量：口服，规格：5mg者一片，注意事项：过敏"
    assert sections(text) == {
        "indications_and_usage": "感染",
        "dosage_and_administration": "口服，规格：5mg者一片，",
        "warnings": "过敏",
    }


@pytest.mark.parametrize("lead", ["", "一、", "1. "])
def test_a_space_parts_headings_from_texts_where_nothing_else_does(lead):
    text = f"{lead}适应症 感染\n{lead}用法用量 口服\n{lead}不良反应 恶心"
    assert [*sections(text).values()] == ["感染", "口服", "恶心"]
    with pytest.raises(ReadError, match="no section was recognised"):
        sections("适应症 一词见下\n用法用量 亦同")


def test_rows_of_a_markdown_table():
    text = "| 适应症 | 感染 |\n|---|---|\n| 用法用量 | 口服 |\n"
    assert sections(text) == {"indications_and_usage": "感染", "dosage_and_administration": "口服"}


def test_a_table_within_a_section_opens_none():
    for table in ("规格 | 用量 | 成份\n5 mg | 一片 | 某某", "规格\t用量\n5mg\t一片"):
        assert sections(f"【用法用量】口服\n{table}\n【禁忌】无") == {
            "dosage_and_administration": f"口服\n{table}",
            "contraindications": "无",
        }


def test_taiwanese_headings():
    text = "適應症：頭痛\n副作用：噁心\n9 過量\n洗胃\n13.3 儲存條件\n陰涼處"
    assert sections(text) == {
        "indications_and_usage": "頭痛",
        "adverse_reactions": "噁心",
        "overdosage": "洗胃",
        "storage": "陰涼處",
    }


@pytest.mark.parametrize("heading", ["【适应症】", "适应症："])
def test_several_inserts_in_one_text_are_refused(heading):
    one, other = (
        f"【药品名称】{name}\n{heading}头痛\n【禁忌】无\n" for name in ("甲甲片", "乙乙片")
    )
    with pytest.raises(SeveralInsertsError, match="holds 2 inserts: 甲甲片, 乙乙片"):
        read_leaflet(one + other, "insert.txt")
    again = one.replace("甲甲片", "甲 甲片（10mg）")
    assert read_leaflet(one + again, "insert.txt").name == "甲甲片"


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
        "如【不良反应】所述，应停药。出现【禁忌】时停药。",
        "用于符合【适应症】的患者",
        "检查『成分』和[MRI检查]后再用",
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
        ("【药品名称】\n通 用 名 称 ： 某某片\n商品名 称：明明", "某某片", ("明明",)),
        ("【药品名称】\n通用名称 某某片\n商品名称 明明", "某某片", ("明明",)),
        ("【药品名称】\n品名：某某片\n英文名：Some", "某某片", ()),
        ("药品名称：通用名称：某某片 英文名称：Some 商品名称：无", "某某片", ()),
    ],
)
def test_chinese_names(names, name, brands):
    insert = read_leaflet(f"{names}\n【适应症】头痛\n【禁忌】无", "insert.txt")
    assert (insert.name, insert.ingredients, insert.brand_names) == (name, (name,), brands)
    assert insert.sections["indications_and_usage"] == "头痛"


@pytest.mark.parametrize(
    "above", ["处方药", "OTC 甲类", "国药准字H1", "页码：1/3", "请在医师指导下使用并阅读说明书"]
)
def test_what_stands_above_the_title_is_no_name(above):
    insert = read_leaflet(f"{above}\n某某片说明书\n【适应症】头痛\n【禁忌】无", "insert.txt")
    assert insert.name == "某某片"


def test_the_title_line_names_a_chinese_insert_without_a_generic_name():
    insert = read_leaflet("核准日期：2020年\n某某片使用说明书\n【适应症】头痛", "insert.txt")
    assert (insert.name, insert.ingredients) == ("某某片", ())
