"""DailyMed Structured Product Labels: HL7 v3 XML whose sections are coded in LOINC.

Source: HL7 Version 3 Standard: Structured Product Labeling; FDA, "SPL Implementation Guide with
Validation Procedures"; the codes: FDA, "Section Headings (LOINC)".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import BinaryIO

from lxml import etree

from drugtext.errors import ReadError
from drugtext.inserts.headings import canonical_name, heading_key
from drugtext.inserts.insert import DrugInsert, Section, join_sections
from drugtext.inserts.markup import element_text
from drugtext.inserts.spl_document import HL7_NAMESPACE, parse_spl

_CODES = {
    "boxed_warning": "34066-1",
    "indications_and_usage": "34067-9 55105-1 60560-0",
    "description": "34089-3",
    "mechanism_of_action": "43679-0",
    "clinical_pharmacology": "34090-1 43681-6 43682-4 49489-8 66106-6",
    "dosage_and_administration": "34068-7 60562-6",
    "contraindications": "34070-3 50570-1",
    "warnings": "43685-7 34071-1 42232-9 34072-9 50569-3 50568-5 50567-7 50566-9 50565-1 54433-8",
    "adverse_reactions": "34084-4 90374-0 90375-7",
    "drug_interactions": "34073-7 34074-5",
    "use_in_specific_populations": (
        "43684-0 42228-7 34077-8 34078-6 34079-4 34080-2 77290-5 77291-3 34081-0 34082-8 53414-9"
    ),
    "overdosage": "34088-5",
    "how_supplied": "34069-5 43678-2",
    "composition": "55106-9 51727-6",
    "storage": "44425-7",
    "patient_information": "34076-0 42231-1 42230-3 59845-8 68498-5 69761-5 38056-8",
    "package label": "51945-4",
}
_NAME_OF_CODE = {code: name for name, codes in _CODES.items() for code in codes.split()}
_PRODUCT_DATA = "48780-1"
# Codes that say nothing of what is inside: unclassified, other safety information, none.
_VAGUE = frozenset({"42229-5", "60561-8", ""})
# Here the title is part of the text: what a boxed warning is about, the words with which a
# sentence of an OTC label begins ("Ask a doctor before use if you have"), the strength of a pack.
_OPENINGS = "34066-1 50570-1 50569-3 50568-5 50567-7 50566-9 50565-1 53414-9 51945-4"
_TITLE_IS_TEXT = frozenset(_OPENINGS.split())
# A part of these is one more contraindication ("4.3 Pregnancy") or piece of advice, whatever its
# code says.
_UNDIVIDED = frozenset({"contraindications", "patient_information"})
_DISPLAY_NAME_FRAME = re.compile(r"^(spl|otc -) | (sub)?section$")


def read_spl(stream: BinaryIO, source: str) -> DrugInsert:
    """Read one Structured Product Label.

    A subsection stays with its title in the section around it, unless its code gives it another
    canonical name, such as the mechanism of action inside clinical pharmacology: then it is a
    section of its own. Contraindications and patient information are never divided. Highlights
    repeat the full text and are left out.

    Args:
        stream: the XML document, in any encoding that it declares.
        source: the file's name, for messages and kept on the insert.

    Returns:
        The insert. Its language is English where the document names none, as the FDA's do.

    Raises:
        ReadError: the XML is damaged, declares a DOCTYPE or holds a text of over 10 MB, is no SPL
            document, or holds no section text.

    Source:
        HL7 Version 3 SPL: `document` in the namespace urn:hl7-org:v3.
    """
    root = parse_spl(stream.read(), source)
    tops = enumerate(_find_all(root, "component/structuredBody/component/section"))
    pieces = ((top, name, text) for top, section in tops for name, text in _pieces(section))
    sections = join_sections(
        Section(name, "\n\n".join(text for _, _, text in run))
        for (_, name), run in groupby(pieces, key=lambda piece: piece[:2])
    )
    if not sections:
        raise ReadError(
            source,
            "the SPL document holds no section with text; a label with a structured body is needed"
            " (a product listing or a scanned label has none). Download the full label.",
        )
    names = _names(root, ".//manufacturedProduct/name") or _names(root, ".//partProduct/name")
    return DrugInsert(
        name=names[0] if names else "",
        sections=sections,
        language=_language(root),
        ingredients=_ingredients(root),
        brand_names=names,
        routes=_distinct(route.get("displayName", "") for route in _find_all(root, ".//routeCode")),
        set_id=_attribute(root, "setId", "root") or None,
        version=_attribute(root, "versionNumber", "value") or None,
        effective_date=_iso_date(_attribute(root, "effectiveTime", "value")),
        metadata=_metadata(root),
        source=source,
    )


def is_xml(start: bytes) -> bool:
    """Tell SPL from a page by how it begins, in lower case."""
    if b"<html" in start or b"<!doctype html" in start:
        return False
    return (
        start.startswith((b"<?xml", b"<!doctype")) or b"<document" in start or b"urn:hl7" in start
    )


def _pieces(section: etree._Element, enclosing: str | None = None) -> Iterator[tuple[str, str]]:
    """Yield (section name, text) for a section, then for each subsection, in reading order.

    The parser refuses documents that are nested deeply enough to exhaust the call stack.
    """
    code, title = _attribute(section, "code", "code"), _text(section, "title")
    if code == _PRODUCT_DATA:
        return
    name = _name(code, title, enclosing) or enclosing or _own_heading(section, title)
    lines = [element_text(text) for text in _find_all(section, "text")]
    if title and _keeps_title(code, title, name, enclosing):
        lines.insert(0, title)
    if text := "\n".join(filter(None, lines)):
        yield name, text
    for subsection in _find_all(section, "component/section"):
        yield from _pieces(subsection, name)


def _name(code: str, title: str, enclosing: str | None) -> str | None:
    """Name a section by its code or, where that says nothing, by its title; None for no name."""
    if enclosing in _UNDIVIDED:
        return None
    if code not in _VAGUE:
        # Boxes drawn around a paragraph are coded like the boxed warning, but have no title.
        is_frame = code == "34066-1" and not title and enclosing not in (None, "warnings")
        return None if is_frame else _NAME_OF_CODE.get(code)
    by_title = canonical_name(title) if title else None
    is_mechanism = by_title == "mechanism_of_action" and enclosing == "clinical_pharmacology"
    return by_title if enclosing is None or is_mechanism else None


def _own_heading(section: etree._Element, title: str) -> str:
    display_name = heading_key(_attribute(section, "code", "displayName"))
    return heading_key(title) or _DISPLAY_NAME_FRAME.sub("", display_name) or "unclassified"


def _keeps_title(code: str, title: str, name: str, enclosing: str | None) -> bool:
    """Tell whether a title stands in the text: not where the section's name says the same."""
    if name == enclosing:
        return True
    says_more = heading_key(title) != name.replace("_", " ")
    return says_more and (enclosing is not None or code in _TITLE_IS_TEXT)


