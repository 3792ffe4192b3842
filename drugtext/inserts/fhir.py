"""Electronic product information in FHIR, as EU regulators publish it -> a record of sections.

Source: https://build.fhir.org/ig/HL7/emedicinal-product-info/ (type 1: a Bundle with a Composition
whose sections hold the leaflet), and https://hl7.org/fhir/R5/composition.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from drugtext.inserts.headings import canonical_name
from drugtext.inserts.page import page_text

_DEEPEST = 20  # sections in one another; leaflets have four


def is_fhir(record: Mapping[str, Any]) -> bool:
    """Tell a FHIR resource that may hold a leaflet from any other record."""
    return record.get("resourceType") in ("Bundle", "Composition")


def record_from_fhir(resource: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Read the sections of a Bundle or a Composition, and the product's name.

    Args:
        resource: as FHIR's JSON gives it.
        source: the file's name, for messages.

    Returns:
        A record as `insert_from_record` takes it. What stands below a heading that opens no section
        of an insert belongs to the section around it.

    Raises:
        ReadError: the XHTML of a section cannot be read.
    """
    resources = [resource, *(_mapping(entry).get("resource") for entry in _list(resource, "entry"))]
    found: dict[str, Any] = {"sections": {}, "name": "", "language": ""}
    for one in map(_mapping, resources):
        if one.get("resourceType") == "Composition":
            found["language"] = found["language"] or one.get("language")
            for section in _list(one, "section"):
                for name, text in _pieces(_mapping(section), "", source, 0):
                    found["sections"].setdefault(name, []).append(text)
        elif one.get("resourceType") == "MedicinalProductDefinition":
            names = (_mapping(name).get("productName") for name in _list(one, "name"))
            found["name"] = found["name"] or next(filter(None, names), "")
    return {key: value for key, value in found.items() if value}


def _pieces(
    section: Mapping[str, Any], enclosing: str, source: str, depth: int
) -> Iterator[tuple[str, str]]:
    """Yield name and text of a section, then of those within it."""
    title = section.get("title")
    title = title.strip() if isinstance(title, str) else ""
    own = canonical_name(title) or ""
    name = own or enclosing or title
    div = _mapping(section.get("text")).get("div")
    text = page_text(div, source)[0] if isinstance(div, str) and div.strip() else ""
    told = title if enclosing and not own else ""  # a subheading
    if text := "\n".join(filter(None, (told, text))):
        yield name or "text", text
    if depth < _DEEPEST:
        for inner in _list(section, "section"):
            yield from _pieces(_mapping(inner), own or enclosing, source, depth + 1)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(resource: Mapping[str, Any], key: str) -> list[Any]:
    value = resource.get(key)
    return value if isinstance(value, list) else []
