"""read_spl: Structured Product Labels, and what is refused as one."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drugtext.errors import DrugTextError, ReadError
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.spl import read_spl

FIXTURES = Path(__file__).parents[1] / "fixtures"
EXAMPLOL = (FIXTURES / "examplol.xml").read_bytes()
DRUG_FACTS = (FIXTURES / "otc-drug-facts.xml").read_bytes()
SAMPLE = Path(__file__).parents[2] / "samples" / "metoral-spl.xml"

REAL_NAMES = (
    "adalimumab albuterol amlodipine amoxicillin apixaban atorvastatin azithromycin cough"
    " escitalopram gabapentin humira levothyroxine lipitor-orig lipitor-repack lisinopril metformin"
    " metoprolol no-title omeprazole pembrolizumab prednisone semaglutide warfarin"
)


def read(data: bytes) -> DrugInsert:
    return read_spl(io.BytesIO(data), "label.xml")


def document(sections: str, head: str = "", attributes: str = "") -> bytes:
    return (
        f'<document xmlns="urn:hl7-org:v3" {attributes}>{head}<component><structuredBody>{sections}'
        "</structuredBody></component></document>"
    ).encode()


def section(code: str, text: str, title: str = "", inner: str = "") -> str:
    return (
        f'<component><section><code code="{code}"/><title>{title}</title><text>{text}</text>{inner}'
        "</section></component>"
    )


USES = section("34067-9", "Pain")


def refusal(data: bytes) -> str:
    with pytest.raises(ReadError) as caught:
        read(data)
    assert caught.value.source == "label.xml"
    return caught.value.reason


class TestSections:
    def test_all_sections_in_reading_order(self):
        assert dict(read(EXAMPLOL).sections) == {
            "boxed_warning": "WARNING: DO NOT STOP SUDDENLY\nLower the dose step by step.",
            "indications_and_usage": (
                "Examplol is indicated for high blood pressure.\n"
                "• alone, or\n"
                "• with a diuretic (Samplithiazide.).\n\n"
                "1.1 Limits of use\nNot for children."
            ),
            "contraindications": "4.1 Slow pulse\n\n4.2 Pregnancy\nIt may harm the child.",
            "warnings": "Watch the pulse.\n\nSurgery\nTell the anesthetist.",
            "drug_interactions": "Other beta blockers add to the effect.",
            "use_in_specific_populations": "Pediatric Use\nNot studied.",
            "adverse_reactions": (
                "Table 1: In 100 patients\n"
                "Reaction | Examplol (%) | Placebo (%)\n"
                "Heart\n"
                "Slow pulse | 4 | <1"
            ),
            "mechanism_of_action": (
                "Examplolol blocks the beta1 receptor.\n\nSelectivity\nLost at high doses."
            ),
            "clinical_pharmacology": "12.3 Pharmacokinetics\nIn vitro studies found no binding.",
            "clinical studies": "Two trials were held.",
            "carcinogenesis and mutagenesis": "None was seen in rats.",
            "storage": "Keep it dry.",
            "unclassified": "Made by Example Works.",
            "package label": "Carton, 50 mg\n30 tablets",
        }

    def test_reading_order_is_that_of_the_document(self):
        assert list(read(EXAMPLOL).sections)[3:6] == [
            "warnings",
            "drug_interactions",
            "use_in_specific_populations",
        ]

    def test_drug_facts_without_section_titles(self):
        assert dict(read(DRUG_FACTS).sections) == {
            "composition": "Sampletirizine 5 mg\n\nStarch, lactose",
            "indications_and_usage": "Antihistamine\n\nEases sneezing",
            "contraindications": "Do not use\nif allergic to it",
            "warnings": (
                "Ask a doctor before use if you have\n• kidney disease\n\n"
                "Keep out of reach of children.\nIn case of overdose, call for help."
            ),
            "use_in_specific_populations": "If pregnant or breast-feeding,\nask a doctor.",
            "dosage_and_administration": "One tablet a day",
            "storage": "Store below 25 °C",
            "questions": "Write to us",
        }

    def test_an_unclassified_mechanism_inside_pharmacology_is_a_section_of_its_own(self):
        inner = section("42229-5", "Blocks it.", "12.1 Mechanism of Action")
        sections = read(document(section("34090-1", "Intro.", "12", inner))).sections
        assert sections == {"clinical_pharmacology": "Intro.", "mechanism_of_action": "Blocks it."}

    def test_an_unclassified_subsection_stays_whatever_its_title_says(self):
        inner = section("42229-5", "Halve the dose.", "Pregnancy")
        sections = read(document(section("34068-7", "One a day.", "Dosage", inner))).sections
        assert sections == {"dosage_and_administration": "One a day.\n\nPregnancy\nHalve the dose."}

    def test_an_untitled_box_inside_a_section_is_a_frame_around_its_text(self):
        inner = section("34066-1", "Never double it.")
        assert read(document(section("34068-7", "One a day.", "Dosage", inner))).sections == {
            "dosage_and_administration": "One a day.\n\nNever double it."
        }
        assert read(document(section("34071-1", "Careful.", "Warnings", inner))).sections == {
            "warnings": "Careful.",
            "boxed_warning": "Never double it.",
        }

    def test_advice_to_patients_is_not_divided(self):
        inner = section("42228-7", "Say if you are pregnant.", "Pregnancy")
        assert read(document(section("34076-0", "Tell them.", "17", inner))).sections == {
            "patient_information": "Tell them.\n\nPregnancy\nSay if you are pregnant."
        }

    def test_equal_headings_without_text_are_both_kept(self):
        dose = section("42229-5", "", "Adults", section("42229-5", "{}", "Start"))
        inner = dose.format("5 mg") + dose.format("9 mg")
        sections = read(document(section("34068-7", "", "Dosage", inner))).sections
        assert sections == {
            "dosage_and_administration": "Adults\n\nStart\n5 mg\n\nAdults\n\nStart\n9 mg"
        }

    def test_an_unclassified_section_with_a_known_title_is_named_by_it(self):
        assert read(
            document(section("42229-5", "Pain", "1. Indications &amp; Usage:"))
        ).sections == {"indications_and_usage": "Pain"}

    def test_a_section_without_code_or_title_is_still_read(self):
        bare = "<component><section><text>Alone</text></section></component>"
        assert read(document(bare)).sections == {"unclassified": "Alone"}


class TestFacts:
    def test_names_ingredients_and_routes(self):
        insert = read(EXAMPLOL)
        assert insert.name == "Examplol XR"
        assert insert.brand_names == ("Examplol XR", "Examplol Plus")
        assert insert.ingredients == ("EXAMPLOLOL HYDROCHLORIDE", "SAMPLITHIAZIDE")
        assert insert.routes == ("ORAL",)

    def test_identity_of_the_document(self):
        insert = read(EXAMPLOL)
        assert insert.set_id == "7d0c3b19-8c5e-4f6a-b2a7-90fd1c64ee02"
        assert insert.version == "12"
        assert insert.effective_date == "2024-02-29"
        assert insert.source == "label.xml"
        assert insert.metadata == {
            "kind": "HUMAN PRESCRIPTION DRUG LABEL",
            "id": "0b1f7a52-60c4-4f0e-9d54-3c8e5a7d1e01",
        }

    def test_the_generic_name_stands_in_for_missing_ingredients(self):
        assert read(DRUG_FACTS).ingredients == ("sampletirizine",)

    @pytest.mark.parametrize(
        ("digits", "date"),
        [
            ("20240229", "2024-02-29"),
            ("20240301093000-0500", "2024-03-01"),
            ("20230229", None),
            ("202403", None),
            ("2024-W01", None),
            ("soon", None),
        ],
    )
    def test_a_date_that_is_none_is_left_out(self, digits, date):
        head = f'<effectiveTime value="{digits}"/>'
        assert read(document(USES, head)).effective_date == date

    @pytest.mark.parametrize(
        ("head", "attributes", "language"),
        [
            ("", "", "en"),
            ('<languageCode code="en-US"/>', "", "en"),
            ('<languageCode code="ES"/>', "", "es"),
            ("", 'xml:lang="fr-CA"', "fr"),
            ('<languageCode code="12"/>', "", None),
        ],
    )
    def test_language(self, head, attributes, language):
        assert read(document(USES, head, attributes)).language == language

    def test_a_bare_document_has_no_facts(self):
        insert = read(document(USES))
        assert (insert.name, insert.brand_names, insert.ingredients, insert.routes) == (
            "",
            (),
            (),
            (),
        )
        assert (insert.set_id, insert.version, insert.effective_date) == (None, None, None)
        assert insert.metadata == {}

    def test_other_encodings_that_the_document_declares(self):
        text = '<?xml version="1.0" encoding="UTF-16"?>' + document(USES).decode()
        assert read(text.encode("utf-16")).sections == {"indications_and_usage": "Pain"}


class TestRefusals:
    def test_empty(self):
        assert refusal(b" \n") == "the file is empty; a Structured Product Label (XML) is needed."

    def test_cut_off(self):
        reason = refusal(EXAMPLOL[:5000])
        assert reason.startswith("the XML is damaged or cut off (")
        assert "line" in reason
        assert reason.endswith("a whole Structured Product Label is needed. Download it again.")

    def test_unknown_encoding(self):
        assert "damaged" in refusal(b'<?xml version="1.0" encoding="klingon"?>' + document(USES))

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    @pytest.mark.parametrize(
        "place", ["<text>&c;</text>", '<text ID="&c;">x</text>', "<text>unused</text>"]
    )
    def test_entities_that_grow_without_bound(self, place, encoding):
        bomb = '<!DOCTYPE document [<!ENTITY a "ha"><!ENTITY b "{}"><!ENTITY c "{}">]>'
        bomb = bomb.format("&a;" * 50_000, "&b;" * 50_000)
        label = document(f"<component><section>{place}</section></component>").decode()
        reason = refusal((bomb + label).encode(encoding))
        assert reason.startswith("the XML declares a DOCTYPE")
        assert reason.endswith("Remove it or download the label again.")

    def test_entities_that_read_other_files(self, tmp_path):
        secret = tmp_path / "secret.txt"
        secret.write_text("secret words")
        doctype = f'<!DOCTYPE document [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'.encode()
        reason = refusal(doctype + document(section("34067-9", "&x;")))
        assert reason.startswith("the XML declares a DOCTYPE")
        assert "secret words" not in reason

    def test_a_doctype_that_names_an_external_subset(self):
        doctype = b'<!DOCTYPE document SYSTEM "http://127.0.0.1:9/spl.dtd">'
        assert refusal(doctype + document(USES)).startswith("the XML declares a DOCTYPE")

    def test_another_namespace(self):
        assert refusal(b'<document xmlns="urn:other"/>') == (
            "found XML with the root <document> in the namespace urn:other; a Structured Product"
            " Label has the root <document> in urn:hl7-org:v3."
        )

    def test_another_root(self):
        assert "the root <rss> in the namespace (none);" in refusal(b"<rss/>")

    @pytest.mark.parametrize(
        "sections",
        ["", section("34067-9", " "), section("48780-1", "Listed.")],
        ids=["no section", "no text", "product data only"],
    )
    def test_no_section_text(self, sections):
        reason = refusal(document(sections))
        assert reason.startswith("the SPL document holds no section with text;")

    def test_nesting_without_end(self):
        deep = "<component><section>" * 5000 + "</section></component>" * 5000
        assert "damaged" in refusal(document(deep))

    @pytest.mark.parametrize(
        "text",
        ["a" * 10_000_001, f'<content ID="{"a" * 10_000_001}">x</content>'],
        ids=["text", "attribute"],
    )
    def test_text_of_over_ten_megabytes(self, text):
        assert refusal(document(section("34067-9", text))) == (
            "a text in the XML is too long: over 10 MB, the limit of the parser (libxml2), and no"
            " Structured Product Label comes near that. Shorten or divide the text."
        )


@given(st.binary(max_size=300))
def test_any_bytes_give_an_insert_or_an_error_of_ours(data):
    try:
        assert isinstance(read(data), DrugInsert)
    except DrugTextError as error:
        assert str(error).startswith("label.xml: ")


@given(data=st.data(), original=st.sampled_from([EXAMPLOL, DRUG_FACTS, document(USES)]))
def test_damaged_labels_give_an_insert_or_an_error_of_ours(data, original):
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged)))
        length = data.draw(st.integers(0, 40))
        damaged[place : place + length] = data.draw(st.binary(max_size=8))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)))]
    try:
        insert = read(bytes(damaged))
    except DrugTextError as error:
        assert str(error).startswith("label.xml: ")
    else:
        assert insert.sections


def test_the_sample_is_a_full_label():
    with SAMPLE.open("rb") as stream:
        insert = read_spl(stream, SAMPLE.name)
    assert (insert.name, insert.ingredients) == ("Metoral", ("METOPROLOL SUCCINATE",))
    assert (insert.routes, insert.effective_date) == (("ORAL",), "2025-03-14")
    assert list(insert.sections) == [
        "boxed_warning",
        "indications_and_usage",
        "dosage_and_administration",
        "how_supplied",
        "contraindications",
        "warnings",
        "adverse_reactions",
        "drug_interactions",
        "use_in_specific_populations",
        "overdosage",
        "description",
        "mechanism_of_action",
        "clinical_pharmacology",
        "storage",
        "patient_information",
    ]
    assert 700 <= len(insert.text.split()) <= 1100


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL_NAMES.split())
def test_real_labels_are_read_in_full(real_data, name):
    file = real_data / "spl" / f"{name}.xml"
    with file.open("rb") as stream:
        insert = read_spl(stream, file.name)
    assert insert.name
    assert insert.ingredients
    assert insert.routes or name == "cough"
    assert len(insert.effective_date) == len("2026-01-01")
    assert len(insert.sections["indications_and_usage"]) > 100
    assert len(insert.sections) >= 9
    for text in insert.sections.values():
        assert text == text.strip()
        assert "\n\n\n" not in text
