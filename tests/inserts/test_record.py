"""insert_from_record: openFDA records, drugtext's own, and bare texts."""

from typing import Any

import pytest

from drugtext.errors import ReadError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.record import insert_from_record

MECHANISM = (
    "12.1 Mechanism of Action Examplolol sits on the beta1 receptor of the heart and keeps"
    " adrenaline away from it."
)
KINETICS = (
    "12.3 Pharmacokinetics Two thirds of a dose reach the blood; the liver breaks most of it down"
    " within a day."
)
STORAGE = (
    "16.2 Storage and Handling Keep the bottle closed, in a dry place, at no more than twenty-five"
    " degrees."
)


def read(record: Any) -> DrugInsert:
    return insert_from_record(record, "part.json")


def sections(**fields: Any) -> dict[str, str]:
    return dict(read(fields).sections)


def refusal(record: Any) -> str:
    with pytest.raises(ReadError) as caught:
        read(record)
    assert caught.value.source == "part.json"
    return caught.value.reason


class TestOpenfda:
    def test_every_field_finds_its_place(self):
        insert = read(
            {
                "id": "a-1",
                "set_id": "s-1",
                "version": "7",
                "effective_time": "20260131",
                "openfda": {
                    "brand_name": ["Examplol", "Examplol XR"],
                    "generic_name": ["EXAMPLOLOL SUCCINATE"],
                    "substance_name": ["EXAMPLOLOL"],
                    "route": ["ORAL"],
                    "product_type": ["HUMAN PRESCRIPTION DRUG"],
                    "pharm_class_epc": ["Pulse Calmer [EPC]"],
                },
                "spl_product_data_elements": ["Examplol EXAMPLOLOL STARCH"],
                "indications_and_usage": ["1 INDICATIONS AND USAGE For a fast pulse in adults."],
            }
        )
        assert insert == DrugInsert(
            name="Examplol",
            sections={"indications_and_usage": "For a fast pulse in adults."},
            language=None,
            ingredients=("EXAMPLOLOL",),
            brand_names=("Examplol", "Examplol XR"),
            routes=("ORAL",),
            set_id="s-1",
            id="a-1",
            version="7",
            effective_date="2026-01-31",
            categories={"epc": ("Pulse Calmer",)},
            metadata={"kind": "HUMAN PRESCRIPTION DRUG", "id": "a-1"},
            source="part.json",
        )

    @pytest.mark.parametrize(
        ("names", "name"),
        [
            ({"brand_name": ["Examplol"], "generic_name": ["EXAMPLOLOL"]}, "Examplol"),
            ({"generic_name": ["EXAMPLOLOL"]}, "EXAMPLOLOL"),
            ({}, ""),
        ],
    )
    def test_name_is_the_brand_else_the_generic_name(self, names, name):
        assert read({"openfda": names, "warnings": ["Watch the pulse."]}).name == name

    def test_other_sections_are_named_in_lower_case_words(self):
        assert sections(
            indications_and_usage=["For pain."],
            clinical_studies=["One trial was held."],
            spl_unclassified_section=["Made by Example Works."],
            package_label_principal_display_panel=["Examplol 50 mg"],
            animal_pharmacology_and_or_toxicology=["Rats slept."],
        ) == {
            "indications_and_usage": "For pain.",
            "clinical studies": "One trial was held.",
            "unclassified": "Made by Example Works.",
            "package label": "Examplol 50 mg",
            "animal pharmacology and or toxicology": "Rats slept.",
        }

    def test_tables_and_product_data_are_left_out(self):
        assert sections(
            adverse_reactions=["Sleep 3 1"],
            adverse_reactions_table=["<table><tr><td>Sleep</td></tr></table>"],
            boxed_warning_table=["<table/>"],
            spl_product_data_elements=["Examplol STARCH"],
        ) == {"adverse_reactions": "Sleep 3 1"}

    def test_fields_of_one_name_are_joined_in_order(self):
        assert sections(
            warnings=["WARNINGS Watch the pulse."],
            precautions=["PRECAUTIONS General Ask about asthma."],
            keep_out_of_reach_of_children=["Keep out of reach of children."],
        ) == {
            "warnings": (
                "Watch the pulse.\n\nGeneral Ask about asthma.\n\nKeep out of reach of children."
            )
        }

    def test_sections_given_as_bare_texts(self):
        assert sections(indications_and_usage="For pain.", id="7") == {
            "indications_and_usage": "For pain."
        }


