"""US and EU leaflets in their styles."""

from __future__ import annotations

import re

import pytest

from drugtext.inserts.leaflet import read_leaflet


def sections(text: str) -> dict[str, str]:
    return dict(read_leaflet(text, "insert.txt").sections)


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


@pytest.mark.parametrize(
    ("title", "substances"),
    [
        ("EXAMPLOL (examplolol succinate) tablets, for oral use", ("examplolol succinate",)),
        (
            "EXAMPLOL\N{REGISTERED SIGN} (examplolol) tablet, film coated for oral use, CIV",
            ("examplolol",),
        ),
        (
            "EXAMPLUS (insulin examplin injection) solution, for subcutaneous use",
            ("insulin examplin",),
        ),
        (
            "EXAMPLIDE (examplolol and amplide) extended-release tablets, for oral use",
            ("examplolol", "amplide"),
        ),
        ("EXAMPLOLOL TARTRATE tablets, for oral use", ("examplolol tartrate",)),
        (
            "EXAMPLOLOL AND AMPLIDE extended-release capsules, for oral use",
            ("examplolol", "amplide"),
        ),
        ("EXAMPLUMAB-ABCD injection, for intravenous or subcutaneous use", ("examplumab-abcd",)),
        ("EXAMPLOL (examplolol) tablets", ()),
        ("Examplol\N{REGISTERED SIGN} tablets, for oral use", ()),
        ("Instructions (leaflet) for patient use", ()),
        ("Take the tablets as told, for best use", ()),
        ("EXAMPLOL (in boxes) tablets. For use in all. Use it.", ()),
    ],
)
def test_the_title_of_a_us_label_names_its_substances(title, substances):
    told = read_leaflet(f"{title}\n\n1 INDICATIONS AND USAGE\nFor pain.", "us.txt")
    assert told.ingredients == substances
    highlights = US.replace("-------INDICATIONS", f"{title}\n-------INDICATIONS", 1)
    assert read_leaflet(highlights, "us.txt").ingredients == substances


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
        "• Indications: Pain.\n• Contraindications: None.",
        "- Indications: Pain.\n- Contraindications: None.",
        "•\tINDICATIONS AND USAGE\nPain.\n•\tCONTRAINDICATIONS\nNone.",
        "Indications | Pain.\nContraindications | None.",
        "| Indications | Pain. |\n|---|---|\n| Contraindications | None. |",
        "Indications\tPain.\nContraindications\tNone.",
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


def test_drug_facts_in_one_line_each():
    text = "Uses ■ relieves aches\nDirections ■ take 1\nOther information ■ keep dry"
    assert sections(text) == {
        "indications_and_usage": "■ relieves aches",
        "dosage_and_administration": "■ take 1",
        "storage": "■ keep dry",
    }


def test_sentences_that_begin_like_headings_are_kept():
    text = (
        "Uses\naches\nDo not use with any other drug containing examplol\n"
        "Ask a doctor before use if you have liver disease\nDirections\ntake 2"
    )
    assert sections(text) == {
        "indications_and_usage": "aches",
        "contraindications": "Do not use with any other drug containing examplol",
        "warnings": "Ask a doctor before use if you have liver disease",
        "dosage_and_administration": "take 2",
    }


def test_side_effects_run_in():
    text = "Indications: Pain.\nSide effects: Sleep.\nHow to use: One a day.\nStorage: Dry."
    assert sections(text) == {
        "indications_and_usage": "Pain.",
        "adverse_reactions": "Sleep.",
        "dosage_and_administration": "One a day.",
        "storage": "Dry.",
    }


@pytest.mark.parametrize(
    "body",
    [
        "• 10 MG TABLETS\n• OVERDOSAGE\n• Pregnancy: may harm\n- Dosage: 5 mg",
        "Indication\tDose\nPain\t5 mg",
        "| INDICATION | DOSAGE |\n|---|---|\n| PAIN | 5 MG |",
    ],
)
def test_items_and_cells_are_parts_of_a_section_where_there_are_others(body):
    text = f"INDICATIONS AND USAGE\nPain.\nCONTRAINDICATIONS\nNone.\nHOW SUPPLIED\n{body}"
    assert sections(text)["how_supplied"] == body


def test_numbers_of_pages_are_none_of_headings():
    text = (
        "Drug\n1\nUses\npain\nWarnings\nhot\n2\nDirections\ntake\n3\nInactive ingredients\nstarch"
    )
    names = ("indications_and_usage", "warnings", "dosage_and_administration", "composition")
    assert [*sections(text)][1:] == [*names]


def test_bullets_and_cells_open_no_section():
    body = (
        "Tell the doctor of:\n• Warnings\n• Side effects\nDose | Use | Storage\n5 mg | daily | dry"
    )
    text = f"INDICATIONS\nPain.\nCONTRAINDICATIONS\n{body}\nHOW SUPPLIED\nIn boxes."
    assert sections(text)["contraindications"] == body


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


def test_eu_headings_broken_over_two_lines():
    broken = {
        "indications_and_usage": "1. What Examplol is and what it is\nused for",
        "warnings": "2. What you need to know\nbefore you take Examplol",
    }
    headings = EU_HEADINGS | broken
    text = "\n".join(f"{headings[name]}\n{body}" for name, body in EU_BODIES.items())
    assert sections(text) == EU_BODIES


def test_questions_of_australian_leaflets():
    text = (
        "1. Why am I using EXAMPLOL?\nPain.\n2. What should I know before I use EXAMPLOL?\nAsk.\n"
        "4. How do I use EXAMPLOL?\nDaily.\n6. Are there any side effects?\nSleep."
    )
    assert [*sections(text)] == [
        "indications_and_usage",
        "warnings",
        "dosage_and_administration",
        "adverse_reactions",
    ]


@pytest.mark.parametrize("end", [" ", "\n\n"], ids=["in one line", "numbers alone"])
def test_eu_summary_of_product_characteristics(end):
    text = (
        "1. NAME OF THE MEDICINAL PRODUCT\nExamplol 5 mg tablets\n4. CLINICAL PARTICULARS\n"
        "4.1 Therapeutic indications\nPain\n4.2 Posology and method of administration\nOne a day\n"
        "4.3 Contraindications\nAllergy\n4.7 Effects on ability to drive and use machines\nSome\n"
        "4.8 Undesirable effects\nSleep\n5.1 Pharmacodynamic properties\nBlocks\n"
        "6.4 Special precautions for storage\nDry"
    )
    text = re.sub(r"^([\d.]+) (?=[A-Z])", rf"\1{end}", text, flags=re.MULTILINE)
    in_small_letters = text.replace(
        "NAME OF THE MEDICINAL PRODUCT", "Name of the medicinal product"
    )
    assert read_leaflet(in_small_letters, "smpc.txt").name == "Examplol 5 mg tablets"
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
