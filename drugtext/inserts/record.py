"""One JSON or table record -> DrugInsert: openFDA's fields, drugtext's own, or a bare text."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from drugtext.errors import ReadError
from drugtext.inserts.forms import plain_record
from drugtext.inserts.headings import canonical_name
from drugtext.inserts.insert import DrugInsert
from drugtext.inserts.language import detect_language
from drugtext.inserts.leaflet import SeveralInsertsError, read_html, read_leaflet
from drugtext.inserts.leaflet_names import chinese_names
from drugtext.inserts.leaflet_parts import Part
from drugtext.inserts.page import page_text, without_tags
from drugtext.inserts.sections import clean, codes_in, is_known, kind_of, sections_of, texts_in
from drugtext.inserts.spl import is_xml, read_spl

_MARKUP = re.compile(r"<(?:\?xml|!doctype|!--|[a-z][a-z0-9]*(?::\w+)?[\s/>])", re.IGNORECASE)
_CATEGORY_FIELDS = ("Category", "类别", "分类", "药品类别", "药品分类", "類別", "分類")
_COMMAS = re.compile(r"[,;|、；，]")
_ATC = re.compile(r"[A-Z](?:\d\d(?:[A-Z]{1,2}(?:\d\d)?)?)?")
_DECLARATION = re.compile(r"<\?xml[^>]*\?>\s*")
_NO_SECTIONS = frozenset(
    {
        "spl_product_data_elements",  # names and inactive ingredients in one row, not prose
        *("brand_name", "brand_names", "generic_name", "substance_name", "ingredients"),
        *("route", "routes", "category", "categories", "pharm_class_epc"),
        *("atc", "atc_all", "epc"),
        *_CATEGORY_FIELDS,
    }
)
# Fields with a place of their own in a DrugInsert; other texts of a record are its metadata.
_HAS_PLACE = _NO_SECTIONS | {
    *("name", "Name", "sections", "language", "lang", "set_id", "version", "text"),
    *("effective_time", "effective_date"),
}


def insert_from_record(record: object, source: str, row: int | None = None) -> DrugInsert:
    """Make an insert of one record.

    Args:
        record: a mapping in one of three forms: drugtext's own (`sections` is a mapping), `text`
            with an optional `category`, or openFDA drug/label (a list of texts a field, names under
            `openfda`); or such as `plain_record` brings into these. Fields of no use are ignored.
        source: the file it came from, kept on the insert.
        row: place among the records of that file, kept as well.

    Returns:
        The insert, its sections under canonical names where they have one, else under their
        heading in lower case. A text that openFDA gives twice, in a section and as a field of its
        own, stands once.

    Raises:
        ReadError: the record is no mapping, holds no section text, or something else in its place.
    """
    if not isinstance(record, Mapping):
        raise ReadError(source, f"found {kind_of(record)} where a record {{…}} is needed.")
    record = plain_record(record, source)
    given, text = record.get("sections"), record.get("text")
    if given is not None and not isinstance(given, Mapping):
        raise ReadError(
            source, f'"sections" is {kind_of(given)}; {{"indications_and_usage": "…"}} is needed.'
        )
    if given:
        read = DrugInsert(sections=sections_of(given, source))
    elif isinstance(text, str):
        read = _read_text(text, source)
    else:
        read = DrugInsert(sections=_sections_of_fields(record, source) if given is None else {})
    if not read.sections:
        raise ReadError(source, _no_sections(record))
    return replace(_insert(record, read, source), row=row)


def _read_text(text: str, source: str) -> DrugInsert:
    text = clean(text)
    if not text:
        raise ReadError(source, 'the field "text" is empty; the text of an insert is needed.')
    if _MARKUP.match(text):
        return _read_markup(text, source)
    text = without_tags(text)
    try:
        return read_leaflet(text, source)
    except SeveralInsertsError:
        raise
    except ReadError:  # a sentence or two without headings is a legitimate record
        return DrugInsert(sections={"text": text})


def _read_markup(text: str, source: str) -> DrugInsert:
    if is_xml(text[:4096].lower().encode()):
        # The encoding that its first line names is that of the file which it was taken from.
        return read_spl(io.BytesIO(_DECLARATION.sub("", text, 1).encode()), source)
    try:
        return read_html(text, source)
    except SeveralInsertsError:
        raise
    except ReadError:
        told, _ = page_text(text, source)
        if not told:
            raise
        return DrugInsert(sections={"text": told})


def _sections_of_fields(record: Mapping[str, object], source: str) -> dict[str, str]:
    """Take for sections all lists of texts, and what stands under a canonical name.

    openFDA repeats the tables of a section, in HTML, in a field beside it.
    """
    fields = {
        name: value
        for name, value in record.items()
        if not name.endswith("_table") and name not in _HAS_PLACE
        if _is_texts(value) or canonical_name(name)
    }
    sections = sections_of(fields, source)
    return sections if any(map(is_known, sections)) else {}


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _no_sections(record: Mapping[str, object]) -> str:
    error = record.get("error")
    if isinstance(error, Mapping) and isinstance(error.get("message"), str):
        return f"openFDA answered with an error, not with inserts: {clean(error['message'])}"
    empty = [clean(name[:40]) for name, v in record.items() if canonical_name(name) and not v]
    if empty:
        return f"its {empty[0]} is empty; the text of a section, or of the whole insert, is needed."
    fields = ", ".join(clean(name[:40]) for name in list(record)[:6]) or "none"
    return (
        f"no section was recognised in the record (its fields: {fields});"
        ' a field such as "indications_and_usage", or "text", is needed.'
    )


def _insert(record: Mapping[str, object], read: DrugInsert, source: str) -> DrugInsert:
    """Add to the sections what the record says of the product and of itself."""
    openfda = record.get("openfda")
    names = openfda if isinstance(openfda, Mapping) else record
    brands = texts_in(names, "brand_name") or texts_in(names, "brand_names") or read.brand_names
    generics = texts_in(names, "generic_name")
    chinese, chinese_brands = _chinese_names(record)
    brands, generics = brands or chinese_brands, generics or tuple(filter(None, [chinese]))
    language = re.match(r"[a-z]{2}(?![a-z])", _first(record, "language", "lang").lower())
    return DrugInsert(
        name=_first(record, "name", "Name") or chinese or next(iter(brands + generics), read.name),
        sections=read.sections,
        language=language[0] if language else read.language or detect_language(read.beginnings),
        ingredients=texts_in(names, "ingredients")
        or texts_in(names, "substance_name")
        or generics
        or read.ingredients,
        brand_names=brands,
        routes=texts_in(names, "route") or texts_in(names, "routes"),
        set_id=_first(record, "set_id") or None,
        version=_first(record, "version") or None,
        effective_date=_iso_date(_first(record, "effective_time", "effective_date")),
        categories=_categories(record, names),
        metadata=_metadata(record, names),
        source=source,
        id=next(iter(codes_in(record, "id")), ""),
    )


def _chinese_names(record: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    """Read the names that fields such as 通用名称 and 商品名称 hold, as `chinese_names` does."""
    given = record.get("sections")
    fields = {**record, **given} if isinstance(given, Mapping) else record
    parts = (Part("", clean(key), text) for key in fields for text in texts_in(fields, key))
    return chinese_names([*parts])


def _categories(
    record: Mapping[str, object], names: Mapping[str, object]
) -> dict[str, tuple[str, ...]]:
    given = record.get("categories")
    fields = given if isinstance(given, Mapping) else {}
    found = {clean(str(key)): texts_in(fields, key) for key in fields}
    classes = tuple(name.removesuffix(" [EPC]") for name in texts_in(names, "pharm_class_epc"))
    given_by = ("atc", "atc_all", "epc", "category")
    found |= {key: texts for key in given_by if (texts := _codes(record, key))}
    if not found:  # else such a field tells whether it is sold over the counter, or the like
        given_as = (codes for key in _CATEGORY_FIELDS if (codes := codes_in(record, key)))
        found["category"] = next(given_as, ())
    if classes:
        found.setdefault("epc", classes)
    return {taxonomy: ids for taxonomy, ids in found.items() if ids}


def _codes(record: Mapping[str, object], key: str) -> tuple[str, ...]:
    """Give the codes of a field; those of the ATC may stand in one cell of a table."""
    codes = tuple(code.removesuffix(" [EPC]") for code in codes_in(record, key))
    pieces = tuple(filter(None, (piece.strip() for code in codes for piece in _COMMAS.split(code))))
    return pieces if key != "category" and all(map(_ATC.fullmatch, pieces)) else codes


def _metadata(record: Mapping[str, object], names: Mapping[str, object]) -> dict[str, str]:
    found = {"kind": _first(names, "product_type")}
    found |= {
        clean(key): _first(record, key)
        for key, value in record.items()
        if isinstance(value, str) and key not in _HAS_PLACE and not canonical_name(key)
    }
    return {key: value for key, value in found.items() if value}


def _first(fields: Mapping[str, object], *keys: str) -> str:
    return next((text for key in keys for text in texts_in(fields, key)), "")


def _iso_date(text: str) -> str | None:
    digits = text.replace("-", "")[:8]
    try:
        return date.fromisoformat(digits).isoformat() if digits.isdecimal() else None
    except ValueError:
        return None