def _ingredients(root: etree._Element) -> tuple[str, ...]:
    active = (
        name
        for ingredient in _find_all(root, ".//ingredient")
        if ingredient.get("classCode", "").startswith("ACT")
        for name in _names(ingredient, "ingredientSubstance/name")
    )
    return _distinct(active) or _names(root, ".//genericMedicine/name")


def _metadata(root: etree._Element) -> dict[str, str]:
    kind, identifier = _attribute(root, "code", "displayName"), _attribute(root, "id", "root")
    return {key: value for key, value in (("kind", kind), ("id", identifier)) if value}


def _language(root: etree._Element) -> str | None:
    given = _attribute(root, "languageCode", "code")
    given = given or root.get("{http://www.w3.org/XML/1998/namespace}lang", "") or "en"
    language = re.match(r"[a-z]{2}(?![a-z])", given.strip().lower())
    return language[0] if language else None


def _iso_date(digits: str) -> str | None:
    try:
        return date.fromisoformat(digits[:8]).isoformat() if digits[:8].isdecimal() else None
    except ValueError:
        return None


def _names(element: etree._Element, path: str) -> tuple[str, ...]:
    # A suffix is an element inside the name, with no space before it: <name>A<suffix>B</suffix>.
    return _distinct(" ".join(name.itertext("*")) for name in _find_all(element, path))


def _distinct(names: Iterator[str]) -> tuple[str, ...]:
    """Fold white space and drop what recurs in any case; the first spelling stays."""
    found: dict[str, str] = {}
    for name in names:
        folded = " ".join(name.split())
        if folded:
            found.setdefault(folded.casefold(), folded)
    return tuple(found.values())


def _find_all(element: etree._Element, path: str) -> Iterator[etree._Element]:
    return element.iterfind(path, namespaces={None: HL7_NAMESPACE})


def _attribute(element: etree._Element, child: str, attribute: str) -> str:
    values = (found.get(attribute, "") for found in _find_all(element, child))
    return next((value.strip() for value in values if value.strip()), "")


def _text(element: etree._Element, child: str) -> str:
    return " ".join(element_text(found).replace("\n", " ") for found in _find_all(element, child))
