"""One JSON or table record -> DrugInsert: openFDA's fields, drugtext's own, or text and category."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from drugtext.errors import ReadError
from drugtext.inserts.headings import canonical_name
from drugtext.inserts.insert import CANONICAL_SECTIONS, DrugInsert, Section, join_sections
from drugtext.inserts.language import detect_language
from drugtext.inserts.leaflet import read_leaflet

_NOT_SECTIONS = {
    "spl_product_data_elements",  # names and inactive ingredients in one row, not prose
    "package_label_principal_display_panel",  # the words printed on the box
    "id",
    "set_id",
    "version",
    "effective_time",
}
_LONGEST_HEADING = 8  # words, its number included: "17 PATIENT COUNSELING INFORMATION"
_SHORTEST_REPEAT = 80  # characters; a shorter text ("None.") is found inside others by chance


def insert_from_record(record: object, source: str) -> DrugInsert:
    """Make an insert of one record.

    Args:
        record: a mapping in one of three forms: openFDA drug/label (a list of texts a field, names
            under `openfda`), drugtext's own (`sections` is a mapping), or `text` with an optional
            `category`.
        source: the file it came from, kept on the insert.

    Returns:
        The insert, its sections under canonical names where they have one.

    Raises:
        ReadError: the record is no mapping or holds no section text.
    """
    if not isinstance(record, Mapping):
        raise ReadError(source, f"found {type(record).__name__} where a record {{…}} is needed.")
    if "error" in record and "openfda" not in record:
        raise ReadError(source, f"openFDA answered with an error, not inserts: {record['error']}")
    if isinstance(record.get("sections"), Mapping):
        raw, names = record["sections"], record
    elif isinstance(record.get("text"), str):
        return _insert_from_text(record, source)
    else:
        names = record.get("openfda") if isinstance(record.get("openfda"), Mapping) else {}
        raw = {
            key: value
            for key, value in record.items()
            if key not in _NOT_SECTIONS and not key.endswith("_table") and isinstance(value, list)
        }
    sections = _sections(raw)
    if not sections:
        found = ", ".join(map(str, list(record)[:6])) or "no field"
        raise ReadError(
            source,
            f"the record holds no section text (fields: {found});"
            ' a field such as "indications_and_usage" is needed.',
        )
    return _insert(record, names, sections, source)


def _insert_from_text(record: Mapping[str, object], source: str) -> DrugInsert:
    text = str(record["text"])
    if not text.strip():
        raise ReadError(source, 'the field "text" is empty; the text of an insert is needed.')
    try:
        read = read_leaflet(text, source)
    except ReadError:  # a sentence or two without headings is a legitimate record
        return _insert(record, record, {"text": text.strip()}, source)
    return _insert(record, record, dict(read.sections), source, name=read.name)


def _insert(
    record: Mapping[str, object],
    names: Mapping[str, object],
    sections: dict[str, str],
    source: str,
    name: str = "",
) -> DrugInsert:
    brands, generics = _texts(names, "brand_name"), _texts(names, "generic_name")
    given = _first(record, "name")
    language = _first(record, "language") or _first(record, "lang")
    return DrugInsert(
        name=given or (brands + generics + (name,))[0],
        sections=sections,
        language=language.split("-")[0] if language else detect_language("\n".join(sections.values())),
        ingredients=_texts(names, "ingredients") or _texts(names, "substance_name") or generics,
        brand_names=brands,
        routes=_texts(names, "route"),
        set_id=_first(record, "set_id") or None,
        version=_first(record, "version") or None,
        effective_date=iso_date(_first(record, "effective_time")),
        categories=_categories(record, names),
        metadata={
            key: value
            for key, value in record.items()
            if isinstance(value, str) and key not in _NOT_SECTIONS | {"text", "name", "lang"}
        }
        | {"id": _first(record, "id")},
        source=source,
    )


def _categories(
    record: Mapping[str, object], names: Mapping[str, object]
) -> dict[str, tuple[str, ...]]:
    epc = _texts(record, "epc") or tuple(
        name.removesuffix(" [EPC]") for name in _texts(names, "pharm_class_epc")
    )
    found = {"atc": _texts(record, "atc"), "epc": epc, "category": _texts(record, "category")}
    return {taxonomy: ids for taxonomy, ids in found.items() if ids}


def _sections(raw: Mapping[str, object]) -> dict[str, str]:
    sections = []
    for key in raw:
        name = canonical_name(str(key)) or str(key)
        sections += [Section(name, _without_heading(text, name)) for text in _texts(raw, key)]
    return join_sections(_without_repeats(sections))


def _without_heading(text: str, name: str) -> str:
    """Drop the printed heading that openFDA leaves in front ("1 INDICATIONS AND USAGE …")."""
    words = text.split(maxsplit=_LONGEST_HEADING)
    for n_words in range(min(_LONGEST_HEADING, len(words) - 1), 0, -1):
        heading = " ".join(words[:n_words])
        if heading == heading.upper() and canonical_name(heading) == name:
            return re.sub(r"\S+\s+", "", text.lstrip(), count=n_words)
    return text


def _without_repeats(sections: list[Section]) -> Iterable[Section]:
    """Keep each text once: openFDA gives a subsection within its section and again on its own.

    A subsection with a canonical name of its own (mechanism of action) is cut out of the section
    around it; any other stays only where it stands.
    """
    for section in sections:
        around = (s for s in sections if len(s.text) > len(section.text) and section.text in s.text)
        if any(s.name == section.name or section.name not in CANONICAL_SECTIONS for s in around):
            continue
        text = section.text
        for inner in sections:
            is_own = inner.name != section.name and inner.name in CANONICAL_SECTIONS
            if is_own and _SHORTEST_REPEAT <= len(inner.text) < len(text):
                text = text.replace(inner.text, "\n", 1)
        yield Section(section.name, text)


def _texts(fields: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = fields.get(key)
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(v.strip() for v in values if isinstance(v, str) and v.strip())


def _first(fields: Mapping[str, object], key: str) -> str:
    return next(iter(_texts(fields, key)), "")


def iso_date(digits: str | None) -> str | None:
    """Turn `YYYYMMDD` into `YYYY-MM-DD`; None for anything else."""
    match = re.fullmatch(r"(\d{4})(\d{2})(\d{2})\d*", digits or "")
    return "-".join(match.groups()) if match else None
