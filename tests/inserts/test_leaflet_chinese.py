"""Chinese leaflets: headings in brackets and without, references, names."""

from __future__ import annotations

import pytest

from drugtext.inserts.leaflet import read_leaflet


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
