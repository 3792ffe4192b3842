"""Leaflets in FHIR: sections of a Composition, within one another."""

from __future__ import annotations

from typing import Any

import pytest

from drugtext.errors import ReadError
from drugtext.inserts.record import insert_from_record


def section(title: str, text: str = "", *inner: dict[str, Any]) -> dict[str, Any]:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{text}</div>'
    return {"title": title, "text": {"status": "additional", "div": div}, "section": [*inner]}


COMPOSITION = {
    "resourceType": "Composition",
    "language": "en",
    "section": [
        section(
            "B. Package Leaflet",
            "",
            section("What is in this leaflet", "<p>Six parts.</p>"),
            section("1. What Examplol is and what it is used for", "<p>It is for pain.</p>"),
            section(
                "2. What you need to know before you take Examplol",
                "<ul><li>Ask first.</li></ul>",
                section("Children and adolescents", "<p>Not below 6.</p>"),
            ),
        )
    ],
}
PRODUCT = {"resourceType": "MedicinalProductDefinition", "name": [{"productName": "Examplol 5 mg"}]}


def test_a_bundle_of_a_leaflet():
    entries = [{"resource": COMPOSITION}, {"resource": PRODUCT}, {"resource": None}, 5]
    insert = insert_from_record({"resourceType": "Bundle", "entry": entries}, "leaflet.json")
    assert (insert.name, insert.language) == ("Examplol 5 mg", "en")
    assert insert.sections == {
        "what is in this leaflet": "Six parts.",
        "indications_and_usage": "It is for pain.",
        "warnings": "• Ask first.\n\nChildren and adolescents\nNot below 6.",
    }


def test_several_leaflets_are_refused():
    entries = [{"resource": COMPOSITION}] * 2
    with pytest.raises(ReadError, match="holds 2 leaflets; give each as a file of its own"):
        insert_from_record({"resourceType": "Bundle", "entry": entries}, "leaflet.json")


def test_an_empty_section_costs_nothing():
    sections = [section("Uses", "<p>Pain</p>"), {"title": "x", "text": {"div": "<!-- none -->"}}]
    resource = {"resourceType": "Composition", "id": "a", "category": "pain", "section": sections}
    insert = insert_from_record(resource, "leaflet.json")
    assert insert.sections == {"indications_and_usage": "Pain"}
    assert (insert.id, insert.categories) == ("a", {"category": ("pain",)})
    assert insert_from_record({"resourceType": "Bundle", "text": "Pain"}, "a.json").text == "Pain"


def test_a_composition_by_itself():
    assert insert_from_record(COMPOSITION, "leaflet.json").sections["indications_and_usage"]