class TestEachTextStandsOnce:
    def test_mechanism_is_cut_out_of_the_section_around_it(self):
        assert sections(
            clinical_pharmacology=[f"12 CLINICAL PHARMACOLOGY {MECHANISM} {KINETICS}"],
            mechanism_of_action=[MECHANISM],
            pharmacokinetics=[KINETICS],
        ) == {
            "clinical_pharmacology": KINETICS,
            "mechanism_of_action": MECHANISM.removeprefix("12.1 Mechanism of Action "),
        }

    def test_nothing_is_left_of_a_section_that_was_all_mechanism(self):
        assert sections(
            clinical_pharmacology=[f"12 CLINICAL PHARMACOLOGY {MECHANISM}"],
            mechanism_of_action=[MECHANISM],
        ) == {"mechanism_of_action": MECHANISM.removeprefix("12.1 Mechanism of Action ")}

    def test_own_subsection_stays_in_the_section_around_it(self):
        trial = "In a trial of ninety patients over one year the pulse fell by ten beats a minute."
        assert sections(
            indications_and_usage=["For a fast pulse."],
            clinical_studies=[f"14 CLINICAL STUDIES {trial} Nothing else was seen."],
            laboratory_tests=[trial],
        ) == {
            "indications_and_usage": "For a fast pulse.",
            "clinical studies": f"{trial} Nothing else was seen.",
        }

    def test_sections_within_sections_within_sections(self):
        pregnancy = f"Pregnancy Not studied. {MECHANISM.replace('12.1', '8.1')}"
        assert sections(
            precautions=[f"PRECAUTIONS Take care. {pregnancy} {STORAGE}"],
            pregnancy=[pregnancy],
            storage_and_handling=[STORAGE],
            nonteratogenic_effects=["Not studied."],
        ) == {
            "warnings": "Take care.",
            "use_in_specific_populations": pregnancy,
            "storage": STORAGE.removeprefix("16.2 Storage and Handling "),
        }

    def test_short_text_found_inside_another_by_chance_is_kept(self):
        assert sections(contraindications=["None."], warnings=["None. Take care."]) == {
            "contraindications": "None.",
            "warnings": "None. Take care.",
        }

    def test_equal_texts_of_one_section(self):
        assert sections(warnings=["Take care.", "Take care."], precautions=["Take care."]) == {
            "warnings": "Take care."
        }

    def test_a_great_many_texts_are_all_kept(self):
        texts = [f"Reaction {n}." for n in range(20_000)]
        assert sections(adverse_reactions=texts) == {"adverse_reactions": "\n\n".join(texts)}


@pytest.mark.parametrize(
    ("field", "printed", "text"),
    [
        ("indications_and_usage", "1 INDICATIONS AND USAGE For pain.", "For pain."),
        ("indications_and_usage", "INDICATIONS & USAGE: For pain.", "For pain."),
        ("indications_and_usage", "Indications and Usage Examplol calms.", "Examplol calms."),
        ("indications_and_usage", "Uses temporarily eases pain", "Uses temporarily eases pain"),
        ("contraindications", "4 CONTRAINDICATIONS None.", "None."),
        ("contraindications", "Contraindications include asthma.", None),
        ("contraindications", "CONTRAINDICATIONS", ""),
        ("information_for_patients", "17 PATIENT COUNSELING INFORMATION Ask.", "Ask."),
        ("clinical_studies", "14 CLINICAL STUDIES One trial.", "One trial."),
        ("boxed_warning", "WARNING: SLOW PULSE Do not stop.", None),
        ("boxed_warning", "BOXED WARNING Do not stop.", "Do not stop."),
        ("do_not_use", "DO NOT USE if you have asthma", None),
        ("use_in_specific_populations", "8 USE IN SPECIFIC POPULATIONS 8.1 Boys", "8.1 Boys"),
        ("pregnancy", "PREGNANCY Not studied.", None),
        ("storage_and_handling", "16.2 How to store Examplol safely", None),
        ("dosage_and_administration", "2 tablets a day", None),
    ],
)
def test_printed_heading_goes_where_it_only_repeats_the_name(field, printed, text):
    found = read({"warnings": ["Take care."], field: [printed]}).sections
    (kept,) = [text for name, text in found.items() if name != "warnings"] or [""]
    assert kept == (printed if text is None else text)


