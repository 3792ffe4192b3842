"""Electronic product information in FHIR, as EU regulators publish it -> a record of sections.

Source: https://build.fhir.org/ig/HL7/emedicinal-product-info/ (type 1: a Bundle with a Composition
whose sections hold the leaflet), and https://hl7.org/fhir/R5/composition.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from drugtext.errors import ReadError
from drugtext.inserts.headings import canonical_name
from drugtext.inserts.page import page_text

_PRODUCT = "MedicinalProductDefinition"
_TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
_MARKS = re.compile(r"^#{1,6} ", re.MULTILINE)
_DEEPEST = 20  # sections in one another; leaflets have four


def is_fhir(record: Mapping[str, Any]) -> bool:
    """Tell a FHIR resource that may hold a leaflet from any other record."""
    holds = {"Bundle": "entry", "Composition": "section"}.get(str(record.get("resourceType")))
    return holds is not None and isinstance(record.get(holds), list)


def record_from_fhir(resource: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Read the sections of a Bundle or a Composition, and the product's name.

    Args:
        resource: as FHIR's JSON gives it.
        source: the file's name, for messages.

    Returns:
        A record as `insert_from_record` takes it. What stands below a heading that opens no section
        of an insert belongs to the section around it.

    Raises:
        ReadError: it holds several leaflets, or the XHTML of a section cannot be read.
    """
    resources = [resource, *(_mapping(entry).get("resource") for entry in _list(resource, "entry"))]
    leaflets = [one for one in map(_mapping, resources) if one.get("resourceType") == "Composition"]
    if len(leaflets) > 1:
        raise ReadError(source, f"holds {len(leaflets)} leaflets; give each as a file of its own.")
    leaflet = next(iter(leaflets), {})
    sections: dict[str, list[str]] = {}
    for section in _list(leaflet, "section"):
        for name, text in _pieces(_mapping(section), "", source, 0):
            sections.setdefault(name, []).append(text)
    products = (one for one in map(_mapping, resources) if one.get("resourceType") == _PRODUCT)
    named = (_mapping(name).get("productName") for one in products for name in _list(one, "name"))
    own = {key: resource[key] for key in ("id", "category") if isinstance(resource.get(key), str)}
    product = next(filter(None, named), None)
    return own | {"sections": sections, "name": product, "language": leaflet.get("language")}


def _pieces(
    section: Mapping[str, Any], enclosing: str, source: str, depth: int
) -> Iterator[tuple[str, str]]:
    """Yield name and text of a section, then of those within it."""
    title = section.get("title")
    title = title.strip() if isinstance(title, str) else ""
    own = canonical_name(title) or ""
    name = own or enclosing or title
    div = _mapping(section.get("text")).get("div")
    text = ""
    if isinstance(div, str) and _TAG.sub("", div).strip():
        text = _MARKS.sub("", page_text(div, source)[0])
    told = title if enclosing and not own else ""  # a subheading
    if text := "\n".join(filter(None, (told, text))):
        yield name or "text", text
    for inner in _list(section, "section"):
        if depth == _DEEPEST:
            raise ReadError(source, f"has sections more than {_DEEPEST} deep in one another.")
        yield from _pieces(_mapping(inner), own or enclosing, source, depth + 1)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(resource: Mapping[str, Any], key: str) -> list[Any]:
    value = resource.get(key)
    return value if isinstance(value, list) else []
