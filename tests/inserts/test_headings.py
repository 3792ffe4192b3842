"""Headings of every style, mapped onto the canonical section names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext.inserts.headings import (
    canonical_name,
    chinese_heading_kind,
    heading_key,
    plain_chinese_headings,
    simplified,
)
from drugtext.inserts.insert import CANONICAL_SECTIONS

FIELDS = {
    "boxed_warning": "boxed_warning",
    "indications_and_usage": "indications_and_usage purpose pl_what_it_is",
    "description": "description",
    "mechanism_of_action": "mechanism_of_action",
    "clinical_pharmacology": "clinical_pharmacology pharmacokinetics pharmacodynamics"
    " pharmacogenomics",
    "dosage_and_administration": "dosage_and_administration pl_how_to_use",
    "contraindications": "contraindications do_not_use",
    "warnings": "warnings warnings_and_cautions warnings_and_precautions precautions"
    " general_precautions ask_doctor ask_doctor_or_pharmacist stop_use when_using"
    " keep_out_of_reach_of_children pl_before_use",
    "adverse_reactions": "adverse_reactions pl_side_effects",
    "drug_interactions": "drug_interactions drug_and_or_laboratory_test_interactions",
    "use_in_specific_populations": "use_in_specific_populations pregnancy nursing_mothers lactation"
    " pregnancy_or_breast_feeding pediatric_use geriatric_use labor_and_delivery"
    " teratogenic_effects",
    "overdosage": "overdosage",
    "how_supplied": "how_supplied dosage_forms_and_strengths",
    "storage": "storage_and_handling pl_storage",
    "composition": "active_ingredient inactive_ingredient pl_contents",
    "patient_information": "information_for_patients spl_medguide medguide"
    " spl_patient_package_insert patient_package_insert instructions_for_use"
    " patient_medication_information",
}

PRINTED = {
    "boxed_warning": [
        "BOXED WARNING",
        "WARNING: SUICIDAL THOUGHTS AND BEHAVIORS",
        "WARNINGS: LIVER FAILURE",
        "【警示语】",
    ],
    "indications_and_usage": [
        "INDICATIONS AND USAGE",
        "1 INDICATIONS & USAGE",
        "Uses",
        "1. What Examplol is and what it is used for",
        "What Examplol is used for",
        "4.1 Therapeutic indications",
        "【适 应 症】",
        "［適應症］：",
        "[功能主治]",
        "〖适应症/功能主治〗",
        "一、适应症",
        "１．适应证",
        "适应症】",
        "【作用类别】",
    ],
    "description": ["11 DESCRIPTION", "【性状】", "【性 狀】"],
    "mechanism_of_action": ["12.1 Mechanism of Action", "【药理毒理】", "【藥理作用】"],
    "clinical_pharmacology": [
        "12 CLINICAL PHARMACOLOGY",
        "12.3 Pharmacokinetics",
        "5.1 Pharmacodynamic properties",
        "【药代动力学】",
    ],
    "dosage_and_administration": [
        "Directions",
        "3. How to take Examplol",
        "How you are given Examplol",
        "HOW TO USE EXAMPLOL",
        "4.2 Posology and method of administration",
        "【用法与用量】",
        "用法用量：",
    ],
    "contraindications": ["## Contraindications", "4.3 Contraindications", "【禁忌症】", "禁　忌"],
    "warnings": [
        "5 WARNINGS AND PRECAUTIONS",
        "2. What you need to know before you take Examplol",
        "Before you use Examplol",
        "4.4 Special warnings and precautions for use",
        "Ask a doctor before use if",
        "【注意事项】",
        "警語及注意事項",
    ],
    "adverse_reactions": [
        "6 Adverse Reactions",
        "4. Possible side effects",
        "4.8 Undesirable effects",
        "【不良反应】",
        "副作用：",
    ],
    "drug_interactions": [
        "4.5 Interaction with other medicinal products and other forms of interaction",
        "【药物相互作用】",
        "藥物交互作用",
    ],
    "use_in_specific_populations": [
        "8 USE IN SPECIFIC POPULATIONS",
        "4.6 Fertility, pregnancy and lactation",
        "【孕妇及哺乳期妇女用药】",
        "【孕婦及授乳婦女用藥】",
        "【儿童用药】",
        "【老年患者用药】",
    ],
    "overdosage": ["10 OVERDOSAGE", "4.9 Overdose", "【药物过量】"],
    "how_supplied": ["16 HOW SUPPLIED/STORAGE AND HANDLING", "【规格】", "【包装】"],
    "composition": [
        "Active ingredient (in each tablet)",
        "2. QUALITATIVE AND QUANTITATIVE COMPOSITION",
        "6. Contents of the pack and other information",
        "What Examplol contains",
        "【成份】",
        "主要成份：",
    ],
    "storage": [
        "5. How to store Examplol",
        "6.4 Special precautions for storage",
        "Other information",
        "【贮藏】",
        "儲存",
    ],
    "patient_information": ["17 PATIENT COUNSELING INFORMATION", "MEDICATION GUIDE"],
}


@pytest.mark.parametrize(
    ("field", "name"),
    [(field, name) for name, fields in FIELDS.items() for field in fields.split()],
)
def test_openfda_fields(field, name):
    assert canonical_name(field) == name


@pytest.mark.parametrize(
    ("heading", "name"), [(heading, name) for name, many in PRINTED.items() for heading in many]
)
def test_printed_headings(heading, name):
    assert canonical_name(heading) == name


@pytest.mark.parametrize(
    "heading",
    [
        "clinical_studies",
        "nonclinical_toxicology",
        "14 CLINICAL STUDIES",
        "references",
        "What is in this leaflet",
        "Contraindications include severe asthma",
        "通用名称",
        "【药品名称】",
        "【有效期】",
        "5-HT",
        "1.",
        "",
        "适应症" * 100,
    ],
)
def test_other_headings_have_no_canonical_name(heading):
    assert canonical_name(heading) is None


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("【适 應 症】", "section"),
        ("通用名称：", "generic_name"),
        ("【商品名稱】", "brand_name"),
        ("药品名称", "other_name"),
        ("【批准文号】", "own"),
        ("详见说明书", None),
        ("Contraindications", None),
    ],
)
def test_kinds_of_chinese_headings(heading, kind):
    assert chinese_heading_kind(heading) == kind


def test_every_canonical_name_has_a_heading():
    assert set(FIELDS) == set(PRINTED) == set(CANONICAL_SECTIONS)


def test_short_words_that_begin_lines_open_no_plain_section():
    assert {"适应症", "禁忌"} <= plain_chinese_headings()
    assert not {"儿童", "用法", "注意"} & plain_chinese_headings()


def test_simplified_keeps_every_offset():
    assert simplified("適應症 5 mg") == "适应症 5 mg"


@given(st.text())
def test_any_text_is_answered(heading):
    assert canonical_name(heading) in (None, *CANONICAL_SECTIONS)
    assert len(simplified(heading)) == len(heading)


@given(st.sampled_from([heading for many in PRINTED.values() for heading in many]))
def test_a_key_is_its_own_key(heading):
    assert heading_key(heading_key(heading)) == heading_key(heading)