class TestOwnRecords:
    def test_sections_with_other_data(self):
        insert = read(
            {
                "name": "Examplol",
                "language": "en-US",
                "sections": {"Indications": "For a fast pulse.", "Clinical Studies": "One."},
                "ingredients": ["examplolol"],
                "brand_name": [],
                "route": "oral",
                "atc": ["C07AB99"],
                "epc": [],
                "category": "heart",
                "kind": "us_full_label",
                "note": "kept",
                "n_chars": 12,
                "product_type": None,
            }
        )
        assert insert == DrugInsert(
            name="Examplol",
            sections={"indications_and_usage": "For a fast pulse.", "clinical studies": "One."},
            language="en",
            ingredients=("examplolol",),
            routes=("oral",),
            categories={"atc": ("C07AB99",), "category": ("heart",)},
            metadata={"kind": "us_full_label", "note": "kept"},
            source="part.json",
        )

    def test_markup_in_a_text(self):
        page = read({"text": "<h2>Indications</h2><p>For a <b>fast</b> pulse.</p>"})
        assert dict(page.sections) == {"indications_and_usage": "For a fast pulse."}
        line = read({"text": "<p>For a <b>fast</b> pulse.</p>"})
        assert dict(line.sections) == {"text": "For a fast pulse."}
        assert read({"text": "<5 mg calm."}).sections["text"] == "<5 mg calm."

    def test_spl_in_a_text_whatever_encoding_it_names(self):
        section = '<section><code code="34067-9"/><text>Für Puls.</text></section>'
        body = f"<component><structuredBody><component>{section}</component></structuredBody>"
        document = f'<document xmlns="urn:hl7-org:v3">{body}</component></document>'
        insert = read({"text": f'<?xml version="1.0" encoding="ISO-8859-1"?>\n{document}'})
        assert dict(insert.sections) == {"indications_and_usage": "Für Puls."}

    def test_fields_named_as_on_the_insert_itself(self):
        insert = DrugInsert(
            name="Examplol",
            sections={"storage": "Keep it dry."},
            language="en",
            ingredients=("examplolol",),
            brand_names=("Examplol",),
            routes=("oral",),
            set_id="s",
            version="2",
            effective_date="2026-01-31",
            categories={"atc": ("C07AB99",)},
            metadata={},
            source="part.json",
        )
        record = {name: getattr(insert, name) for name in insert.__dataclass_fields__}
        assert read(record | {"source": None, "metadata": None}) == insert

    def test_chinese_headings(self):
        insert = read(
            {
                "name": "示例片",
                "lang": "zh",
                "sections": {"适应症/功能主治": "用于心跳过快。", "有效期": "二十四个月"},
            }
        )
        assert dict(insert.sections) == {
            "indications_and_usage": "用于心跳过快。",
            "有效期": "二十四个月",
        }
        assert insert.language == "zh"

    @pytest.mark.parametrize(
        "fields",
        [
            {"通用名称": "某某片", "商品名称": "明明"},
            {"【药品名称】": "通用名称：某某片\n商品名称：明明"},
            {"sections": {"药品名称": "通用名称：某某片\n商品名称：明明", "禁忌": "无"}},
        ],
    )
    def test_chinese_names(self, fields):
        insert = insert_from_record({"适应症": "头痛"} | fields, "a.json")
        assert (insert.name, insert.ingredients, insert.brand_names) == (
            "某某片",
            ("某某片",),
            ("明明",),
        )

    def test_tags_and_numbers_in_sections(self):
        fields = {"适应症": "<p>感染</p>", "用法用量": "口服&nbsp;<br/>一日", "规格": 500}
        assert insert_from_record(fields, "a.json").sections == {
            "indications_and_usage": "感染",
            "dosage_and_administration": "口服\n一日",
            "how_supplied": "500",
        }
        told = {"text": "某某片<br>【适应症】感染\n【禁忌】无，p<0.05"}
        assert insert_from_record(told, "a.json").sections == {
            "preamble": "某某片",
            "indications_and_usage": "感染",
            "contraindications": "无，p<0.05",
        }

    def test_a_label_within_a_record(self):
        shop = {"id": 7, "name": "Examplol", "description": "Buy now!", "storage": "Shelf A3"}
        label = {"id": 9, "indications": "For pain.", "description": "White."}
        other = {"related": {"name": "B", "indications": "For fever."}, "warnings": "Own."}
        assert "indications_and_usage" not in insert_from_record(other, "a.json").sections
        for record in (shop | {"label": label}, shop | {"product": {"label": label}}):
            insert = insert_from_record(record, "a.json")
            assert (insert.id, insert.name) == ("7", "Examplol")
            assert insert.sections == {
                "description": "White.",
                "storage": "Shelf A3",
                "indications_and_usage": "For pain.",
            }

    def test_categories_as_tables_have_them(self):
        record = {"text": "For pain.", "类别": 7.0}
        assert insert_from_record(record, "a.json").categories == {"category": ("7",)}
        record |= {"atc": "C07AB02, C07AB03", "epc": "Beta Blocker [EPC]"}
        assert insert_from_record(record, "a.json").categories == {
            "atc": ("C07AB02", "C07AB03"),
            "epc": ("Beta Blocker",),
        }
        record = {"text": "For pain.", "category": "pain, fever", "类别": "other"}
        assert insert_from_record(record, "a.json").categories == {"category": ("pain, fever",)}

    def test_signs_that_are_no_tags_stay(self):
        text = "INR <b 3 and p <0.05. Use x<u and y>v in pain, or T<p and q>3.\n\na\tb"
        assert insert_from_record({"warnings": text}, "a.json").sections == {"warnings": text}

    def test_a_link_to_the_insert_is_no_text_of_it(self):
        record = {"适应症": "感染", "说明书": "https://example.org/insert.pdf"}
        insert = insert_from_record(record, "a.json")
        assert insert.sections == {"indications_and_usage": "感染"}
        assert insert.metadata == {"说明书": "https://example.org/insert.pdf"}
        assert insert_from_record({"说明书": "【适应症】感染"}, "a.json").metadata == {}

    def test_several_inserts_in_a_text_are_refused(self):
        one, other = (f"【药品名称】{name}片\n【适应症】头痛\n" for name in ("甲甲", "乙乙"))
        for text in (one + other, f"<p>{one}</p><p>{other}</p>".replace("\n", "<br>")):
            with pytest.raises(ReadError, match="holds 2 inserts: 甲甲片, 乙乙片"):
                insert_from_record({"text": text}, "a.json")

    def test_text_with_headings_is_read_as_a_leaflet(self):
        insert = read(
            {"text": "【适应症】用于心跳过快。\n【禁忌】哮喘患者禁用。", "category": "C07"}
        )
        assert dict(insert.sections) == {
            "indications_and_usage": "用于心跳过快。",
            "contraindications": "哮喘患者禁用。",
        }
        assert insert.categories == {"category": ("C07",)}

    def test_text_without_headings_is_kept_whole(self):
        assert dict(read({"text": " Calms the pulse. "}).sections) == {"text": "Calms the pulse."}

    def test_text_stands_in_for_sections_that_are_empty(self):
        assert sections(sections={}, text="Calms the pulse.") == {"text": "Calms the pulse."}

    @pytest.mark.parametrize(
        ("given", "date"),
        [
            ("20260131", "2026-01-31"),
            ("2026-01-31", "2026-01-31"),
            ("20261399", None),
            ("soon", None),
        ],
    )
    def test_dates(self, given, date):
        assert read({"text": "For pain.", "effective_time": given}).effective_date == date

    def test_what_json_can_escape_but_no_text_holds(self):
        insert = read({"warnings": ["Take\x00care\ud800now."]})
        assert insert.sections["warnings"] == "Take care now."


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (5, "found a number where a record {…} is needed."),
        ("For pain.", "found a text where a record {…} is needed."),
        (None, "found null where a record {…} is needed."),
        (True, "found true or false where a record {…} is needed."),
        ([], "found a list where a record {…} is needed."),
        ({}, "no section was recognised in the record (its fields: none)"),
        ({"tags": ["a"], "id": "7"}, "no section was recognised in the record (its fields: tags,"),
        ({"sections": {}}, "no section was recognised in the record (its fields: sections)"),
        ({"warnings": [" "]}, "no section was recognised in the record (its fields: warnings)"),
        ({"sections": ["For pain."]}, '"sections" is a list; {"indications_and_usage": "…"} is'),
        (
            {"sections": {"warnings": True}},
            "section 'warnings' holds true or false; text is needed.",
        ),
        ({"warnings": ["a", {}]}, "section 'warnings' holds a mapping; text is needed."),
        ({"text": "  "}, 'the field "text" is empty; the text of an insert is needed.'),
        (
            {"error": {"code": "NOT_FOUND", "message": "No matches found!"}},
            "openFDA answered with an error, not with inserts: No matches found!",
        ),
    ],
)
def test_refusals(record, reason):
    assert reason in refusal(record)
